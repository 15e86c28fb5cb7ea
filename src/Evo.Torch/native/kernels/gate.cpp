// evo::gated and evo::gated_pair with their backwards: what stands between the linear maps of a gated MLP; and evo::gated_linear, with the
// second of them.

#include "mlp_end.h"

namespace evo::kernels {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Gate and up with one distance between their rows, of C elements: tensors of their own, or the two halves of one.
struct Halves {
  Tensor gate, up;
  int64_t C, stride;

  static Halves of(const Tensor& gate, const Tensor& up) {
    const Tensor g = gate.contiguous(), u = up.contiguous();
    return {g, u, g.numel(), g.numel()};
  }

  static Halves of(const Tensor& pair) {
    const Tensor rows = pair.contiguous().view({-1, pair.size(-1)});
    const int64_t C = pair.size(-1) / 2;
    return {rows.narrow(1, 0, C), rows.narrow(1, C, C), C, 2 * C};
  }

  int64_t rows() const { return C == 0 ? 0 : gate.numel() / C; }

  // From an element to what is read after it: in the next row, or a little further on.
  int64_t ahead() const { return rows() > 1 ? stride : kSoonBytes / gate.element_size(); }
};

// Calls f with ranges of elements, each within one row, as places in a tensor of rows without gaps and in the halves.
template <class F>
void each_range(const Halves& in, F f) {
  if (in.rows() <= 1)
    return at::parallel_for(0, in.gate.numel(), kGrain, [&](int64_t begin, int64_t end) { f(begin, begin, end - begin); });
  at::parallel_for(0, in.rows(), row_grain(in.C), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) f(row * in.C, row * in.stride, in.C);
  });
}

void gated_forward(const Halves& in, bool gelu, const Tensor& y) {
  if (on_cuda(y)) {
    const Gpu gpu(y);
    cuda::gated(gpu.type, gelu, {in.gate.data_ptr(), in.up.data_ptr(), in.rows(), in.C, in.stride}, y.data_ptr(), gpu.stream);
    return;
  }
  with_type(y.scalar_type(), "evo::gated", [&](auto stored) {
    using S = decltype(stored);
    each_range(in, [&](int64_t at, int64_t from, int64_t count) {
      Typed<S>::get().gated[gelu](pointer<S>(in.gate) + from, pointer<S>(in.up) + from, pointer<S>(y) + at, count, in.ahead());
    });
  });
}

// dgate and dup lie as gate and up do. y, where it is defined, becomes the forward's result; it may be dy.
void gated_backward(
    const Halves& in, bool gelu, const Tensor& dy, const Tensor& dgate, const Tensor& dup, const Tensor& y = Tensor()) {
  if (on_cuda(dy)) {
    const Gpu gpu(dy);
    cuda::gated_backward(
        gpu.type, gelu, dy.data_ptr(), {in.gate.data_ptr(), in.up.data_ptr(), in.rows(), in.C, in.stride}, dgate.data_ptr(),
        dup.data_ptr(), y.defined() ? y.data_ptr() : nullptr, gpu.stream);
    return;
  }
  with_type(dy.scalar_type(), "evo::gated", [&](auto stored) {
    using S = decltype(stored);
    each_range(in, [&](int64_t at, int64_t from, int64_t count) {
      Typed<S>::get().gated_backward[gelu](
          pointer<S>(dy) + at, pointer<S>(in.gate) + from, pointer<S>(in.up) + from, pointer<S>(dgate) + from, pointer<S>(dup) + from,
          y.defined() ? pointer<S>(y) + at : nullptr, count, in.ahead());
    });
  });
}

Tensor gated_once(const Tensor& gate, const Tensor& up, bool gelu) {
  Tensor y = at::empty(gate.sizes(), gate.options());
  gated_forward(Halves::of(gate, up), gelu, y);
  return y;
}

class Gated : public torch::autograd::Function<Gated> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& gate, const Tensor& up, bool gelu) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    ctx->save_for_backward({gate, up});
    ctx->saved_data["gelu"] = gelu;
    return gated_once(gate, up, gelu);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    differentiated_once("evo::gated");
    const auto saved = ctx->get_saved_variables();
    const Tensor dgate = at::empty(saved[0].sizes(), saved[0].options()), dup = at::empty_like(dgate);
    gated_backward(Halves::of(saved[0], saved[1]), ctx->saved_data["gelu"].toBool(), gradients[0].contiguous(), dgate, dup);
    return {dgate, dup, Tensor()};
  }
};

Tensor gated(const Tensor& gate, const Tensor& up, bool gelu) {
  check_device(gate, "evo::gated");
  TORCH_CHECK(
      gate.sizes() == up.sizes() && gate.scalar_type() == up.scalar_type(), "evo::gated: gate ", gate.sizes(), " ",
      gate.scalar_type(), " and up ", up.sizes(), " ", up.scalar_type(), " must have one shape and one type");
  return wants_gradient({&gate, &up}) ? Gated::apply(gate, up, gelu) : gated_once(gate, up, gelu);
}

Tensor gated_pair_once(const Tensor& pair, bool gelu) {
  auto sizes = pair.sizes().vec();
  sizes.back() /= 2;
  Tensor y = at::empty(sizes, pair.options());
  gated_forward(Halves::of(pair), gelu, y);
  return y;
}

// dpair. y, where it is defined, becomes the product again; it may be dy.
Tensor gated_pair_gradient(const Tensor& dy, const Tensor& pair, bool gelu, const Tensor& y = Tensor()) {
  Tensor dpair = at::empty(pair.sizes(), pair.options());
  const Halves to = Halves::of(dpair);
  gated_backward(Halves::of(pair), gelu, dy, to.gate, to.up, y);
  return dpair;
}

class GatedPair : public torch::autograd::Function<GatedPair> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& pair, bool gelu) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    ctx->save_for_backward({pair});
    ctx->saved_data["gelu"] = gelu;
    return gated_pair_once(pair, gelu);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    differentiated_once("evo::gated_pair");
    const Tensor pair = ctx->get_saved_variables()[0];
    return {gated_pair_gradient(gradients[0].contiguous(), pair, ctx->saved_data["gelu"].toBool()), Tensor()};
  }
};

Tensor gated_pair(const Tensor& pair, bool gelu) {
  check_device(pair, "evo::gated_pair");
  TORCH_CHECK(pair.dim() >= 1 && pair.size(-1) % 2 == 0, "evo::gated_pair: the last of ", pair.sizes(), " holds gate and up, so it is even");
  return wants_gradient({&pair}) ? GatedPair::apply(pair, gelu) : gated_pair_once(pair, gelu);
}

// dpair, and the product again, which nobody kept.
std::tuple<Tensor, Tensor> gated_pair_backward(const Tensor& dy, const Tensor& pair, bool gelu) {
  check_device(pair, "evo::gated_pair_backward");
  TORCH_CHECK(
      pair.dim() >= 1 && 2 * dy.numel() == pair.numel() && 2 * dy.size(-1) == pair.size(-1) && dy.scalar_type() == pair.scalar_type(),
      "evo::gated_pair_backward: dy ", dy.sizes(), " ", dy.scalar_type(), " for a pair ", pair.sizes(), " ", pair.scalar_type());
  const Tensor product = at::empty(dy.sizes(), dy.options());
  return {gated_pair_gradient(dy.contiguous(), pair, gelu, product), product};
}

// ---- the end of a gated MLP ----

struct GatedInside {
  static constexpr const char* kName = "evo::gated_linear";
  static constexpr const char* kMeets = "the last dimension of x holds gate and up, each as long as the second of the weight";

  // An odd one is that of no weight.
  static int64_t width(const Tensor& pair) { return pair.size(-1) % 2 == 0 ? pair.size(-1) / 2 : -1; }
  static Tensor of(const Tensor& pair, const Tensor&, bool gelu) { return gated_pair_once(pair, gelu); }

  static std::pair<Tensor, Tensor> backward(const Tensor& dy, const Tensor& pair, const Tensor&, bool gelu, const Tensor& y) {
    return {gated_pair_gradient(dy, pair, gelu, y), Tensor()};
  }
};

Tensor gated_linear(
    const Tensor& pair, const Tensor& weight, const evo::optional<Tensor>& bias, bool gelu, const evo::optional<Tensor>& weight_gradient,
    const evo::optional<Tensor>& bias_gradient) {
  return mlp_end<GatedInside>(pair, Tensor(), weight, bias, gelu, weight_gradient, bias_gradient);
}

TORCH_LIBRARY_FRAGMENT(evo, m) {
  m.def("gated(Tensor gate, Tensor up, bool gelu=False) -> Tensor", gated);
  m.def("gated_pair(Tensor pair, bool gelu=False) -> Tensor", gated_pair);
  m.def("gated_pair_backward(Tensor dy, Tensor pair, bool gelu=False) -> (Tensor, Tensor)", gated_pair_backward);
  m.def(
      "gated_linear(Tensor pair, Tensor weight, Tensor? bias=None, bool gelu=False, Tensor(a!)? weight_gradient=None, "
      "Tensor(b!)? bias_gradient=None) -> Tensor",
      gated_linear);
}

}  // namespace
}  // namespace evo::kernels
