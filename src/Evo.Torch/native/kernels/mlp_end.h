// The end of an MLP, y = inside(x, added) weight^T + bias: what is inside is not kept. The backward makes it again in the place of its own
// gradient, element by element, in the pass that makes the gradients of what it was made of.
#pragma once

#include "operators.h"

namespace evo::kernels {

// Inside has a name, says in `kMeets` how x and the weight meet, and gives
//   width(x)                             elements of a row of it
//   of(x, added, gelu)                   it
//   backward(dy, x, added, gelu, y)      the gradients of x and of added; y, where it is defined, becomes `of`, and may be dy
template <class Inside>
class MlpEnd : public torch::autograd::Function<MlpEnd<Inside>> {
  using Tensor = at::Tensor;
  using Context = torch::autograd::AutogradContext;

 public:
  static Tensor forward(
      Context* ctx, const Tensor& x, const evo::optional<Tensor>& maybe_added, const Tensor& weight, const evo::optional<Tensor>& bias,
      bool gelu, const GradientSum& weight_sum, const GradientSum& bias_sum) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    const Tensor added = maybe_added.value_or(Tensor()), b = bias.value_or(Tensor());
    ctx->saved_data["gelu"] = gelu;
    ctx->saved_data["inside"] = x.requires_grad() || (added.defined() && added.requires_grad());
    WantedGradients(ctx).keep(weight, b, weight_sum, bias_sum);
    ctx->save_for_backward({x, added, weight});
    return linear_forward(Inside::of(x, added, gelu), weight, b);
  }

  static torch::autograd::variable_list backward(Context* ctx, torch::autograd::variable_list gradients) {
    differentiated_once(Inside::kName);
    const auto saved = ctx->get_saved_variables();
    const Tensor &x = saved[0], &added = saved[1], &weight = saved[2];
    const Tensor dy = matrix(gradients[0]);
    const bool gelu = ctx->saved_data["gelu"].toBool();
    const WantedGradients wanted(ctx);
    Tensor inside;
    std::pair<Tensor, Tensor> of_inside;
    if (ctx->saved_data["inside"].toBool()) {
      inside = at::empty({dy.size(0), weight.size(1)}, dy.options());
      multiply(dy, false, weight.contiguous(), false, inside, false);
      of_inside = Inside::backward(inside, x, added, gelu, wanted.of_weight() ? inside : Tensor());
    } else if (wanted.of_weight()) {
      inside = Inside::of(x, added, gelu);
    }
    const auto of = wanted.make(dy, inside, weight);
    return {of_inside.first, of_inside.second, of.first, of.second, Tensor(), Tensor(), Tensor()};
  }
};

template <class Inside>
at::Tensor mlp_end(
    const at::Tensor& x, const at::Tensor& added, const at::Tensor& weight, const evo::optional<at::Tensor>& bias, bool gelu,
    const evo::optional<at::Tensor>& weight_gradient, const evo::optional<at::Tensor>& bias_gradient) {
  check_device(x, Inside::kName);
  TORCH_CHECK(
      x.dim() >= 1 && weight.dim() == 2 && Inside::width(x) == weight.size(1) && x.scalar_type() == weight.scalar_type(), Inside::kName,
      ": x ", x.sizes(), " ", x.scalar_type(), " and weight ", weight.sizes(), " ", weight.scalar_type(), " do not meet: ", Inside::kMeets);
  const at::Tensor b = checked_bias_of(weight, bias, Inside::kName);
  const auto weight_sum = gradient_sum(weight_gradient, weight, Inside::kName), bias_sum = gradient_sum(bias_gradient, b, Inside::kName);
  return wants_gradient({&x, &added, &weight, &b})
      ? MlpEnd<Inside>::apply(x, if_there(added), weight, bias, gelu, weight_sum, bias_sum)
      : linear_forward(Inside::of(x, added, gelu), weight, b);
}

}  // namespace evo::kernels
