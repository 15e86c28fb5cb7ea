// Attention on a GPU: libtorch's flash attention, or cuDNN's where all sequences have one length; Evo's own tiles (cuda/attention.cu) for
// what these do not take.

#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/record_function.h>

#include "attention.h"
#include "attention_plan.h"

namespace evo::kernels {

#ifdef EVO_CUDA_KERNELS

using at::Tensor;
using torch::autograd::variable_list;

namespace {

// Where the tokens are, without waiting for them: through page-locked memory, or the host would wait until the GPU has done all before.
Tensor sent(const Tensor& borders, const Tensor& q, at::ScalarType type) {
  const Tensor narrow = borders.to(type);
  return narrow.device() == q.device() ? narrow : narrow.pin_memory().to(q.device(), type, /*non_blocking=*/true);
}

#if EVO_TORCH_AT_LEAST(2, 6)

// Whether libtorch's flash attention knows all of it.
bool takes_flash(const Tensor& q, const Tensor& k, const Scoring& scoring) {
  const auto type = q.scalar_type();
  return q.is_cuda() && (type == at::kBFloat16 || type == at::kHalf) && q.size(3) % 8 == 0 && q.size(3) <= 256 && q.size(1) == k.size(1) &&
      !scoring.slopes.defined() && scoring.drops.share == 0;
}

// The borders of packed sequences as that wants them, and the longest of them; a row alone has none.
struct FlashPlan {
  evo::optional<Tensor> borders;
  int64_t longest;
  evo::optional<c10::SymInt> window;

  FlashPlan(const Tensor& q, const Scoring& scoring, const evo::optional<Tensor>& cu_seqlens) : longest(q.size(1)) {
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
    borders = sent(*cu_seqlens, q, at::kInt);
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

Outcome flash_forward(const Tensor& q, const Tensor& k, const Tensor& v, const Scoring& scoring, const evo::optional<Tensor>& cu_seqlens) {
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

#endif

// The borders where the tokens are, which keep their memory, and everything else as the kernels take it.
struct Tiles {
  Tensor borders;
  cuda::Attention in;

  Tiles(const Tensor& q, const Tensor& k, const Tensor& v, const Scoring& scoring, const evo::optional<Tensor>& cu_seqlens, int64_t operations) {
    const auto strides = [](const Tensor& t) { return cuda::HeadStrides{t.stride(0), t.stride(1), t.stride(2)}; };
    const auto& drops = scoring.drops;
    in = {q.data_ptr(), k.data_ptr(), v.data_ptr(), strides(q), strides(k), strides(v), q.size(0), q.size(1), k.size(1), q.size(2),
          k.size(2), q.size(3), scoring.scale, scoring.window, scoring.slopes.defined() ? pointer<double>(scoring.slopes) : nullptr,
          nullptr, 0, nullptr, nullptr, false, 0, 1};
    TORCH_CHECK(
        in.D <= cuda::kLargestHead, "evo::causal_attention: on a GPU heads have at most ", cuda::kLargestHead, " elements, got ", in.D);
    const bool packed = cu_seqlens && cu_seqlens->defined();
    // The host knows how many pairs there are where it has the borders.
    if (!packed || cu_seqlens->is_cpu()) count(Work::attention, operations * pairs_of(plan_of(q, k, cu_seqlens, 1), scoring.window) * in.H * in.D);
    if (packed) {
      borders = sent(*cu_seqlens, q, at::kLong).contiguous();
      in.borders = pointer<int64_t>(borders);
      in.sequences = borders.numel() - 1;
    }
    if (drops.share > 0) {
      in.query_words = pointer<int64_t>(drops.rows);
      in.key_words = pointer<int64_t>(drops.columns);
      in.own_key_words = drops.columns.size(0) > 1;
      in.drop_limit = drop_limit(drops.share);
      in.kept = 1 / (1 - drops.share);
    }
  }
};

Outcome tiles_forward(
    const Tensor& q, const Tensor& k, const Tensor& v, const Scoring& scoring, const evo::optional<Tensor>& cu_seqlens) {
  const Tiles tiles(q, k, v, scoring, cu_seqlens, 4);
  const Gpu gpu(q);
  const Tensor out = at::empty(q.sizes(), q.options());
  const Tensor lse = at::empty({q.size(0), q.size(2), q.size(1)}, q.options().dtype(wide_type(q.scalar_type())));
  cuda::attention(gpu.type, tiles.in, out.data_ptr(), lse.data_ptr(), gpu.stream);
  return {out, lse};
}

variable_list tiles_backward(
    const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& out, const Tensor& lse, const Tensor& dout, const Scoring& scoring,
    const evo::optional<Tensor>& cu_seqlens) {
  const Tiles tiles(q, k, v, scoring, cu_seqlens, 10);
  const Gpu gpu(q);
  const Tensor delta = at::empty_like(lse), dq = at::empty(q.sizes(), q.options()), dk = at::empty(k.sizes(), q.options()),
               dv = at::empty_like(dk);
  cuda::attention_backward(
      gpu.type, tiles.in,
      {out.data_ptr(), dout.data_ptr(), lse.data_ptr(), delta.data_ptr(), dq.data_ptr(), dk.data_ptr(), dv.data_ptr()}, gpu.stream);
  return {dq, dk, dv};
}

}  // namespace

Outcome gpu_forward(const Tensor& q, const Tensor& k, const Tensor& v, const Scoring& scoring, const evo::optional<Tensor>& cu_seqlens) {
#if EVO_TORCH_AT_LEAST(2, 6)
  if (takes_flash(q, k, scoring)) return flash_forward(q, k, v, scoring, cu_seqlens);
#endif
  return tiles_forward(q, k, v, scoring, cu_seqlens);
}

variable_list gpu_backward(
    const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& out, const Tensor& lse, const Tensor& dout, const Scoring& scoring,
    const evo::optional<Tensor>& cu_seqlens) {
#if EVO_TORCH_AT_LEAST(2, 6)
  if (takes_flash(q, k, scoring)) return flash_backward(q, k, v, out, lse, dout, scoring, cu_seqlens);
#endif
  return tiles_backward(q, k, v, out, lse, dout, scoring, cu_seqlens);
}

#endif

}  // namespace evo::kernels
