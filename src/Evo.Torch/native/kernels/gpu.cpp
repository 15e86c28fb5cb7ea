// Which kernels there are for GPUs, and what a launch needs.

#include "operators.h"

#ifdef EVO_CUDA_KERNELS
// cuda/stream.cpp
void* evo_cuda_stream(int device);
int evo_cuda_generation(int device);
#endif

namespace evo::kernels {
namespace {

cuda::Type type_of(at::ScalarType type) {
  switch (type) {
    case at::kFloat: return cuda::Type::f32;
    case at::kDouble: return cuda::Type::f64;
    case at::kBFloat16: return cuda::Type::bf16;
    case at::kHalf: return cuda::Type::f16;
    default: TORCH_CHECK(false, type, " tensors have no kernels; use float32, float64, bfloat16 or float16");
  }
}

cuda::Stream stream_of(const at::Tensor& t) {
#ifdef EVO_CUDA_KERNELS
  return evo_cuda_stream(t.device().index());
#else
  (void)t;
  return nullptr;
#endif
}

}  // namespace

int gpu_generation(const at::Tensor& t) {
#ifdef EVO_CUDA_KERNELS
  return evo_cuda_generation(t.device().index());
#else
  (void)t;
  return 0;
#endif
}

Gpu::Gpu(const at::Tensor& t) : guard(t.device()), type(type_of(t.scalar_type())), stream(stream_of(t)) {}

}  // namespace evo::kernels

// What this library has for GPUs, added up: 1 kernels, 2 attention among them, 4 counters of memory.
EVO_API int32_t evo_cuda_kernels() {
  int32_t found = 0;
  if (evo::kernels::kCuda) found |= EVO_TORCH_AT_LEAST(2, 6) ? 3 : 1;
#ifdef EVO_CUDA_MEMORY
  found |= 4;
#endif
  return found;
}
