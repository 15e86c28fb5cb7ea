// Which kernels there are for GPUs, and what a launch needs.

#include "operators.h"

#ifdef EVO_CUDA_KERNELS
void* evo_cuda_stream(int device);  // cuda/stream.cpp
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

Gpu::Gpu(const at::Tensor& t) : guard(t.device()), type(type_of(t.scalar_type())), stream(stream_of(t)) {}

}  // namespace evo::kernels

// Whether this library has kernels for GPUs (1), and attention among them (2).
EVO_API int32_t evo_cuda_kernels() {
  if (!evo::kernels::kCuda) return 0;
  return EVO_TORCH_AT_LEAST(2, 6) ? 3 : 1;
}
