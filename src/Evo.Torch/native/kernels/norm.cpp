// evo::rms_norm and evo::layer_norm with their backwards: alone, together with the sum that they normalise, and together with what they
// normalise where that is read further (a residual stream): its gradient from there and the norm's are one, made in one pass.

#include "operators.h"

namespace evo::kernels {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What is normalised: x, or where there is a residual x + residual. Undefined tensors are not there.
struct NormInputs {
  Tensor x, residual, weight, bias;
  double eps;
  bool centred;
  bool passed = false;  // whether x goes on

  int64_t columns() const { return x.size(-1); }
  int64_t rows() const { return columns() == 0 ? 0 : x.numel() / columns(); }
};

struct NormOutcome {
  Tensor total;  // what was normalised
  Tensor y;
  Tensor mean, inverse;  // one number a row
};

template <class S>
S* pointer_if(const Tensor& t) {
  return t.defined() ? pointer<S>(t) : nullptr;
}

NormOutcome norm_forward(const NormInputs& in) {
  const Tensor x = in.x.contiguous(), residual = in.residual.defined() ? in.residual.contiguous() : Tensor();
  const Tensor weight = in.weight.contiguous(), bias = in.bias.defined() ? in.bias.contiguous() : Tensor();
  const int64_t C = in.columns(), rows = in.rows();
  const auto wide = x.options().dtype(wide_type(x.scalar_type()));
  const NormOutcome out{
      residual.defined() ? at::empty(x.sizes(), x.options()) : x, at::empty(x.sizes(), x.options()),
      in.centred ? at::empty({rows}, wide) : Tensor(), at::empty({rows}, wide)};
  if (on_cuda(x)) {
    const Gpu gpu(x);
    const auto at = [](const Tensor& t) { return t.defined() ? t.data_ptr() : nullptr; };
    cuda::norm(
        gpu.type, {x.data_ptr(), at(residual), weight.data_ptr(), at(bias), out.total.data_ptr(), out.y.data_ptr(), at(out.mean),
        out.inverse.data_ptr()}, C, rows, in.eps, gpu.stream);
    return out;
  }
  with_type(x.scalar_type(), "evo::norm", [&](auto stored) {
    using S = decltype(stored);
    using W = typename Typed<S>::Wide;
    at::parallel_for(0, rows, row_grain(C), [&](int64_t begin, int64_t end) {
      Typed<S>::get().norm[in.centred](
          pointer<S>(x), pointer_if<S>(residual), pointer<S>(weight), pointer_if<S>(bias), pointer<S>(out.total), pointer<S>(out.y),
          pointer_if<W>(out.mean), pointer<W>(out.inverse), C, in.eps, begin, end);
    });
  });
  return out;
}

class Norm : public torch::autograd::Function<Norm> {
 public:
  // {y}, or {total, y} with a residual or where x goes on.
  static variable_list forward(
      AutogradContext* ctx, const Tensor& x, const evo::optional<Tensor>& maybe_residual, const Tensor& weight,
      const evo::optional<Tensor>& maybe_bias, double eps, bool centred, bool passed) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    const Tensor residual = maybe_residual.value_or(Tensor()), bias = maybe_bias.value_or(Tensor());
    const auto out = norm_forward({x, residual, weight, bias, eps, centred});
    ctx->set_materialize_grads(false);
    ctx->save_for_backward({residual.defined() ? out.total : x, weight, out.mean, out.inverse});
    ctx->saved_data["residual"] = residual.defined();
    ctx->saved_data["passed"] = passed;
    ctx->saved_data["bias"] = bias.defined();
    if (passed) return {x, out.y};  // autograd makes a view of what was given
    return residual.defined() ? variable_list{out.total, out.y} : variable_list{out.y};
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    differentiated_once("evo::norm");
    const auto saved = ctx->get_saved_variables();
    const bool residual = ctx->saved_data["residual"].toBool(), has_bias = ctx->saved_data["bias"].toBool();
    const Tensor x = saved[0].contiguous(), weight = saved[1].contiguous();
    const Tensor &mean = saved[2], &inverse = saved[3];
    const bool two = residual || ctx->saved_data["passed"].toBool();
    Tensor dtotal = two ? gradients[0] : Tensor(), dy = gradients[two ? 1 : 0];
    if (!dy.defined()) return {dtotal, residual ? dtotal : Tensor(), Tensor(), Tensor(), Tensor(), Tensor(), Tensor()};
    dy = dy.contiguous();
    if (dtotal.defined()) dtotal = dtotal.contiguous();
    const int64_t C = x.size(-1), rows = inverse.numel();
    Tensor dx = at::empty(x.sizes(), x.options()), sums;  // of the weight, and of the bias behind them
    const int64_t width = has_bias ? 2 * C : C;
    if (on_cuda(x)) {
      const Gpu gpu(x);
      const auto at = [](const Tensor& t) { return t.defined() ? t.data_ptr() : nullptr; };
      Tensor part = at::empty({cuda::norm_parts(gpu.type, rows, C, mean.defined()), width}, inverse.options());
      cuda::norm_backward(
          gpu.type, {dy.data_ptr(), at(dtotal), x.data_ptr(), weight.data_ptr(), at(mean), inverse.data_ptr(), dx.data_ptr(),
          part.data_ptr()}, C, rows, part.size(0), has_bias, gpu.stream);
      sums = at::empty({width}, weight.options());
      cuda::sum_of_column_parts(gpu.type, part.data_ptr(), sums.data_ptr(), width, part.size(0), /*add=*/false, gpu.stream);
    } else {
      with_type(x.scalar_type(), "evo::norm", [&](auto stored) {
        using S = decltype(stored);
        using W = typename Typed<S>::Wide;
        sums = sum_over_rows<W>(rows, width, inverse.options(), [&](W* part, int64_t begin, int64_t end) {
          Typed<S>::get().norm_backward[mean.defined()](
              pointer<S>(dy), pointer_if<S>(dtotal), pointer<S>(x), pointer<S>(weight), pointer_if<W>(mean), pointer<W>(inverse),
              pointer<S>(dx), part, has_bias ? part + C : nullptr, C, begin, end);
        });
      });
    }
    sums = sums.to(weight.scalar_type());
    return {dx, residual ? dx : Tensor(), sums.narrow(0, 0, C), has_bias ? sums.narrow(0, C, C) : Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

void check_norm(const NormInputs& in, const char* name) {
  check_device(in.x, name);
  const auto like_weight = [&](const Tensor& t) { return t.dim() == 1 && t.size(0) == in.x.size(-1) && t.scalar_type() == in.x.scalar_type(); };
  TORCH_CHECK(
      in.x.dim() >= 1 && like_weight(in.weight) && (!in.bias.defined() || like_weight(in.bias)), name, ": x ", in.x.sizes(), " ",
      in.x.scalar_type(), " and weight ", in.weight.sizes(), " ", in.weight.scalar_type(),
      " do not meet: weight and bias have the last dimension and the type of x");
  TORCH_CHECK(
      !in.residual.defined() || (in.residual.sizes() == in.x.sizes() && in.residual.scalar_type() == in.x.scalar_type()), name, ": x ",
      in.x.sizes(), " and residual ", in.residual.sizes(), " must have one shape and one type");
}

// {y}, or {total, y} with a residual or where x goes on.
variable_list normalised(const NormInputs& in, const char* name) {
  check_norm(in, name);
  if (wants_gradient({&in.x, &in.residual, &in.weight, &in.bias}))
    return Norm::apply(in.x, if_there(in.residual), in.weight, if_there(in.bias), in.eps, in.centred, in.passed);
  const auto out = norm_forward(in);
  if (in.passed) return {in.x, out.y};
  return in.residual.defined() ? variable_list{out.total, out.y} : variable_list{out.y};
}

Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps) {
  return normalised({x, {}, weight, {}, eps, false}, "evo::rms_norm")[0];
}

Tensor layer_norm(const Tensor& x, const Tensor& weight, const evo::optional<Tensor>& bias, double eps) {
  return normalised({x, {}, weight, bias.value_or(Tensor()), eps, true}, "evo::layer_norm")[0];
}

std::tuple<Tensor, Tensor> add_rms_norm(const Tensor& x, const Tensor& residual, const Tensor& weight, double eps) {
  const auto out = normalised({x, residual, weight, {}, eps, false}, "evo::add_rms_norm");
  return {out[0], out[1]};
}

std::tuple<Tensor, Tensor> add_layer_norm(
    const Tensor& x, const Tensor& residual, const Tensor& weight, const evo::optional<Tensor>& bias, double eps) {
  const auto out = normalised({x, residual, weight, bias.value_or(Tensor()), eps, true}, "evo::add_layer_norm");
  return {out[0], out[1]};
}

std::tuple<Tensor, Tensor> pass_rms_norm(const Tensor& x, const Tensor& weight, double eps) {
  const auto out = normalised({x, {}, weight, {}, eps, false, true}, "evo::pass_rms_norm");
  return {out[0], out[1]};
}

std::tuple<Tensor, Tensor> pass_layer_norm(const Tensor& x, const Tensor& weight, const evo::optional<Tensor>& bias, double eps) {
  const auto out = normalised({x, {}, weight, bias.value_or(Tensor()), eps, true, true}, "evo::pass_layer_norm");
  return {out[0], out[1]};
}

TORCH_LIBRARY_FRAGMENT(evo, m) {
  m.def("rms_norm(Tensor x, Tensor weight, float eps) -> Tensor", rms_norm);
  m.def("layer_norm(Tensor x, Tensor weight, Tensor? bias, float eps) -> Tensor", layer_norm);
  m.def("add_rms_norm(Tensor x, Tensor residual, Tensor weight, float eps) -> (Tensor, Tensor)", add_rms_norm);
  m.def("add_layer_norm(Tensor x, Tensor residual, Tensor weight, Tensor? bias, float eps) -> (Tensor, Tensor)", add_layer_norm);
  m.def("pass_rms_norm(Tensor x, Tensor weight, float eps) -> (Tensor, Tensor)", pass_rms_norm);
  m.def("pass_layer_norm(Tensor x, Tensor weight, Tensor? bias, float eps) -> (Tensor, Tensor)", pass_layer_norm);
}

}  // namespace
}  // namespace evo::kernels
