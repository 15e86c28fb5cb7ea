// Matrix products of float32 in whichever way is the fastest at a shape (product_choice.cpp); of other types by libtorch.

#include <ATen/record_function.h>

#include "operators.h"
#include "undisturbed.h"

namespace evo::kernels {
namespace {

bool rows_are_neighbours(const at::Tensor& t) {
  return t.stride(1) == 1 && (t.size(0) <= 1 || t.stride(0) >= t.size(1));
}

// to (+)= left right in the type that is computed, of matrices of a stored one.
void wide_product(const at::Tensor& left, const at::Tensor& right, at::Tensor& to, bool accumulate) {
#if EVO_TORCH_AT_LEAST(2, 8)
  if (to.is_cuda()) {
    accumulate ? at::addmm_out(to, to, left, right, to.scalar_type()) : at::mm_out(to, left, right, to.scalar_type());
    return;
  }
#endif
  const at::Tensor product = at::mm(left, right);
  accumulate ? to.add_(product) : to.copy_(product);
}

// A product, or a piece of one, in one library.
void multiply_in(
    bool blas, const at::Tensor& a, bool transpose_a, const at::Tensor& b, bool transpose_b, const at::Tensor& c, bool accumulate,
    const at::Tensor& bias) {
  const int64_t M = c.size(0), N = c.size(1), K = transpose_a ? a.size(0) : a.size(1);
  if (!blas && rows_are_neighbours(a) && rows_are_neighbours(b) && rows_are_neighbours(c)) {
    const auto lead = [](const at::Tensor& t) { return std::max(t.stride(0), t.size(1)); };
    if (bias.defined()) c.copy_(bias.expand_as(c));
    const Undisturbed now;
    const int failed = sgemm()(
        transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', M, N, K, 1.0f, a.data_ptr<float>(), lead(a), b.data_ptr<float>(), lead(b),
        accumulate || bias.defined() ? 1.0f : 0.0f, c.data_ptr<float>(), lead(c));
    if (failed == 0) return;
  }
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  const at::DisableRecordFunctionGuard unseen;  // a profile gives its time to the operator that has its operations
  const at::Tensor left = transpose_a ? a.t() : a, right = transpose_b ? b.t() : b;
  at::Tensor to = c;
  if (left.scalar_type() != to.scalar_type())
    wide_product(left, right, to, accumulate);
  else if (bias.defined())
    at::addmm_out(to, bias, left, right);
  else if (accumulate)
    to.addmm_(left, right);
  else
    at::mm_out(to, left, right);
}

}  // namespace

void multiply_by(
    const ProductWay& way, const at::Tensor& a, bool transpose_a, const at::Tensor& b, bool transpose_b, const at::Tensor& c,
    bool accumulate, const at::Tensor& bias) {
  const int64_t threads = at::get_num_threads();
  if (way.pieces == 0 || threads == 1 || at::in_parallel_region())
    return multiply_in(way.blas, a, transpose_a, b, transpose_b, c, accumulate, bias);
  const int64_t all = c.size(way.of_rows ? 0 : 1);
  const int64_t size = at::divup(at::divup(all, way.pieces * threads), 16) * 16;  // whole vectors
  at::parallel_for(0, at::divup(all, size), 1, [&](int64_t begin, int64_t end) {
    // Both are of a thread.
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    const at::DisableRecordFunctionGuard unseen;
    for (int64_t from = begin * size; from < std::min(all, end * size); from += size) {
      const int64_t count = std::min(size, all - from);
      const auto piece = [&](const at::Tensor& whole, int64_t dim) { return whole.narrow(dim, from, count); };
      if (way.of_rows)
        multiply_in(way.blas, piece(a, transpose_a ? 1 : 0), transpose_a, b, transpose_b, piece(c, 0), accumulate, bias);
      else
        multiply_in(
            way.blas, a, transpose_a, piece(b, transpose_b ? 0 : 1), transpose_b, piece(c, 1), accumulate,
            bias.defined() ? piece(bias, 0) : bias);
    }
  });
}

void multiply(
    const at::Tensor& a, bool transpose_a, const at::Tensor& b, bool transpose_b, const at::Tensor& c, bool accumulate,
    const at::Tensor& bias) {
  const int64_t M = c.size(0), N = c.size(1), K = transpose_a ? a.size(0) : a.size(1);
  if (M == 0 || N == 0) return;
  count(Work::products, 2 * M * N * K);
  const bool chosen = c.is_cpu() && a.scalar_type() == at::kFloat && c.scalar_type() == at::kFloat && K > 0 && sgemm();
  multiply_by(
      chosen ? way_of(transpose_a, transpose_b, M, N, K) : kLibtorch, a, transpose_a, b, transpose_b, c, accumulate, bias);
}

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void add_product(const Tensor& sum, const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b) {
  multiply(a, transpose_a, b, transpose_b, sum, !is_first(sum));
}

Tensor linear_forward(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor rows = matrix(x);
  auto sizes = x.sizes().vec();
  sizes.back() = weight.size(0);
  Tensor y = at::empty({rows.size(0), weight.size(0)}, rows.options());
  if (rows.size(1) == 0 && !bias.defined()) y.zero_();
  multiply(rows, false, weight.contiguous(), true, y, false, bias);
  return y.view(sizes);
}

Tensor checked_bias_of(const Tensor& weight, const evo::optional<Tensor>& bias, const char* name) {
  const Tensor b = bias.value_or(Tensor());
  TORCH_CHECK(
      !b.defined() || (b.dim() == 1 && b.size(0) == weight.size(0) && b.scalar_type() == weight.scalar_type()), name, ": bias ", b.sizes(),
      " ", b.scalar_type(), " for a weight ", weight.sizes(), " ", weight.scalar_type());
  return b;
}

void WantedGradients::keep(
    const Tensor& weight, const Tensor& bias, const GradientSum& weight_sum, const GradientSum& bias_sum) const {
  ctx->saved_data["weight"] = weight.requires_grad();
  ctx->saved_data["bias"] = bias.defined() && bias.requires_grad();
  // Not saved as variables are: they may change between forward and backward.
  if (weight_sum.to.defined()) ctx->saved_data["weight_sum"] = weight_sum.to;
  if (bias_sum.to.defined()) ctx->saved_data["bias_sum"] = bias_sum.to;
}

bool WantedGradients::of_weight() const { return ctx->saved_data.count("weight_sum") > 0 || ctx->saved_data["weight"].toBool(); }

std::pair<Tensor, Tensor> WantedGradients::make(const Tensor& dy, const Tensor& x, const Tensor& weight) const {
  Tensor dweight, dbias;
  if (ctx->saved_data.count("weight_sum")) {
    if (dy.size(0) > 0) add_product(ctx->saved_data["weight_sum"].toTensor(), dy, true, matrix(x), false);
  } else if (ctx->saved_data["weight"].toBool()) {
    dweight = dy.size(0) == 0 ? at::zeros(weight.sizes(), dy.options()) : at::empty(weight.sizes(), dy.options());
    if (dy.size(0) > 0) multiply(dy, true, matrix(x), false, dweight, false);
  }
  if (ctx->saved_data.count("bias_sum"))
    add_sum_of_rows(dy, ctx->saved_data["bias_sum"].toTensor());
  else if (ctx->saved_data["bias"].toBool())
    dbias = sum_of_rows(dy);
  return {dweight, dbias};
}

namespace {

class Linear : public torch::autograd::Function<Linear> {
 public:
  static Tensor forward(
      AutogradContext* ctx, const Tensor& x, const Tensor& weight, const evo::optional<Tensor>& bias, const GradientSum& weight_sum,
      const GradientSum& bias_sum) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    const Tensor b = bias.value_or(Tensor());
    ctx->saved_data["x"] = x.requires_grad();
    WantedGradients(ctx).keep(weight, b, weight_sum, bias_sum);
    ctx->save_for_backward({x, weight});
    return linear_forward(x, weight, b);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    differentiated_once("evo::linear");
    const auto saved = ctx->get_saved_variables();
    const Tensor& x = saved[0];
    const Tensor& weight = saved[1];
    const Tensor dy = matrix(gradients[0]);
    Tensor dx;
    if (ctx->saved_data["x"].toBool()) {
      dx = at::empty({dy.size(0), weight.size(1)}, dy.options());
      multiply(dy, false, weight.contiguous(), false, dx, false);
      dx = dx.view(x.sizes());
    }
    const auto of = WantedGradients(ctx).make(dy, x, weight);
    return {dx, of.first, of.second, Tensor(), Tensor()};
  }
};

Tensor linear(
    const Tensor& x, const Tensor& weight, const evo::optional<Tensor>& bias, const evo::optional<Tensor>& weight_gradient,
    const evo::optional<Tensor>& bias_gradient) {
  TORCH_CHECK(
      x.dim() >= 1 && weight.dim() == 2 && x.size(-1) == weight.size(1), "evo::linear: x ", x.sizes(), " and weight ",
      weight.sizes(), " do not meet: the last dimension of x must be the second of the weight");
  const Tensor b = checked_bias_of(weight, bias, "evo::linear");
  const auto weight_sum = gradient_sum(weight_gradient, weight, "evo::linear"), bias_sum = gradient_sum(bias_gradient, b, "evo::linear");
  const bool direct = weight_sum.to.defined() || bias_sum.to.defined();
  const bool ours = direct || (x.device().is_cpu() && weight.device().is_cpu() && x.scalar_type() == at::kFloat &&
      weight.scalar_type() == at::kFloat);
  if (!ours) return at::linear(x, weight, bias);
  return wants_gradient({&x, &weight, &b}) ? Linear::apply(x, weight, bias, weight_sum, bias_sum) : linear_forward(x, weight, b);
}

// The bare product, for functions that are differentiated in .NET.
Tensor product(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b) {
  TORCH_CHECK(
      a.dim() == 2 && b.dim() == 2 && a.size(transpose_a ? 0 : 1) == b.size(transpose_b ? 1 : 0) && a.scalar_type() == b.scalar_type(),
      "evo::product: matrices ", a.sizes(), " ", a.scalar_type(), transpose_a ? " transposed" : "", " and ", b.sizes(), " ",
      b.scalar_type(), transpose_b ? " transposed" : "", " do not meet");
  TORCH_CHECK(!wants_gradient({&a, &b}), "evo::product: no gradient flows through it; use linear or mm");
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  const int64_t M = a.size(transpose_a ? 1 : 0), N = b.size(transpose_b ? 0 : 1), K = a.size(transpose_a ? 0 : 1);
  Tensor c = K == 0 ? at::zeros({M, N}, a.options()) : at::empty({M, N}, a.options());
  if (K > 0) multiply(a, transpose_a, b, transpose_b, c, false);
  return c;
}

// sum += op(a) op(b).
void add_product_(Tensor sum, const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b) {
  const int64_t M = a.size(transpose_a ? 1 : 0), K = a.size(transpose_a ? 0 : 1), N = b.size(transpose_b ? 0 : 1);
  TORCH_CHECK(
      a.dim() == 2 && b.dim() == 2 && K == b.size(transpose_b ? 1 : 0) && sum.dim() == 2 && sum.size(0) == M && sum.size(1) == N &&
          a.scalar_type() == b.scalar_type() && a.scalar_type() == sum.scalar_type(),
      "evo::add_product_: ", a.sizes(), transpose_a ? " transposed" : "", " and ", b.sizes(), transpose_b ? " transposed" : "",
      " do not make ", sum.sizes(), ", or are of another type");
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  if (K > 0) add_product(sum, a, transpose_a, b, transpose_b);
}

TORCH_LIBRARY_FRAGMENT(evo, m) {
  m.def("add_product_(Tensor(a!) sum, Tensor a, bool transpose_a, Tensor b, bool transpose_b) -> ()", add_product_);
  m.def("product(Tensor a, bool transpose_a, Tensor b, bool transpose_b) -> Tensor", product);
  m.def(
      "linear(Tensor x, Tensor weight, Tensor? bias=None, Tensor(a!)? weight_gradient=None, Tensor(b!)? bias_gradient=None) -> Tensor",
      linear);
}

}  // namespace
}  // namespace evo::kernels
