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

namespace {

void sum_rows(const at::Tensor& matrix, const at::Tensor& to, bool add) {
  const at::Tensor x = matrix.contiguous();
  const Gpu gpu(x);
  const int64_t rows = x.size(0), C = x.size(1);
  const at::Tensor part = at::empty({cuda::column_parts(rows, C), C}, x.options().dtype(wide_type(x.scalar_type())));
  cuda::column_sums(gpu.type, x.data_ptr(), part.data_ptr(), rows, C, part.size(0), gpu.stream);
  cuda::sum_of_column_parts(gpu.type, part.data_ptr(), to.data_ptr(), C, part.size(0), add, gpu.stream);
}

}  // namespace

at::Tensor sum_of_rows(const at::Tensor& x) {
  if (!on_cuda(x)) return x.sum(0);
  const at::Tensor sum = at::empty({x.size(1)}, x.options());
  sum_rows(x, sum, false);
  return sum;
}

void add_sum_of_rows(const at::Tensor& x, at::Tensor sum) {
  complete(sum);
  on_cuda(x) && sum.is_contiguous() ? sum_rows(x, sum, true) : void(sum.add_(x.sum(0)));
}

Gpu::Gpu(const at::Tensor& t) : guard(t.device()), type(type_of(t.scalar_type())), stream(stream_of(t)) {}

}  // namespace evo::kernels

// What this library has for GPUs, added up: 1 kernels, 2 libtorch's flash attention beside them, 4 counters of memory.
EVO_API int32_t evo_cuda_kernels() {
  int32_t found = 0;
  if (evo::kernels::kCuda) found |= EVO_TORCH_AT_LEAST(2, 6) ? 3 : 1;
#ifdef EVO_CUDA_MEMORY
  found |= 4;
#endif
  return found;
}
