// evo::causal_attention: exact causal attention in blocks, over packed sequences, shared key/value heads and a cache, with its backward.

#include "attention.h"
#include "attention_plan.h"

namespace evo::kernels {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The two forms of packed keys or values, [tokens, size] with tokens or sizes padded to whole vectors.
enum class Form { panels, rows };

template <class S>
void pack(const Tensor& kv, const Sequence& s, int64_t head, Form form, typename Typed<S>::Wide* to) {
  const S* from = pointer<S>(kv) + s.batch * kv.stride(0) + s.key * kv.stride(1) + head * kv.stride(2);
  if (form == Form::panels)
    Typed<S>::get().pack_panels(from, kv.stride(1), to, s.keys, kv.size(3));
  else
    Typed<S>::get().pack_rows(from, kv.stride(1), to, s.keys, kv.size(3), 1);
}

// Keys or values for all threads, of every key/value head and those sequences that are packed so: [K, tokens, width].
template <class S>
Tensor packed(const Tensor& kv, const Plan& plan, Form form) {
  using W = typename Typed<S>::Wide;
  const int64_t K = kv.size(2), D = kv.size(3), width = form == Form::panels ? D : rounded_up(D, Typed<S>::get().lanes);
  Tensor result = at::empty({K, plan.packed_tokens, width}, kv.options().dtype(wide_type(kv.scalar_type())));
  if (plan.packed_tokens == 0) return result;
  const auto n = static_cast<int64_t>(plan.sequences.size());
  at::parallel_for(0, n * K, 1, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; item++) {
      const auto& s = plan.sequences[item / K];
      if (s.packed >= 0) pack<S>(kv, s, item % K, form, pointer<W>(result) + (item % K * plan.packed_tokens + s.packed) * width);
    }
  });
  return result;
}

Tensor with_neighbours(const Tensor& t) { return t.stride(-1) == 1 || t.size(-1) == 1 ? t : t.contiguous(); }

// The words of what is dropped, as the kernels read them.
class DropWords {
 public:
  explicit DropWords(const Drops& drops) : drops_(drops) {
    if (drops.share == 0) return;
    keys_.resize(static_cast<std::size_t>(drops.columns.numel()));
    std::copy_n(pointer<int64_t>(drops.columns), keys_.size(), keys_.begin());
  }

  WeightDrops of(const Sequence& s, int64_t head) const {
    if (keys_.empty()) return {};
    const int64_t H = drops_.rows.size(1), T = drops_.rows.size(2), S = drops_.columns.size(1);
    return {
        pointer<int64_t>(drops_.rows) + (s.batch * H + head) * T + s.query,
        keys_.data() + (drops_.columns.size(0) == 1 ? 0 : s.batch) * S + s.key, drop_limit(drops_.share), 1 / (1 - drops_.share)};
  }

 private:
  const Drops& drops_;
  std::vector<std::uint32_t> keys_;
};

AttentionShape shape_of(const Sequence& s, int64_t size, const Scoring& scoring, const DropWords& words, int64_t head) {
  return {s.queries, s.keys, size, scoring.scale, scoring.window, scoring.slope(head), words.of(s, head)};
}

Outcome forward_blocks(
    const Tensor& q, const Tensor& k, const Tensor& v, const Scoring& scoring, const evo::optional<Tensor>& borders) {
  const int64_t B = q.size(0), T = q.size(1), H = q.size(2), D = q.size(3), K = k.size(2), group = H / K;
  Tensor out = at::empty({B, T, H, D}, q.options());
  Tensor lse = at::empty({B, H, T}, q.options().dtype(wide_type(q.scalar_type())));
  with_type(q.scalar_type(), "evo::causal_attention", [&](auto stored) {
    using S = decltype(stored);
    using W = typename Typed<S>::Wide;
    const auto& kernels = Typed<S>::get();
    const Plan plan = plan_of(q, k, borders, kernels.lanes);
    const DropWords words(scoring.drops);
    count(Work::attention, 4 * pairs_of(plan, scoring.window) * H * D);  // scores and weighted sums
    const int64_t padded = rounded_up(D, kernels.lanes), own = attention_scratch(D, kernels.lanes);
    const int64_t alone = rounded_up(plan.longest_alone, kernels.lanes);
    const Tensor panels_of_all = packed<S>(k, plan, Form::panels), rows_of_all = packed<S>(v, plan, Form::rows);
    const auto pieces = static_cast<int64_t>(plan.pieces.size());
    // Head by head: its keys and values stay in cache.
    each_by_any_thread<W>(pieces * K, own + alone * (D + padded), [&](W* scratch, int64_t item) {
      const auto [sequence, begin, end] = plan.pieces[item % pieces];
      const auto& s = plan.sequences[sequence];
      const int64_t kv_head = item / pieces;
      const W *k_panels, *v_rows;
      if (s.packed < 0) {
        W* at = scratch + own;
        pack<S>(k, s, kv_head, Form::panels, at);
        pack<S>(v, s, kv_head, Form::rows, at + alone * D);
        k_panels = at;
        v_rows = at + alone * D;
      } else {
        k_panels = pointer<W>(panels_of_all) + (kv_head * plan.packed_tokens + s.packed) * D;
        v_rows = pointer<W>(rows_of_all) + (kv_head * plan.packed_tokens + s.packed) * padded;
      }
      for (int64_t h = kv_head * group; h < (kv_head + 1) * group; h++)
        for (int64_t first = begin; first < end; first += kQueryBlock)
          kernels.attention(
              pointer<S>(q) + s.batch * q.stride(0) + s.query * q.stride(1) + h * q.stride(2), q.stride(1), k_panels, v_rows,
              pointer<S>(out) + ((s.batch * T + s.query) * H + h) * D, H * D, pointer<W>(lse) + (s.batch * H + h) * T + s.query,
              shape_of(s, D, scoring, words, h), first, std::min(end, first + kQueryBlock), scratch);
    });
  });
  return {out, lse};
}

Outcome attended(const Tensor& q, const Tensor& k, const Tensor& v, const Scoring& scoring, const evo::optional<Tensor>& borders) {
  const Tensor a = with_neighbours(q), b = with_neighbours(k), c = with_neighbours(v);
  return on_cuda(q) ? gpu_forward(a, b, c, scoring, borders) : forward_blocks(a, b, c, scoring, borders);
}

// A few new tokens against a cache: reading the keys and values once is all there is to do.
Tensor forward_few(const Tensor& q, const Tensor& k, const Tensor& v, const Scoring& scoring) {
  const int64_t B = q.size(0), T = q.size(1), H = q.size(2), D = q.size(3), S = k.size(1), group = H / k.size(2);
  Tensor out = at::empty({B, T, H, D}, q.options());
  with_type(q.scalar_type(), "evo::causal_attention", [&](auto stored) {
    using E = decltype(stored);
    using W = typename Typed<E>::Wide;
    const bool same = k.strides() == v.strides();
    const Tensor keys = same ? k : k.contiguous(), values = same ? v : v.contiguous();
    at::parallel_for(0, B * T * H, 1, [&](int64_t begin, int64_t end) {
      const Scratch<W> scratch(S);
      for (int64_t item = begin; item < end; item++) {
        const int64_t b = item / (T * H), t = item / H % T, h = item % H;
        const int64_t place = S - T + t, first = scoring.window > 0 && place >= scoring.window ? place - scoring.window + 1 : 0;
        const int64_t head = b * keys.stride(0) + h / group * keys.stride(2) + first * keys.stride(1);
        Typed<E>::get().attend_one(
            pointer<E>(q) + b * q.stride(0) + t * q.stride(1) + h * q.stride(2), pointer<E>(keys) + head,
            pointer<E>(values) + head, keys.stride(1), pointer<E>(out) + item * D, place + 1 - first, D, scoring.scale, scoring.slope(h),
            scratch.get());
      }
    });
  });
  return out;
}

variable_list backward_blocks(
    const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& out, const Tensor& lse, const Tensor& dout,
    const Scoring& scoring, const evo::optional<Tensor>& borders) {
  const int64_t B = q.size(0), T = q.size(1), H = q.size(2), D = q.size(3), S = k.size(1), K = k.size(2), group = H / K;
  Tensor dq = at::empty({B, T, H, D}, q.options()), dk = at::empty({B, S, K, D}, q.options()), dv = at::empty_like(dk);
  with_type(q.scalar_type(), "evo::causal_attention", [&](auto stored) {
    using E = decltype(stored);
    using W = typename Typed<E>::Wide;
    const auto& kernels = Typed<E>::get();
    const Plan plan = plan_of(q, k, borders, kernels.lanes);
    const DropWords words(scoring.drops);
    count(Work::attention, 10 * pairs_of(plan, scoring.window) * H * D);  // dq, dk, dv, d(weights), and the scores again
    const int64_t padded = rounded_up(D, kernels.lanes), own = attention_backward_scratch(D, kernels.lanes);
    const int64_t longest = rounded_up(plan.longest, kernels.lanes), one = longest * padded;
    const auto n = static_cast<int64_t>(plan.sequences.size());
    // Query heads of an item. Where they are not all of a key/value head's, each item has its own sums for the keys, which are added
    // afterwards in the order of the heads.
    const int64_t share = plan.many_pairs ? group : 1;
    const bool divided = share < group;
    const auto wide = q.options().dtype(wide_type(q.scalar_type()));
    const Tensor dk_heads = at::empty({divided ? B : 0, H, S, padded}, wide), dv_heads = at::empty_like(dk_heads);
    each_by_any_thread<W>(n * (H / share), own + 2 * longest * D + (divided ? 1 : 3) * one, [&](W* scratch, int64_t item) {
      const auto& s = plan.sequences[item % n];
      const int64_t first = item / n * share, kv_head = first / group;
      W *k_panels = scratch + own, *v_panels = k_panels + longest * D, *k_rows = v_panels + longest * D;
      pack<E>(k, s, kv_head, Form::panels, k_panels);
      pack<E>(v, s, kv_head, Form::panels, v_panels);
      pack<E>(k, s, kv_head, Form::rows, k_rows);
      const int64_t row = divided ? ((s.batch * H + first) * S + s.key) * padded : 0;
      W* dk_rows = divided ? pointer<W>(dk_heads) + row : k_rows + one;
      W* dv_rows = divided ? pointer<W>(dv_heads) + row : dk_rows + one;
      std::fill_n(dk_rows, s.keys * padded, W(0));
      std::fill_n(dv_rows, s.keys * padded, W(0));
      for (int64_t h = first; h < first + share; h++) {
        const int64_t place = ((s.batch * T + s.query) * H + h) * D;
        kernels.attention_backward(
            pointer<E>(q) + s.batch * q.stride(0) + s.query * q.stride(1) + h * q.stride(2), q.stride(1), k_panels, k_rows, v_panels,
            pointer<E>(out) + place, pointer<E>(dout) + place, H * D, pointer<W>(lse) + (s.batch * H + h) * T + s.query,
            pointer<E>(dq) + place, H * D, dk_rows, dv_rows, shape_of(s, D, scoring, words, h), scratch);
      }
      if (divided) return;
      for (int64_t t = 0; t < s.keys; t++) {
        const int64_t token = ((s.batch * S + s.key + t) * K + kv_head) * D;
        kernels.narrow(dk_rows + t * padded, pointer<E>(dk) + token, D);
        kernels.narrow(dv_rows + t * padded, pointer<E>(dv) + token, D);
      }
    });
    if (divided)
      at::parallel_for(0, B * S, 16, [&](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; n++)
          for (int64_t head = 0; head < K; head++)
            for (const auto& [heads, result] : {std::pair{&dk_heads, &dk}, std::pair{&dv_heads, &dv}}) {
              W* first = pointer<W>(*heads) + ((n / S * H + head * group) * S + n % S) * padded;
              for (int64_t g = 1; g < group; g++) Typed<W>::get().add_to(first, first + g * S * padded, D);
              kernels.narrow(first, pointer<E>(*result) + (n * K + head) * D, D);
            }
      });
  });
  return {dq, dk, dv};
}

class CausalAttention : public torch::autograd::Function<CausalAttention> {
 public:
  // `known` is what an earlier forward over the same arguments gave: it is taken over, and nothing is computed.
  static Tensor forward(
      AutogradContext* ctx, const Tensor& q, const Tensor& k, const Tensor& v, const Scoring& scoring, const evo::optional<Tensor>& borders,
      const Outcome& known) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    const auto [out, lse] = known.first.defined()
        ? Outcome{known.first.alias(), known.second}
        : attended(q, k, v, scoring, borders);
    ctx->save_for_backward({q, k, v, out, lse, borders.value_or(Tensor()), scoring.slopes, scoring.drops.rows, scoring.drops.columns});
    ctx->saved_data["scale"] = scoring.scale;
    ctx->saved_data["window"] = scoring.window;
    ctx->saved_data["longest"] = scoring.longest;
    ctx->saved_data["share"] = scoring.drops.share;
    return out;
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    differentiated_once("evo::causal_attention");
    const auto saved = ctx->get_saved_variables();
    const Scoring scoring{
        ctx->saved_data["scale"].toDouble(), ctx->saved_data["window"].toInt(), saved[6], ctx->saved_data["longest"].toInt(),
        {ctx->saved_data["share"].toDouble(), saved[7], saved[8]}};
    auto inputs = (on_cuda(saved[0]) ? gpu_backward : backward_blocks)(
        with_neighbours(saved[0]), with_neighbours(saved[1]), with_neighbours(saved[2]), saved[3], saved[4],
        gradients[0].contiguous(), scoring, saved[5]);
    return {inputs[0], inputs[1], inputs[2], Tensor(), Tensor(), Tensor()};
  }
};

bool is_packed(const evo::optional<Tensor>& cu_seqlens) { return cu_seqlens && cu_seqlens->defined(); }

constexpr int64_t kFewQueries = 4;  // below this, packing the keys costs more than the products it serves

// Checks the arguments, and gives what becomes of scores.
Scoring checked(
    const Tensor& q, const Tensor& k, const Tensor& v, double scale, const evo::optional<Tensor>& cu_seqlens, int64_t window,
    const evo::optional<Tensor>& alibi_slopes, int64_t longest, const evo::optional<Tensor>& drop_rows,
    const evo::optional<Tensor>& drop_columns, double drop_share) {
  check_device(q, "evo::causal_attention");
  TORCH_CHECK(
      q.dim() == 4 && k.dim() == 4 && k.sizes() == v.sizes() && q.size(0) == k.size(0) && q.size(3) == k.size(3) &&
          k.size(1) >= q.size(1) && k.size(2) > 0 && q.size(2) % k.size(2) == 0,
      "evo::causal_attention: q ", q.sizes(), ", k ", k.sizes(), ", v ", v.sizes(),
      " do not meet: q is [B, T, H, D], k and v are [B, S, K, D] with S >= T and H a multiple of K");
  TORCH_CHECK(
      q.scalar_type() == k.scalar_type() && q.scalar_type() == v.scalar_type(), "evo::causal_attention: q, k and v must have one type");
  const bool packed_row = is_packed(cu_seqlens);
  TORCH_CHECK(
      !packed_row || (q.size(0) == 1 && q.size(1) == k.size(1)), "evo::causal_attention: packed sequences need B = 1 and S = T");
  TORCH_CHECK(window >= 0, "evo::causal_attention: window must be at least 0, got ", window);
  Scoring scoring{scale, window, {}, longest, {}};
  if (alibi_slopes && alibi_slopes->defined()) {
    TORCH_CHECK(
        alibi_slopes->dim() == 1 && alibi_slopes->size(0) == q.size(2), "evo::causal_attention: alibi_slopes ", alibi_slopes->sizes(),
        " with ", q.size(2), " query heads: one slope for each is needed");
    scoring.slopes = alibi_slopes->detach().to(q.device(), at::kDouble).contiguous();
  }
  TORCH_CHECK(drop_share >= 0 && drop_share < 1, "evo::causal_attention: drop_share must be at least 0 and less than 1, got ", drop_share);
  if (drop_share > 0) {
    scoring.drops = {drop_share, drop_rows.value_or(Tensor()), drop_columns.value_or(Tensor())};
    auto& [share, rows, columns] = scoring.drops;
    TORCH_CHECK(
        rows.defined() && columns.defined() && rows.scalar_type() == at::kLong && columns.scalar_type() == at::kLong && rows.device() == q.device() &&
            columns.device() == q.device() && rows.sizes() == at::IntArrayRef({q.size(0), q.size(2), q.size(1)}) && columns.dim() == 2 &&
            columns.size(1) == k.size(1) && (columns.size(0) == 1 || columns.size(0) == q.size(0)),
        "evo::causal_attention: drop_rows and drop_columns must be int64 words on the device of q, [B, H, T] and [B or 1, S], for q ", q.sizes(),
        " and k ", k.sizes());
    rows = rows.contiguous();
    columns = columns.contiguous();
  }
  return scoring;
}

Tensor causal_attention(
    const Tensor& q, const Tensor& k, const Tensor& v, double scale, const evo::optional<Tensor>& cu_seqlens, int64_t window,
    const evo::optional<Tensor>& alibi_slopes, int64_t longest, const evo::optional<Tensor>& drop_rows,
    const evo::optional<Tensor>& drop_columns, double drop_share) {
  const Scoring scoring = checked(q, k, v, scale, cu_seqlens, window, alibi_slopes, longest, drop_rows, drop_columns, drop_share);
  if (q.numel() == 0) return at::zeros_like(q) + 0 * (k.sum() + v.sum());
  if (wants_gradient({&q, &k, &v})) return CausalAttention::apply(q, k, v, scoring, cu_seqlens, Outcome{});
  if (!on_cuda(q) && q.size(1) < kFewQueries && !is_packed(cu_seqlens) && scoring.drops.share == 0)
    return forward_few(with_neighbours(q), with_neighbours(k), with_neighbours(v), scoring);
  return attended(q, k, v, scoring, cu_seqlens).first;
}

// For activations that are computed again: the forward without a graph gives its outcome, and the one that is recorded takes
// it over instead of computing it again.
std::tuple<Tensor, Tensor> causal_attention_kept(
    const Tensor& q, const Tensor& k, const Tensor& v, double scale, const evo::optional<Tensor>& cu_seqlens, int64_t window,
    const evo::optional<Tensor>& alibi_slopes, const evo::optional<Tensor>& out, const evo::optional<Tensor>& lse, int64_t longest,
    const evo::optional<Tensor>& drop_rows, const evo::optional<Tensor>& drop_columns, double drop_share) {
  const Scoring scoring = checked(q, k, v, scale, cu_seqlens, window, alibi_slopes, longest, drop_rows, drop_columns, drop_share);
  TORCH_CHECK(
      (out && out->defined()) == (lse && lse->defined()), "evo::causal_attention_kept: out and lse belong together, and one is missing");
  if (out && out->defined()) {
    TORCH_CHECK(
        out->sizes() == q.sizes() && out->scalar_type() == q.scalar_type(), "evo::causal_attention_kept: out ", out->sizes(),
        " is not what attention over q ", q.sizes(), " gave");
    return {CausalAttention::apply(q, k, v, scoring, cu_seqlens, Outcome{*out, *lse}), *lse};
  }
  TORCH_CHECK(!wants_gradient({&q, &k, &v}), "evo::causal_attention_kept: what is kept comes from a forward that is not recorded");
  return attended(q, k, v, scoring, cu_seqlens);
}

TORCH_LIBRARY_FRAGMENT(evo, m) {
  m.def(
      "causal_attention(Tensor q, Tensor k, Tensor v, float scale, Tensor? cu_seqlens=None, int window=0, Tensor? alibi_slopes=None, "
      "int longest=0, Tensor? drop_rows=None, Tensor? drop_columns=None, float drop_share=0.) -> Tensor",
      causal_attention);
  m.def(
      "causal_attention_kept(Tensor q, Tensor k, Tensor v, float scale, Tensor? cu_seqlens=None, int window=0, "
      "Tensor? alibi_slopes=None, Tensor? out=None, Tensor? lse=None, int longest=0, Tensor? drop_rows=None, Tensor? drop_columns=None, "
      "float drop_share=0.) -> (Tensor, Tensor)",
      causal_attention_kept);
}

}  // namespace
}  // namespace evo::kernels
