// evo::adamw_ and evo::sum_of_squares: one pass each over flat buffers.

#include <cmath>

#include "halves.h"
#include "operators.h"

namespace evo::kernels {
namespace {

using at::Tensor;

constexpr int64_t kBlock = 1 << 16;  // elements that one thread takes at a time

void check_flat(const Tensor& t, const Tensor& master, const char* what) {
  TORCH_CHECK(
      t.device() == master.device() && t.is_contiguous() && t.numel() == master.numel(), "evo::adamw_: ", what, " ", t.sizes(), " on ",
      t.device(), " must be contiguous on ", master.device(), " with the ", master.numel(), " elements of master");
}

void check_factor(const Tensor& factor, const Tensor& master) {
  TORCH_CHECK(
      factor.device() == master.device() && factor.numel() == 1 && factor.scalar_type() == at::kDouble,
      "evo::adamw_: gradient_factor ", factor.scalar_type(), " ", factor.sizes(), " on ", factor.device(),
      " must be one float64 on ", master.device());
}

// A copy that does not come out of the pass itself, since it is of another type than the gradients.
void round_into(const Tensor& copy, const Tensor& master, const Tensor& factor) {
  if (factor.defined() && on_cuda(master) && wide_type(copy.scalar_type()) == master.scalar_type()) {
    const Gpu gpu(copy);
    cuda::round_into(gpu.type, master.data_ptr(), copy.data_ptr(), copy.numel(), factor.data_ptr<double>(), gpu.stream);
  } else if (factor.defined() && on_cuda(master)) {
    copy.copy_(at::where(factor.reshape({}).isfinite(), master.to(copy.scalar_type()), copy));
  } else {
    copy.copy_(master);
  }
}

// One thread's share where master weights are in halves: whole in memory of its own as long as a block of them is updated.
template <class S>
void update_halves(
    std::uint16_t* high, std::int16_t* rest, const S* gradient, float* mean, float* square, int64_t count, const cuda::AdamW& rates) {
  constexpr int64_t kWhole = 2048;
  float whole[kWhole];
  for (int64_t start = 0; start < count; start += kWhole) {
    const int64_t some = std::min(kWhole, count - start);
    for (int64_t i = 0; i < some; i++) whole[i] = joined(high[start + i], rest[start + i]);
    Typed<S>::get().adamw(
        whole, gradient + start, mean + start, square + start, nullptr, some, rates.decay, rates.beta1, rates.beta2, rates.eps,
        rates.step_size, rates.root_correction, rates.gradient_scale);
    for (int64_t i = 0; i < some; i++) part(whole[i], high[start + i], rest[start + i]);
  }
}

// Master weights of int16 are the lower halves of those whose upper ones the compute_copy is (halves.h).
// A gradient_factor multiplies the gradients, too; one that is not finite leaves all bits as they are. It lies where the buffers do: nobody
// waits for it on a GPU.
void adamw(
    const Tensor& master, const Tensor& gradient, const Tensor& exp_avg, const Tensor& exp_avg_sq,
    const evo::optional<Tensor>& compute_copy, double lr, double beta1, double beta2, double eps, double weight_decay, int64_t step,
    double gradient_scale, const evo::optional<Tensor>& gradient_factor) {
  TORCH_CHECK(step >= 1, "evo::adamw_: step ", step, " must be 1 or more");
  const Tensor copy = compute_copy.value_or(Tensor());
  const bool halves = master.scalar_type() == at::kShort;
  TORCH_CHECK(
      (halves ? at::kFloat : master.scalar_type()) == wide_type(gradient.scalar_type()) &&
          exp_avg.scalar_type() == wide_type(gradient.scalar_type()) && exp_avg_sq.scalar_type() == exp_avg.scalar_type(),
      "evo::adamw_: master ", master.scalar_type(), " and moments ", exp_avg.scalar_type(), ", ", exp_avg_sq.scalar_type(),
      " for gradients of ", gradient.scalar_type(), ": master and moments are float32, or float64 for float64 gradients");
  TORCH_CHECK(
      !halves || (copy.defined() && copy.scalar_type() == at::kBFloat16 && gradient.scalar_type() != at::kHalf),
      "evo::adamw_: master weights of int16 are half of them: the other one is a compute_copy of bfloat16, gradients are float32 or bfloat16");
  check_device(exp_avg, "evo::adamw_");
  check_flat(master, master, "master");
  check_flat(gradient, master, "gradient");
  check_flat(exp_avg, master, "exp_avg");
  check_flat(exp_avg_sq, master, "exp_avg_sq");
  if (copy.defined()) check_flat(copy, master, "compute_copy");
  const Tensor factor = gradient_factor.value_or(Tensor());
  if (factor.defined()) check_factor(factor, master);
  const bool in_pass = halves || (copy.defined() && copy.scalar_type() == gradient.scalar_type());
  const double correction1 = 1 - std::pow(beta1, static_cast<double>(step));
  const double correction2 = 1 - std::pow(beta2, static_cast<double>(step));
  cuda::AdamW rates{1 - lr * weight_decay, beta1, beta2, eps, lr / correction1, std::sqrt(correction2), gradient_scale};
  if (on_cuda(master)) {
    const Gpu gpu(gradient);
    const double* by = factor.defined() ? factor.data_ptr<double>() : nullptr;
    if (halves)
      cuda::adamw_halves(
          gpu.type, copy.data_ptr(), master.data_ptr(), gradient.data_ptr(), exp_avg.data_ptr(), exp_avg_sq.data_ptr(), master.numel(), rates,
          by, gpu.stream);
    else
      cuda::adamw(
          gpu.type, master.data_ptr(), gradient.data_ptr(), exp_avg.data_ptr(), exp_avg_sq.data_ptr(), in_pass ? copy.data_ptr() : nullptr,
          master.numel(), rates, by, gpu.stream);
  } else {
    if (factor.defined()) {
      const double by = *factor.data_ptr<double>();
      if (!std::isfinite(by)) return;
      rates.gradient_scale *= by;
    }
    with_type(gradient.scalar_type(), "evo::adamw_", [&](auto stored) {
      using S = decltype(stored);
      using W = typename Typed<S>::Wide;
      at::parallel_for(0, master.numel(), kBlock, [&](int64_t begin, int64_t end) {
        if constexpr (std::is_same<W, float>::value)
          if (halves)
            return update_halves<S>(
                pointer<std::uint16_t>(copy) + begin, pointer<std::int16_t>(master) + begin, pointer<S>(gradient) + begin,
                pointer<float>(exp_avg) + begin, pointer<float>(exp_avg_sq) + begin, end - begin, rates);
        Typed<S>::get().adamw(
            pointer<W>(master) + begin, pointer<S>(gradient) + begin, pointer<W>(exp_avg) + begin, pointer<W>(exp_avg_sq) + begin,
            in_pass ? pointer<S>(copy) + begin : nullptr, end - begin, rates.decay, rates.beta1, rates.beta2, rates.eps, rates.step_size,
            rates.root_correction, rates.gradient_scale);
      });
    });
  }
  if (copy.defined() && !in_pass) round_into(copy, master, factor);
  // Written behind autograd's back: a graph that saved one of them is told, and refuses to go backward through new weights.
  for (const Tensor* written : {&master, &exp_avg, &exp_avg_sq, &copy})
    if (written->defined() && !written->is_inference()) written->unsafeGetTensorImpl()->bump_version();
}

Tensor sum_of_squares(const Tensor& flat) {
  check_device(flat, "evo::sum_of_squares");
  const Tensor x = flat.contiguous();
  if (on_cuda(x)) {
    const Gpu gpu(x);
    const auto wide = x.options().dtype(at::kDouble);
    Tensor part = at::empty({cuda::sum_parts(x.numel())}, wide), total = at::empty({}, wide);
    cuda::sum_of_squares(
        gpu.type, x.data_ptr(), x.numel(), part.data_ptr<double>(), part.numel(), total.data_ptr<double>(), gpu.stream);
    return total;
  }
  const int64_t blocks = (x.numel() + kBlock - 1) / kBlock;
  std::vector<double> part(static_cast<std::size_t>(blocks));
  with_type(x.scalar_type(), "evo::sum_of_squares", [&](auto stored) {
    using S = decltype(stored);
    at::parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; b++)
        part[b] = Typed<S>::get().sum_of_squares(pointer<S>(x) + b * kBlock, std::min(kBlock, x.numel() - b * kBlock));
    });
  });
  double total = 0;
  for (const double p : part) total += p;
  return at::scalar_tensor(total, x.options().dtype(at::kDouble));
}

TORCH_LIBRARY_FRAGMENT(evo, m) {
  m.def(
      "adamw_(Tensor(a!) master, Tensor gradient, Tensor(b!) exp_avg, Tensor(c!) exp_avg_sq, Tensor(d!)? compute_copy, float lr, "
      "float beta1, float beta2, float eps, float weight_decay, int step, float gradient_scale, Tensor? gradient_factor=None) -> ()",
      adamw);
  m.def("sum_of_squares(Tensor flat) -> Tensor", sum_of_squares);
}

}  // namespace
}  // namespace evo::kernels
