// Attention on a GPU: libtorch's flash attention, or cuDNN's where all sequences have one length.

#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/record_function.h>

#include "attention.h"

namespace evo::kernels {

using at::Tensor;
using torch::autograd::variable_list;

#if EVO_TORCH_AT_LEAST(2, 6)

namespace {

// The borders of packed sequences as that wants them, and the longest of them; a row alone has none.
struct FlashPlan {
  evo::optional<Tensor> borders;
  int64_t longest;
  evo::optional<c10::SymInt> window;

  FlashPlan(const Tensor& q, const Scoring& scoring, const evo::optional<Tensor>& cu_seqlens) : longest(q.size(1)) {
    TORCH_CHECK(
        !scoring.slopes.defined(), "evo::causal_attention: libtorch's flash attention has no alibi_slopes; take the plain operators");
    if (scoring.window > 0) window = c10::SymInt(scoring.window - 1);
    if (!cu_seqlens || !cu_seqlens->defined()) return;
    if (scoring.longest > 0 && cu_seqlens->is_cuda()) {
      // Sent once for all layers, and not looked at: nobody waits, and a graph that holds this finds each batch's borders there.
      borders = cu_seqlens->to(at::kInt);
      longest = std::min(scoring.longest, longest);
      return;
    }
    const Tensor here = cu_seqlens->to(at::kCPU, at::kLong).contiguous();
    const auto* border = here.data_ptr<int64_t>();
    longest = 0;
    for (int64_t i = 0; i + 1 < here.numel(); i++) longest = std::max(longest, border[i + 1] - border[i]);
    // Through page-locked memory: from other the host would wait, here in each layer, until the GPU has done all before.
    const Tensor narrow = cu_seqlens->to(at::kInt);
    borders = narrow.is_cuda() ? narrow : narrow.pin_memory().to(q.device(), at::kInt, /*non_blocking=*/true);
  }

  Tensor rows(const Tensor& t) const { return borders ? t.squeeze(0) : t; }
  Tensor batch(const Tensor& t) const { return borders ? t.unsqueeze(0) : t; }
};

// Rows of one length, as cuDNN takes them: [count, heads, length, size].
struct EqualRows {
  int64_t rows, length;
  Tensor apart(const Tensor& t) const { return t.reshape({rows, length, t.size(2), t.size(3)}).transpose(1, 2); }
  Tensor together(const Tensor& t, const Tensor& like) const { return t.transpose(1, 2).reshape(like.sizes()); }

  // Operations of so many for each pair of query and key and each element of a head: a profile is told. Of unlike rows the host knows none.
  void count_each(int64_t operations, const Tensor& q) const {
    count(Work::attention, operations * rows * (length * (length + 1) / 2) * q.size(2) * q.size(3));
  }
};

// Those of sequences for which cuDNN's attention is the choice: on Hopper it is half again as fast. PyTorch trusts in it from this version
// on. It is none where results must be the same on every run.
evo::optional<EqualRows> rows_for_cudnn(const Tensor& q, const FlashPlan& plan) {
  const int64_t count = plan.borders ? plan.borders->numel() - 1 : q.size(0), size = q.size(3);
  // None is longer than the longest, which may be less than said: if so many of that length fill the row, all are that long.
  const bool equal = !plan.borders || count * plan.longest == q.size(1);
  if (!equal || plan.window || plan.longest % 64 != 0 || size % 8 != 0 || size > 128) return {};
  if (at::globalContext().deterministicAlgorithms() || !at::globalContext().userEnabledCuDNNSDP()) return {};
  if (at::detail::getCUDAHooks().versionCuDNN() < 91500 || gpu_generation(q) != 9) return {};
  return EqualRows{count, plan.longest};
}

}  // namespace

Outcome flash_forward(const Tensor& q, const Tensor& k, const Tensor& v, const Scoring& scoring, const evo::optional<Tensor>& cu_seqlens) {
  TORCH_CHECK(k.size(1) == q.size(1), "evo::causal_attention: on a GPU, keys beyond the queries are for the plain operators");
  const at::DisableRecordFunctionGuard unseen;  // a profile gives its time to the operator that has its operations
  const FlashPlan plan(q, scoring, cu_seqlens);
  if (const auto rows = rows_for_cudnn(q, plan)) {
    rows->count_each(4, q);
    const auto found = at::_scaled_dot_product_cudnn_attention(
        rows->apart(q), rows->apart(k), rows->apart(v), {}, true, 0.0, true, false, scoring.scale);
    return {rows->together(std::get<0>(found), q), std::get<1>(found)};
  }
  const auto found = at::_flash_attention_forward_symint(
      plan.rows(q), plan.rows(k), plan.rows(v), plan.borders, plan.borders, plan.longest, plan.longest, 0.0, true, false, scoring.scale,
      plan.window, c10::SymInt(0));
  return {plan.batch(std::get<0>(found)), std::get<1>(found)};
}

variable_list flash_backward(
    const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& out, const Tensor& lse, const Tensor& dout, const Scoring& scoring,
    const evo::optional<Tensor>& cu_seqlens) {
  const at::DisableRecordFunctionGuard unseen;
  const FlashPlan plan(q, scoring, cu_seqlens);
  const Tensor random = at::empty({2}, q.options().dtype(at::kLong)), none = plan.borders.value_or(Tensor());  // of dropout, which there is none of
  // By the forward's: cuDNN's log-sum-exp has a fourth dimension.
  if (lse.dim() == 4) {
    const EqualRows rows{lse.size(0), lse.size(2)};
    rows.count_each(10, q);
    const auto found = at::_scaled_dot_product_cudnn_attention_backward(
        rows.apart(dout), rows.apart(q), rows.apart(k), rows.apart(v), rows.apart(out), lse, random, random, {}, {}, {}, rows.length,
        rows.length, 0.0, true, scoring.scale);
    return {rows.together(std::get<0>(found), q), rows.together(std::get<1>(found), k), rows.together(std::get<2>(found), v)};
  }
  const auto found = at::_flash_attention_backward_symint(
      plan.rows(dout), plan.rows(q), plan.rows(k), plan.rows(v), plan.rows(out), lse, none, none, plan.longest, plan.longest, 0.0, true,
      random, Tensor(), scoring.scale, plan.window, c10::SymInt(0));
  return {plan.batch(std::get<0>(found)), plan.batch(std::get<1>(found)), plan.batch(std::get<2>(found))};
}

#else

Outcome flash_forward(const Tensor&, const Tensor&, const Tensor&, const Scoring&, const evo::optional<Tensor>&) {
  TORCH_CHECK(false, "evo::causal_attention: flash attention needs libtorch 2.6 or newer; take the plain operators");
}

variable_list flash_backward(
    const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Scoring&, const evo::optional<Tensor>&) {
  TORCH_CHECK(false, "evo::causal_attention: flash attention needs libtorch 2.6 or newer; take the plain operators");
}

#endif

}  // namespace evo::kernels
