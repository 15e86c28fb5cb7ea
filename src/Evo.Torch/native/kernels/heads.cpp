// evo::rope and evo::heads with their backwards: what stands between the linear maps and attention.

#include "operators.h"

namespace evo::kernels {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

Tensor rope_turned(const Tensor& input, const Tensor& cos, const Tensor& sin, bool backward) {
  const Tensor x = input.stride(-1) == 1 || input.numel() == 0 ? input : input.contiguous();
  const int64_t B = x.size(0), T = x.size(1), H = x.size(2), D = x.size(3);
  Tensor y = at::empty({B, T, H, D}, x.options());
  if (y.numel() == 0) return y;
  if (on_cuda(x)) {
    const Gpu gpu(x);
    cuda::rope(
        gpu.type, x.data_ptr(), {B, T, H, D, x.stride(0), x.stride(1), x.stride(2)}, cos.data_ptr(), sin.data_ptr(), cos.size(0) > 1,
        y.data_ptr(), backward, gpu.stream);
    return y;
  }
  with_type(x.scalar_type(), "evo::rope", [&](auto stored) {
    using S = decltype(stored);
    at::parallel_for(0, B * T, 16, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; n++) {
        const int64_t b = n / T, t = n % T, place = (cos.size(0) == 1 ? t : n) * D;
        Typed<S>::get().rope(
            pointer<S>(x) + b * x.stride(0) + t * x.stride(1), x.stride(2), pointer<S>(cos) + place, pointer<S>(sin) + place,
            pointer<S>(y) + n * H * D, H, D, backward);
      }
    });
  });
  return y;
}

class Rope : public torch::autograd::Function<Rope> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& cos, const Tensor& sin) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    ctx->save_for_backward({cos, sin});
    return rope_turned(x, cos, sin, false);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    differentiated_once("evo::rope");
    const auto saved = ctx->get_saved_variables();
    return {rope_turned(gradients[0], saved[0], saved[1], true), Tensor(), Tensor()};
  }
};

Tensor rope(const Tensor& x, const Tensor& cos, const Tensor& sin) {
  check_device(x, "evo::rope");
  TORCH_CHECK(
      x.dim() == 4 && x.size(3) % 2 == 0 && cos.dim() == 3 && cos.sizes() == sin.sizes() && cos.size(1) == x.size(1) &&
          cos.size(2) == x.size(3) && (cos.size(0) == 1 || cos.size(0) == x.size(0)),
      "evo::rope: x ", x.sizes(), ", cos ", cos.sizes(), ", sin ", sin.sizes(),
      " do not meet: x is [B, T, H, D] with D even, the tables are [B or 1, T, D]");
  const Tensor c = cos.detach().to(x.scalar_type()).contiguous(), s = sin.detach().to(x.scalar_type()).contiguous();
  return wants_gradient({&x}) ? Rope::apply(x, c, s) : rope_turned(x, c, s, false);
}

// ---- queries, keys and values out of one product ----

// The heads of one token in a product of H query heads and K key and K value heads of D elements: all queries, all keys, all values;
// or `grouped`, for each key head its H/K queries, the key and the value.
struct HeadOrder {
  int64_t H, K, D;
  bool grouped;

  int64_t width() const { return (H + 2 * K) * D; }

  // Calls f for each run of neighbouring heads: where it begins among all, its part (0 queries, 1 keys, 2 values), its first head
  // there and how many there are.
  template <class F>
  void each_run(F f) const {
    if (!grouped) {
      f(0, 0, 0, H);
      f(H, 1, 0, K);
      f(H + K, 2, 0, K);
      return;
    }
    const int64_t group = H / K;
    for (int64_t k = 0; k < K; k++) {
      const int64_t first = k * (group + 2);
      f(first, 0, k * group, group);
      f(first + group, 1, k, 1);
      f(first + group + 1, 2, k, 1);
    }
  }
};

// From the product to its parts, queries and keys turned; or back, with the transpose of that.
void move_heads(const Tensor& whole, const Tensor* parts, const HeadOrder& order, const Tensor& cos, const Tensor& sin, bool backward) {
  const int64_t B = whole.size(0), T = whole.size(1);
  if (whole.numel() == 0) return;
  if (on_cuda(whole)) {
    const Gpu gpu(whole);
    const bool turns = cos.defined();
    cuda::heads(
        gpu.type, whole.data_ptr(), {parts[0].data_ptr(), parts[1].data_ptr(), parts[2].data_ptr()},
        {B, T, order.H, order.K, order.D, order.grouped}, turns ? cos.data_ptr() : nullptr, turns ? sin.data_ptr() : nullptr,
        turns && cos.size(0) > 1, backward, gpu.stream);
    return;
  }
  with_type(whole.scalar_type(), "evo::heads", [&](auto stored) {
    using S = decltype(stored);
    const int64_t D = order.D, counts[] = {order.H, order.K, order.K};
    at::parallel_for(0, B * T, row_grain(order.width()), [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; n++)
        order.each_run([&](int64_t first, int part, int64_t head, int64_t heads) {
          S* inside = pointer<S>(whole) + n * order.width() + first * D;
          S* apart = pointer<S>(parts[part]) + (n * counts[part] + head) * D;
          const S* from = backward ? apart : inside;
          S* to = backward ? inside : apart;
          if (part == 2 || !cos.defined()) {
            std::memcpy(to, from, static_cast<std::size_t>(heads * D) * sizeof(S));
            return;
          }
          const int64_t place = (cos.size(0) == 1 ? n % T : n) * D;
          Typed<S>::get().rope(from, D, pointer<S>(cos) + place, pointer<S>(sin) + place, to, heads, D, backward);
        });
    });
  });
}

std::vector<Tensor> heads_apart(const Tensor& x, const HeadOrder& order, const Tensor& cos, const Tensor& sin) {
  const int64_t B = x.size(0), T = x.size(1);
  std::vector<Tensor> parts;
  for (const int64_t count : {order.H, order.K, order.K}) parts.push_back(at::empty({B, T, count, order.D}, x.options()));
  move_heads(x.contiguous(), parts.data(), order, cos, sin, false);
  return parts;
}

class HeadsApart : public torch::autograd::Function<HeadsApart> {
 public:
  static variable_list forward(
      AutogradContext* ctx, const Tensor& x, const HeadOrder& order, const evo::optional<Tensor>& cos_table,
      const evo::optional<Tensor>& sin_table) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    const Tensor cos = cos_table.value_or(Tensor()), sin = sin_table.value_or(Tensor());
    ctx->save_for_backward({cos, sin});
    ctx->saved_data["H"] = order.H;
    ctx->saved_data["K"] = order.K;
    ctx->saved_data["D"] = order.D;
    ctx->saved_data["grouped"] = order.grouped;
    ctx->saved_data["sizes"] = x.sizes().vec();
    return heads_apart(x, order, cos, sin);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    differentiated_once("evo::heads");
    const auto saved = ctx->get_saved_variables();
    const HeadOrder order{
        ctx->saved_data["H"].toInt(), ctx->saved_data["K"].toInt(), ctx->saved_data["D"].toInt(), ctx->saved_data["grouped"].toBool()};
    const Tensor parts[] = {gradients[0].contiguous(), gradients[1].contiguous(), gradients[2].contiguous()};
    const Tensor dx = at::empty(ctx->saved_data["sizes"].toIntVector(), parts[0].options());
    move_heads(dx, parts, order, saved[0], saved[1], true);
    return {dx, Tensor(), Tensor(), Tensor()};
  }
};

std::tuple<Tensor, Tensor, Tensor> heads(
    const Tensor& x, int64_t query_heads, int64_t kv_heads, bool grouped, const evo::optional<Tensor>& cos_table,
    const evo::optional<Tensor>& sin_table) {
  check_device(x, "evo::heads");
  TORCH_CHECK(
      x.dim() == 3 && query_heads > 0 && kv_heads > 0 && query_heads % kv_heads == 0 && x.size(2) % (2 * (query_heads + 2 * kv_heads)) == 0,
      "evo::heads: x ", x.sizes(), " is not [B, T, (", query_heads, " + 2 * ", kv_heads, ") * D] with D even");
  const HeadOrder order{query_heads, kv_heads, x.size(2) / (query_heads + 2 * kv_heads), grouped};
  Tensor cos, sin;
  if (cos_table && cos_table->defined()) {
    TORCH_CHECK(
        sin_table && sin_table->sizes() == cos_table->sizes() && cos_table->dim() == 3 && cos_table->size(1) == x.size(1) &&
            cos_table->size(2) == order.D && (cos_table->size(0) == 1 || cos_table->size(0) == x.size(0)),
        "evo::heads: cos ", cos_table->sizes(), " is not [B or 1, T, D] of x ", x.sizes(), ", or sin is not like it");
    cos = cos_table->detach().to(x.scalar_type()).contiguous();
    sin = sin_table->detach().to(x.scalar_type()).contiguous();
  }
  const auto parts = wants_gradient({&x}) ? HeadsApart::apply(x, order, if_there(cos), if_there(sin)) : heads_apart(x, order, cos, sin);
  return {parts[0], parts[1], parts[2]};
}

TORCH_LIBRARY_FRAGMENT(evo, m) {
  m.def("rope(Tensor x, Tensor cos, Tensor sin) -> Tensor", rope);
  m.def(
      "heads(Tensor x, int query_heads, int kv_heads, bool grouped=False, Tensor? cos=None, Tensor? sin=None) -> (Tensor, Tensor, Tensor)",
      heads);
}

}  // namespace
}  // namespace evo::kernels
