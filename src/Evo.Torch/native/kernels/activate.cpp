// evo::activate with its backward: what stands between the linear maps of an MLP without a gate, and takes the bias of the first; and
// evo::activated_linear, with the second.

#include "mlp_end.h"

namespace evo::kernels {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// activation(x + bias).
Tensor activated(const Tensor& input, const Tensor& bias, bool gelu) {
  const Tensor x = input.contiguous();
  Tensor y = at::empty(x.sizes(), x.options());
  if (x.numel() == 0) return y;
  const int64_t C = x.size(-1), rows = x.numel() / C;
  if (on_cuda(x)) {
    const Gpu gpu(x);
    cuda::activate(gpu.type, gelu, x.data_ptr(), bias.defined() ? bias.data_ptr() : nullptr, y.data_ptr(), rows, C, gpu.stream);
    return y;
  }
  with_type(x.scalar_type(), "evo::activate", [&](auto stored) {
    using S = decltype(stored);
    at::parallel_for(0, rows, row_grain(C), [&](int64_t begin, int64_t end) {
      Typed<S>::get().activate[gelu](pointer<S>(x), bias.defined() ? pointer<S>(bias) : nullptr, pointer<S>(y), C, begin, end);
    });
  });
  return y;
}

// The gradients of x and of the bias. y, where it is defined, becomes the forward's result; it may be dy.
std::pair<Tensor, Tensor> activated_backward(
    const Tensor& dy, const Tensor& input, const Tensor& bias, bool gelu, const Tensor& y = Tensor()) {
  const Tensor x = input.contiguous();
  Tensor dx = at::empty(x.sizes(), x.options());
  if (x.numel() == 0) return {dx, bias.defined() ? at::zeros_like(bias) : Tensor()};
  const int64_t C = x.size(-1), rows = x.numel() / C;
  if (on_cuda(x)) {
    const Gpu gpu(x);
    cuda::activate_backward(
        gpu.type, gelu, dy.data_ptr(), x.data_ptr(), bias.defined() ? bias.data_ptr() : nullptr, dx.data_ptr(),
        y.defined() ? y.data_ptr() : nullptr, rows, C, gpu.stream);
    return {dx, bias.defined() ? sum_of_rows(dx.view({rows, C})) : Tensor()};
  }
  Tensor dbias;
  with_type(x.scalar_type(), "evo::activate", [&](auto stored) {
    using S = decltype(stored);
    using W = typename Typed<S>::Wide;
    const auto backward = [&](W* part, int64_t begin, int64_t end) {
      Typed<S>::get().activate_backward[gelu](
          pointer<S>(dy), pointer<S>(x), bias.defined() ? pointer<S>(bias) : nullptr, pointer<S>(dx), part,
          y.defined() ? pointer<S>(y) : nullptr, C, begin, end);
    };
    if (bias.defined())
      dbias = sum_over_rows<W>(rows, C, x.options().dtype(wide_type(x.scalar_type())), backward).to(x.scalar_type());
    else
      at::parallel_for(0, rows, row_grain(C), [&](int64_t begin, int64_t end) { backward(nullptr, begin, end); });
  });
  return {dx, dbias};
}

Tensor checked_added(const Tensor& x, const evo::optional<Tensor>& bias, const char* name) {
  check_device(x, name);
  const Tensor b = bias.value_or(Tensor());
  if (!b.defined()) return b;
  TORCH_CHECK(
      x.dim() >= 1 && b.dim() == 1 && b.size(0) == x.size(-1) && b.scalar_type() == x.scalar_type(), name, ": x ", x.sizes(), " and bias ",
      b.sizes(), " do not meet: the bias has the last dimension and the type of x");
  return b.contiguous();
}

class Activate : public torch::autograd::Function<Activate> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const evo::optional<Tensor>& bias, bool gelu) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    ctx->save_for_backward({x, bias.value_or(Tensor())});
    ctx->saved_data["gelu"] = gelu;
    return activated(x, bias.value_or(Tensor()), gelu);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    differentiated_once("evo::activate");
    const auto saved = ctx->get_saved_variables();
    const auto of = activated_backward(gradients[0].contiguous(), saved[0], saved[1], ctx->saved_data["gelu"].toBool());
    return {of.first, of.second, Tensor()};
  }
};

Tensor activate(const Tensor& x, const evo::optional<Tensor>& maybe_bias, bool gelu) {
  const Tensor bias = checked_added(x, maybe_bias, "evo::activate");
  return wants_gradient({&x, &bias}) ? Activate::apply(x, if_there(bias), gelu) : activated(x, bias, gelu);
}

// ---- the end of an MLP without a gate ----

struct ActivatedInside {
  static constexpr const char* kName = "evo::activated_linear";
  static constexpr const char* kMeets = "the last dimension of x is the second of the weight";

  static int64_t width(const Tensor& x) { return x.size(-1); }
  static Tensor of(const Tensor& x, const Tensor& added, bool gelu) { return activated(x, added, gelu); }

  static std::pair<Tensor, Tensor> backward(const Tensor& dy, const Tensor& x, const Tensor& added, bool gelu, const Tensor& y) {
    return activated_backward(dy, x, added, gelu, y);
  }
};

Tensor activated_linear(
    const Tensor& x, const evo::optional<Tensor>& added, const Tensor& weight, const evo::optional<Tensor>& bias, bool gelu,
    const evo::optional<Tensor>& weight_gradient, const evo::optional<Tensor>& bias_gradient) {
  return mlp_end<ActivatedInside>(
      x, checked_added(x, added, ActivatedInside::kName), weight, bias, gelu, weight_gradient, bias_gradient);
}

TORCH_LIBRARY_FRAGMENT(evo, m) {
  m.def("activate(Tensor x, Tensor? bias=None, bool gelu=False) -> Tensor", activate);
  m.def(
      "activated_linear(Tensor x, Tensor? added, Tensor weight, Tensor? bias=None, bool gelu=False, Tensor(a!)? weight_gradient=None, "
      "Tensor(b!)? bias_gradient=None) -> Tensor",
      activated_linear);
}

}  // namespace
}  // namespace evo::kernels
