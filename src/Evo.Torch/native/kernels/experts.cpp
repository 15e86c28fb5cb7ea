// evo::order_by_expert, evo::permute_to_experts and evo::combine_experts: tokens on their way to experts and back.
//
// N tokens of C channels, K choices of a token, M choices that were kept. Pair n * K + k is choice k of token n; its place is its row
// among those of all experts, or M and beyond where it was dropped. Every token owns its places, so that threads share none.

#include "operators.h"

namespace evo::kernels {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// A stable sort that counts: pairs by expert, the place of each pair, and how many each expert has.
std::tuple<Tensor, Tensor, Tensor> order_by_expert(const Tensor& experts, int64_t count) {
  TORCH_CHECK(
      experts.device().is_cpu() && experts.scalar_type() == at::kLong && count >= 0, "evo::order_by_expert: experts ", experts.sizes(), " ",
      experts.scalar_type(), " on ", experts.device(), " of ", count, ": int64 numbers on the processor are needed");
  const Tensor flat = experts.contiguous();
  const int64_t pairs = flat.numel();
  const auto* expert = pointer<int64_t>(flat);
  std::vector<int64_t> next(static_cast<std::size_t>(count) + 2);
  for (int64_t p = 0; p < pairs; p++) {
    TORCH_CHECK_INDEX(
        expert[p] >= 0 && expert[p] <= count, "evo::order_by_expert: expert ", expert[p], " of pair ", p, " is none of ", count,
        ", nor ", count, " for a choice that was dropped");
    next[static_cast<std::size_t>(expert[p]) + 1]++;
  }
  const Tensor counts = at::empty({count}, flat.options());
  std::copy_n(next.begin() + 1, count, pointer<int64_t>(counts));
  for (std::size_t e = 1; e < next.size(); e++) next[e] += next[e - 1];
  const Tensor sorted = at::empty({pairs}, flat.options()), places = at::empty({pairs}, flat.options());
  for (int64_t p = 0; p < pairs; p++) {
    const int64_t place = next[static_cast<std::size_t>(expert[p])]++;
    pointer<int64_t>(places)[p] = place;
    pointer<int64_t>(sorted)[place] = p;
  }
  return {sorted, places, counts};
}

// Each place is some pair's, and one pair's only: no row is left out, none is written twice.
void check_places(const Tensor& places, const char* name) {
  if (!places.device().is_cpu()) return;  // looking would wait for the device
  std::vector<bool> taken(static_cast<std::size_t>(places.numel()));
  for (int64_t p = 0; p < places.numel(); p++) {
    const int64_t place = pointer<int64_t>(places)[p];
    TORCH_CHECK_INDEX(place >= 0 && place < places.numel(), name, ": pair ", p, " has place ", place, " of ", places.numel());
    TORCH_CHECK_INDEX(!taken[static_cast<std::size_t>(place)], name, ": two pairs have place ", place);
    taken[static_cast<std::size_t>(place)] = true;
  }
}

// ---- to the experts ----

Tensor permuted(const Tensor& x, const Tensor& places, int64_t K, int64_t M) {
  const int64_t N = x.size(0), C = x.size(1), bytes = C * x.element_size();
  Tensor rows = at::empty({M, C}, x.options());
  if (on_cuda(x)) {
    const Gpu gpu(x);
    cuda::permute_to_experts(gpu.type, x.data_ptr(), pointer<int64_t>(places), rows.data_ptr(), {N, K, M, C}, gpu.stream);
    return rows;
  }
  const auto* place = pointer<int64_t>(places);
  at::parallel_for(0, N, row_grain(K * C), [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; n++)
      for (int64_t k = n * K; k < (n + 1) * K; k++)
        if (place[k] < M)
          std::memcpy(pointer<char>(rows) + place[k] * bytes, pointer<char>(x) + n * bytes, static_cast<std::size_t>(bytes));
  });
  return rows;
}

// The sum of each token's rows, by its weights where there are some: [N, C].
Tensor combined(const Tensor& rows, const Tensor& places, const Tensor& weights, int64_t N, int64_t K) {
  const int64_t M = rows.size(0), C = rows.size(1);
  Tensor y = at::empty({N, C}, rows.options());
  if (on_cuda(rows)) {
    const Gpu gpu(rows);
    cuda::combine_experts(
        gpu.type, rows.data_ptr(), pointer<int64_t>(places), weights.defined() ? weights.data_ptr() : nullptr, y.data_ptr(), {N, K, M, C},
        gpu.stream);
    return y;
  }
  with_type(rows.scalar_type(), "evo::combine_experts", [&](auto stored) {
    using S = decltype(stored);
    using W = typename Typed<S>::Wide;
    at::parallel_for(0, N, row_grain(K * C), [&](int64_t begin, int64_t end) {
      Typed<S>::get().combine(
          pointer<S>(rows), pointer<int64_t>(places), weights.defined() ? pointer<W>(weights) : nullptr, pointer<S>(y), K, M, C, begin, end);
    });
  });
  return y;
}

class PermuteToExperts : public torch::autograd::Function<PermuteToExperts> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& places, int64_t K, int64_t M) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    ctx->save_for_backward({places});
    ctx->saved_data["tokens"] = x.size(0);
    ctx->saved_data["choices"] = K;
    return permuted(x, places, K, M);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    differentiated_once("evo::permute_to_experts");
    const Tensor dx = combined(
        gradients[0].contiguous(), ctx->get_saved_variables()[0], Tensor(), ctx->saved_data["tokens"].toInt(),
        ctx->saved_data["choices"].toInt());
    return {dx, Tensor(), Tensor(), Tensor()};
  }
};

Tensor permute_to_experts(const Tensor& x, const Tensor& places, int64_t choices, int64_t kept) {
  check_device(x, "evo::permute_to_experts");
  TORCH_CHECK(
      x.dim() == 2 && places.dim() == 1 && places.scalar_type() == at::kLong && places.device() == x.device() && choices > 0 &&
          places.size(0) == x.size(0) * choices && kept >= 0 && kept <= places.size(0),
      "evo::permute_to_experts: x ", x.sizes(), ", places ", places.sizes(), " ", places.scalar_type(), ", ", choices, " choices, ", kept,
      " kept: tokens [N, C] have N times as many int64 places as there are choices of one, beside them, and no more are kept");
  const Tensor dense = x.contiguous(), at = places.contiguous();
  check_places(at, "evo::permute_to_experts");
  return wants_gradient({&x}) ? PermuteToExperts::apply(dense, at, choices, kept) : permuted(dense, at, choices, kept);
}

// ---- and back ----

class CombineExperts : public torch::autograd::Function<CombineExperts> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& rows, const Tensor& places, const Tensor& weights) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    ctx->save_for_backward({rows, places, weights});
    return combined(rows, places, weights, weights.size(0), weights.size(1));
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    differentiated_once("evo::combine_experts");
    const auto saved = ctx->get_saved_variables();
    const Tensor &rows = saved[0], &places = saved[1], &weights = saved[2], dy = gradients[0].contiguous();
    const int64_t N = weights.size(0), K = weights.size(1), M = rows.size(0), C = rows.size(1);
    Tensor drows = at::empty(rows.sizes(), rows.options()), dweights = at::empty(weights.sizes(), weights.options());
    if (on_cuda(rows)) {
      const Gpu gpu(rows);
      cuda::combine_experts_backward(
          gpu.type, dy.data_ptr(), rows.data_ptr(), pointer<int64_t>(places), weights.data_ptr(), drows.data_ptr(), dweights.data_ptr(),
          {N, K, M, C}, gpu.stream);
      return {drows, Tensor(), dweights};
    }
    with_type(rows.scalar_type(), "evo::combine_experts", [&](auto stored) {
      using S = decltype(stored);
      using W = typename Typed<S>::Wide;
      at::parallel_for(0, N, row_grain(K * C), [&](int64_t begin, int64_t end) {
        Typed<S>::get().combine_backward(
            pointer<S>(dy), pointer<S>(rows), pointer<int64_t>(places), pointer<W>(weights), pointer<S>(drows), pointer<W>(dweights), K, M,
            C, begin, end);
      });
    });
    return {drows, Tensor(), dweights};
  }
};

Tensor combine_experts(const Tensor& rows, const Tensor& places, const Tensor& weights) {
  check_device(rows, "evo::combine_experts");
  TORCH_CHECK(
      rows.dim() == 2 && places.dim() == 1 && weights.dim() == 2 && places.scalar_type() == at::kLong &&
          weights.scalar_type() == wide_type(rows.scalar_type()) && places.device() == rows.device() && weights.device() == rows.device() &&
          places.size(0) == weights.numel() && rows.size(0) <= places.size(0),
      "evo::combine_experts: rows ", rows.sizes(), " ", rows.scalar_type(), ", places ", places.sizes(), " ", places.scalar_type(),
      ", weights ", weights.sizes(), " ", weights.scalar_type(),
      ": weights [N, K] of the type that rows are computed in have N K int64 places beside them, and there are no more rows [M, C]");
  const Tensor dense = rows.contiguous(), at = places.contiguous(), w = weights.contiguous();
  check_places(at, "evo::combine_experts");
  return wants_gradient({&rows, &weights}) ? CombineExperts::apply(dense, at, w) : combined(dense, at, w, w.size(0), w.size(1));
}

TORCH_LIBRARY_FRAGMENT(evo, m) {
  m.def("order_by_expert(Tensor experts, int count) -> (Tensor, Tensor, Tensor)", order_by_expert);
  m.def("permute_to_experts(Tensor x, Tensor places, int choices, int kept) -> Tensor", permute_to_experts);
  m.def("combine_experts(Tensor rows, Tensor places, Tensor weights) -> Tensor", combine_experts);
}

}  // namespace
}  // namespace evo::kernels
