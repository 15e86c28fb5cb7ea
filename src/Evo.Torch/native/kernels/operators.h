// What the operators of evo:: share: types at run time, rows of memory, threads, and the rule that a backward is differentiated once.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/DeviceGuard.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <vector>

#include "cuda/kernels.h"
#include "evo_torch.h"
#include "table.h"

namespace evo::kernels {

// Calls f with a value of the stored type: float, double, or uint16_t for bfloat16.
template <class F>
void with_type(at::ScalarType type, const char* name, F f) {
  switch (type) {
    case at::kFloat: return f(float{});
    case at::kDouble: return f(double{});
    case at::kBFloat16: return f(std::uint16_t{});
    default: TORCH_CHECK(false, name, ": ", type, " tensors are not supported; use float32, float64 or bfloat16");
  }
}

inline at::ScalarType wide_type(at::ScalarType type) { return type == at::kDouble ? at::kDouble : at::kFloat; }

template <class S>
S* pointer(const at::Tensor& t) {
  return static_cast<S*>(t.data_ptr());
}

#ifdef EVO_CUDA_KERNELS
constexpr bool kCuda = true;
#else
constexpr bool kCuda = false;
#endif

// Whether the kernels of cuda/ are there and are meant; folded away where they are not. For their tests they are built to run on the
// processor (cuda/on_cpu), and are meant there.
inline bool on_cuda(const at::Tensor& t) {
#ifdef EVO_CUDA_ON_CPU
  return t.is_cpu();
#else
  return kCuda && t.is_cuda();
#endif
}

inline void check_device(const at::Tensor& t, const char* name) {
  TORCH_CHECK(
      t.device().is_cpu() || on_cuda(t), name, ": there is no kernel for tensors on ", t.device(),
      t.is_cuda() ? "; Evo was built without a CUDA compiler" : "");
}

// What a launch needs: the tensor's GPU made the current one, its type and the stream.
struct Gpu {
  explicit Gpu(const at::Tensor& t);
  const c10::DeviceGuard guard;
  const cuda::Type type;
  const cuda::Stream stream;
};

// The major number of its compute capability: 8 Ampere, 9 Hopper. 0: no GPU's.
int gpu_generation(const at::Tensor& t);

// The sum over the rows of a matrix, and one that is added to `sum`.
at::Tensor sum_of_rows(const at::Tensor& x);
void add_sum_of_rows(const at::Tensor& x, at::Tensor sum);

// Memory of one thread, on a cache line's border.
template <class W>
class Scratch {
 public:
  explicit Scratch(int64_t count)
      : memory_(static_cast<W*>(std::aligned_alloc(64, static_cast<std::size_t>(rounded_up(count * sizeof(W) + 1, 64))))) {
    TORCH_CHECK(memory_, "no memory for ", count, " elements of scratch");
  }
  W* get() const { return memory_.get(); }

 private:
  struct Free {
    void operator()(W* p) const { std::free(p); }
  };
  std::unique_ptr<W, Free> memory_;
};

// Calls f(scratch, item) for the items [0, n), in no order, each by whichever thread is free: for items of unequal length, of which each
// has a result of its own. A thread has one scratch of so many elements for all its items.
template <class W, class F>
void each_by_any_thread(int64_t n, int64_t scratch, F f) {
  std::atomic<int64_t> next{0};
  at::parallel_for(0, std::min<int64_t>(n, at::get_num_threads()), 1, [&](int64_t, int64_t) {
    const Scratch<W> own(scratch);
    for (int64_t item = next++; item < n; item = next++) f(own.get(), item);
  });
}

constexpr int64_t kGrain = 16384;  // elements of a thread's share: about 10 microseconds of work, more than it costs to wake one

// Rows of so many elements that make a thread's share.
inline int64_t row_grain(int64_t C) { return std::max<int64_t>(1, kGrain / std::max<int64_t>(1, C)); }

// Random words below it are dropped: share * 2^32.
inline std::uint32_t drop_limit(double share) { return static_cast<std::uint32_t>(std::min(std::nearbyint(share * 4294967296.0), 4294967295.0)); }

constexpr int64_t kSummedRows = 64;  // rows whose part of a sum over rows is taken together, whatever the number of threads

// The sum over `rows` rows of what `add(part, begin, end)` adds to part [width] for rows [begin, end): [width], of the computed type.
template <class W, class Add>
at::Tensor sum_over_rows(int64_t rows, int64_t width, const at::TensorOptions& options, Add add) {
  const int64_t parts = std::max<int64_t>(1, (rows + kSummedRows - 1) / kSummedRows);
  at::Tensor part = at::zeros({parts, width}, options);
  at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; p++)
      add(pointer<W>(part) + p * width, p * kSummedRows, std::min(rows, (p + 1) * kSummedRows));
  });
  for (int64_t p = 1; p < parts; p++) Typed<W>::get().add_to(pointer<W>(part), pointer<W>(part) + p * width, width);
  return part[0];
}

inline bool wants_gradient(std::initializer_list<const at::Tensor*> inputs) {
  if (!at::GradMode::is_enabled()) return false;
  for (const auto* t : inputs)
    if (t->defined() && t->requires_grad()) return true;
  return false;
}

// An input of an autograd function that may not be there: an undefined tensor is none that it takes.
inline evo::optional<at::Tensor> if_there(const at::Tensor& t) { return t.defined() ? evo::optional<at::Tensor>(t) : evo::optional<at::Tensor>(); }

// Where the backward of a weight adds its gradient itself; undefined: autograd does it with what the backward gives.
struct GradientSum {
  at::Tensor to;
};

// The sum, which is like the weight.
inline GradientSum gradient_sum(const evo::optional<at::Tensor>& to, const at::Tensor& weight, const char* name) {
  const at::Tensor sum = to.value_or(at::Tensor());
  TORCH_CHECK(
      !sum.defined() || (weight.defined() && sum.sizes() == weight.sizes() && sum.scalar_type() == weight.scalar_type() && sum.is_contiguous()),
      name, ": a gradient is added to a contiguous tensor like the weight, got ", sum.sizes(), " ", sum.scalar_type());
  return {sum};
}

// Whether nothing was added to a sum yet, so that its memory says nothing: the caller writes all of it (sums.cpp).
bool is_first(const at::Tensor& sum);

// Zeros in all of these sums that nothing was added to.
void complete(const at::Tensor& sums);

inline void differentiated_once(const char* name) {
  TORCH_CHECK(
      !at::GradMode::is_enabled(), name, ": the backward of the kernel has no derivative of its own; "
      "take the plain operators (Ops.UseNative = false) where create_graph is wanted");
}

// oneDNN's product of float32 matrices in rows, with its arguments as BLAS names them; null where there is none (product_choice.cpp).
using Sgemm = int (*)(
    char, char, int64_t, int64_t, int64_t, float, const float*, int64_t, const float*, int64_t, float, float*, int64_t);
Sgemm sgemm();

// How a product of float32 matrices is computed: by libtorch's BLAS or by oneDNN, divided over threads by the library itself, or by
// `multiply` into equal pieces of the result's rows or columns, each of which one thread computes.
struct ProductWay {
  bool blas;
  int pieces;  // for each thread; 0: the library divides
  bool of_rows;
};

constexpr ProductWay kLibtorch{true, 0, false};

// How float32 matrices of this shape are multiplied, where there is a choice.
ProductWay way_of(bool transpose_a, bool transpose_b, int64_t M, int64_t N, int64_t K);

// c (+)= op(a) op(b) for matrices whose rows are neighbours in memory, or c = op(a) op(b) + bias. c may be of the type that is computed.
void multiply(
    const at::Tensor& a, bool transpose_a, const at::Tensor& b, bool transpose_b, const at::Tensor& c, bool accumulate,
    const at::Tensor& bias = {});

// The same in one way.
void multiply_by(
    const ProductWay& way, const at::Tensor& a, bool transpose_a, const at::Tensor& b, bool transpose_b, const at::Tensor& c,
    bool accumulate, const at::Tensor& bias = {});

// sum += op(a) op(b), over one or more: the sum of a weight's gradients.
void add_product(const at::Tensor& sum, const at::Tensor& a, bool transpose_a, const at::Tensor& b, bool transpose_b);

// x weight^T + bias, which may be undefined.
at::Tensor linear_forward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

// The bias of a linear map, or an undefined tensor.
at::Tensor checked_bias_of(const at::Tensor& weight, const evo::optional<at::Tensor>& bias, const char* name);

// The weight and the bias of a linear map in its backward: whether they want gradients, and where these are summed.
struct WantedGradients {
  explicit WantedGradients(torch::autograd::AutogradContext* of) : ctx(of) {}

  // In the forward.
  void keep(const at::Tensor& weight, const at::Tensor& bias, const GradientSum& weight_sum, const GradientSum& bias_sum) const;
  bool of_weight() const;
  // Gradients of weight and bias for autograd: undefined where nobody wants them, or where they were added to their sum.
  std::pair<at::Tensor, at::Tensor> make(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight) const;

 private:
  torch::autograd::AutogradContext* ctx;
};

// Adds to what evo_counted_operations gives: a multiply and an add are two.
enum class Work { products, attention };
void count(Work work, int64_t operations);

// Of this thread: all operations counted so far, and more that only it is to know of, those of libtorch's own products.
int64_t counted_here();
void count_here(int64_t operations);

// t as a matrix [rows, last dimension] with neighbours in the last dimension.
inline at::Tensor matrix(const at::Tensor& t) { return t.reshape({-1, t.size(-1)}).contiguous(); }

}  // namespace evo::kernels
