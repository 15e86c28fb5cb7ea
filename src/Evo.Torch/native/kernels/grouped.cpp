// evo::grouped_linear with its backward: the linear maps of all experts, each over rows of its own, into one result.

#include "operators.h"

namespace evo::kernels {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Calls f(expert, its rows of each tensor) for every expert, those without rows among them.
template <class F>
void each_expert(at::IntArrayRef counts, F f) {
  int64_t first = 0;
  for (std::size_t e = 0; e < counts.size(); first += counts[e++])
    f(static_cast<int64_t>(e), [&, e](const Tensor& t) { return t.narrow(0, first, counts[e]); });
}

// x [M, C] by weight [E, F, C], and by a second one: [M, F] or [M, 2 F].
Tensor grouped_forward(const Tensor& x, at::IntArrayRef counts, const Tensor& weight, const Tensor& second) {
  const int64_t F = weight.size(1);
  Tensor y = at::empty({x.size(0), second.defined() ? 2 * F : F}, x.options());
  each_expert(counts, [&](int64_t e, auto own) {
    multiply(own(x), false, weight[e], true, own(y).narrow(1, 0, F), false);
    if (second.defined()) multiply(own(x), false, second[e], true, own(y).narrow(1, F, F), false);
  });
  return y;
}

Tensor of_input(const Tensor& dy, at::IntArrayRef counts, const Tensor& weight, const Tensor& second) {
  const int64_t F = weight.size(1);
  Tensor dx = at::empty({dy.size(0), weight.size(2)}, dy.options());
  each_expert(counts, [&](int64_t e, auto own) {
    multiply(own(dy).narrow(1, 0, F), false, weight[e], false, own(dx), false);
    if (second.defined()) multiply(own(dy).narrow(1, F, F), false, second[e], false, own(dx), true);
  });
  return dx;
}

// A weight's gradient, added to a sum where there is one: then there is none to give.
Tensor of_weight(const Tensor& dy, const Tensor& x, at::IntArrayRef counts, const Tensor& weight, const Tensor& sum) {
  const Tensor to = sum.defined() ? sum : at::empty(weight.sizes(), weight.options());
  const bool first = !sum.defined() || is_first(sum);
  each_expert(counts, [&](int64_t e, auto own) {
    if (counts[static_cast<std::size_t>(e)] > 0)
      multiply(own(dy), true, own(x), false, to[e], !first);
    else if (first)
      to[e].zero_();
  });
  return sum.defined() ? Tensor() : to;
}

// Rows of each expert. A list by itself would be taken apart by autograd, which looks for tensors in lists.
struct Counts {
  std::vector<int64_t> of;
};

class GroupedLinear : public torch::autograd::Function<GroupedLinear> {
 public:
  static Tensor forward(
      AutogradContext* ctx, const Tensor& x, const Counts& counts, const Tensor& weight, const evo::optional<Tensor>& maybe_second,
      const GradientSum& weight_sum, const GradientSum& second_sum) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    const Tensor second = maybe_second.value_or(Tensor());
    ctx->saved_data["counts"] = counts.of;
    ctx->saved_data["x"] = x.requires_grad();
    ctx->saved_data["weight"] = weight.requires_grad();
    ctx->saved_data["second"] = second.defined() && second.requires_grad();
    // Not saved as variables are: they may change between forward and backward.
    if (weight_sum.to.defined()) ctx->saved_data["weight_sum"] = weight_sum.to;
    if (second_sum.to.defined()) ctx->saved_data["second_sum"] = second_sum.to;
    ctx->save_for_backward({x, weight, second});
    return grouped_forward(x, counts.of, weight, second);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    differentiated_once("evo::grouped_linear");
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    const auto saved = ctx->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1], &second = saved[2], dy = gradients[0].contiguous();
    const auto counts = ctx->saved_data["counts"].toIntVector();
    const int64_t F = weight.size(1);
    const auto gradient = [&](const char* name, const Tensor& of, int64_t first) {
      const std::string sum = std::string(name) + "_sum";
      const bool added = ctx->saved_data.count(sum) > 0;
      if (!added && !ctx->saved_data[name].toBool()) return Tensor();
      return of_weight(dy.narrow(1, first, F), x, counts, of, added ? ctx->saved_data[sum].toTensor() : Tensor());
    };
    const Tensor dx = ctx->saved_data["x"].toBool() ? of_input(dy, counts, weight, second) : Tensor();
    return {dx, Tensor(), gradient("weight", weight, 0), gradient("second", second, F), Tensor(), Tensor()};
  }
};

Tensor grouped_linear(
    const Tensor& x, at::IntArrayRef counts, const Tensor& weight, const evo::optional<Tensor>& maybe_second,
    const evo::optional<Tensor>& weight_gradient, const evo::optional<Tensor>& second_gradient) {
  check_device(x, "evo::grouped_linear");
  const Tensor second = maybe_second.value_or(Tensor());
  int64_t rows = 0;
  for (const int64_t count : counts) {
    TORCH_CHECK(count >= 0 && (x.dim() == 0 || count <= x.size(0)), "evo::grouped_linear: an expert of ", count, " rows, of ", x.sizes());
    rows += count;
  }
  TORCH_CHECK(
      x.dim() == 2 && weight.dim() == 3 && x.size(1) == weight.size(2) && rows == x.size(0) &&
          static_cast<int64_t>(counts.size()) == weight.size(0),
      "evo::grouped_linear: rows ", x.sizes(), ", counts ", counts, " and weight ", weight.sizes(),
      " do not meet: rows [M, C], experts [E, F, C], E counts whose sum is M");
  TORCH_CHECK(
      !second.defined() || second.sizes() == weight.sizes(), "evo::grouped_linear: weights ", weight.sizes(), " and ", second.sizes(),
      " must have one shape");
  const auto like = [&](const Tensor& t) { return !t.defined() || (t.device() == x.device() && t.scalar_type() == x.scalar_type()); };
  TORCH_CHECK(
      like(weight) && like(second), "evo::grouped_linear: rows are ", x.scalar_type(), " on ", x.device(), ", a weight is ",
      weight.scalar_type(), " on ", weight.device(), ": they must have one type and place");
  const auto weight_sum = gradient_sum(weight_gradient, weight, "evo::grouped_linear");
  const auto second_sum = gradient_sum(second_gradient, second, "evo::grouped_linear");
  const Tensor dense = x.contiguous(), w = weight.contiguous(), s = second.defined() ? second.contiguous() : second;
  if (wants_gradient({&x, &weight, &second}))
    return GroupedLinear::apply(dense, Counts{counts.vec()}, w, if_there(s), weight_sum, second_sum);
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  return grouped_forward(dense, counts, w, s);
}

TORCH_LIBRARY_FRAGMENT(evo, m) {
  m.def(
      "grouped_linear(Tensor rows, int[] counts, Tensor weight, Tensor? second=None, Tensor(a!)? weight_gradient=None, "
      "Tensor(b!)? second_gradient=None) -> Tensor",
      grouped_linear);
}

}  // namespace
}  // namespace evo::kernels
