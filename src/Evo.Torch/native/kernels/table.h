// The kernels' arithmetic, free of libtorch: functions over pointers and ranges, one set for each processor generation.
// The operators (*.cpp beside this file) split the ranges over threads. A range never changes what an element becomes,
// so results do not depend on the number of threads.
#pragma once

#include <cstddef>
#include <cstdint>

namespace evo::kernels {

using std::int64_t;

// Dropout of attention's weights: each times `kept`, or times 0 where the word mixed from its query's and its key's is below `limit`.
struct WeightDrops {
  const int64_t* query_words = nullptr;  // of the sequence's queries
  const std::uint32_t* key_words = nullptr;  // of its keys; null: nothing is dropped
  std::uint32_t limit = 0;
  double kept = 1;
};

// One sequence of one head: query i stands at keys - queries + i and sees the keys up to there, or the last `window` of these.
struct AttentionShape {
  int64_t queries;
  int64_t keys;
  int64_t size;  // elements of a head
  double scale;
  int64_t window;  // 0: all
  double slope;    // slope * (key - query's place) is added to a scaled score; 0: nothing
  WeightDrops drops;
};

// The functions for a stored type S, computed in W (float for bfloat16).
template <class S, class W>
struct TypedKernels {
  // Rows [begin, end) of C elements: y = weight * S(x * inverse) with inverse = 1 / sqrt(mean(x^2) + eps); and with the rows' means taken
  // off, y = S((x - mean) * inverse * weight + bias), inverse being that of the deviations. With a residual, total = S(x + residual) is
  // normalised in the place of x; residual and bias may be null.
  void (*norm[2])(
      const S* x, const S* residual, const S* weight, const S* bias, S* total, S* y, W* mean, W* inverse, int64_t C, double eps,
      int64_t begin, int64_t end);
  // dx of the same rows, x being what was normalised; dtotal, which may be null, is added to it. The rows' sums are added to
  // dweight [C] and dbias [C], which may be null.
  void (*norm_backward[2])(
      const S* dy, const S* dtotal, const S* x, const S* weight, const W* mean, const W* inverse, S* dx, W* dweight, W* dbias, int64_t C,
      int64_t begin, int64_t end);
  // One token: H heads of D elements turned by cos and sin [D]; backward applies the transpose.
  void (*rope)(const S* x, int64_t head_stride, const S* cos, const S* sin, S* y, int64_t H, int64_t D, bool backward);
  // y = activation(gate) * up: SiLU, and GELU in its tanh form.
  // What lies `ahead` elements further on in gate and up is read next.
  void (*gated[2])(const S* gate, const S* up, S* y, int64_t count, int64_t ahead);
  // The backward also makes y again, which may be null or dy itself.
  void (*gated_backward[2])(const S* dy, const S* gate, const S* up, S* dgate, S* dup, S* y, int64_t count, int64_t ahead);
  // y = activation(x + bias) of rows [begin, end) of C elements; bias may be null. The backward adds the rows' sums to dbias and
  // makes y again, which may be dy; both may be null.
  void (*activate[2])(const S* x, const S* bias, S* y, int64_t C, int64_t begin, int64_t end);
  void (*activate_backward[2])(
      const S* dy, const S* x, const S* bias, S* dx, W* dbias, S* y, int64_t C, int64_t begin, int64_t end);
  // One row: an element is zero where its random word, mixed from the row's and the column's, is below the limit, and else x * scale.
  void (*dropout)(
      const S* x, std::uint32_t row, const std::uint32_t* columns, std::uint32_t limit, double scale, S* y, int64_t count);
  // Rows [begin, end) of logits [.., V], `stride` apart: loss[row], whether no logit is above the label's in right[row], in z[row] what z_loss adds (z may
  // be null where that is 0), and with `gradient` the logits are overwritten by d (loss + z) / d logits.
  void (*cross_entropy)(
      W* logits, int64_t stride, int64_t V, const int64_t* labels, double smoothing, double z_loss, bool gradient, W* loss, bool* right, W* z, int64_t begin,
      int64_t end);
  // A piece of the flat buffers of AdamW; copy may be null.
  void (*adamw)(
      W* master, const S* gradient, W* mean, W* square, S* copy, int64_t count, double decay, double beta1, double beta2,
      double eps, double step_size, double root_correction, double gradient_scale);
  double (*sum_of_squares)(const S* x, int64_t count);
  // total += x, and S(x) -> to.
  void (*add_to)(W* total, const S* x, int64_t count);
  void (*narrow)(const W* from, S* to, int64_t count);
  // Tokens [begin, end), each with K places among the M rows [M, C] of experts; one at M or beyond adds nothing. y = the sum of a token's
  // rows by its weights [.., K], which may be null: 1. The backward writes the rows' gradients and the weights'.
  void (*combine)(
      const S* rows, const int64_t* places, const W* weights, S* y, int64_t K, int64_t M, int64_t C, int64_t begin, int64_t end);
  void (*combine_backward)(
      const S* dy, const S* rows, const int64_t* places, const W* weights, S* drows, W* dweights, int64_t K, int64_t M, int64_t C,
      int64_t begin, int64_t end);

  // Attention reads keys and values in two packed forms. Panels hold [D] rows of some whole vectors of neighbouring tokens each, so
  // that a product over D meets whole vectors; rows hold a token's D elements padded to whole vectors, which are `lanes` long.
  int64_t lanes;
  void (*pack_panels)(const S* from, int64_t token_stride, W* to, int64_t tokens, int64_t size);
  void (*pack_rows)(const S* from, int64_t token_stride, W* to, int64_t tokens, int64_t size, double factor);
  // Queries [begin, end) of one sequence and head, at most kQueryBlock of them; lse [queries] is written.
  void (*attention)(
      const S* q, int64_t q_stride, const W* k_panels, const W* v_rows, S* out, int64_t out_stride, W* lse,
      AttentionShape shape, int64_t begin, int64_t end, W* scratch);
  // The same for a few queries against a long cache, from the unpacked keys and values. scratch [keys].
  void (*attend_one)(
      const S* q, const S* k, const S* v, int64_t kv_stride, S* out, int64_t keys, int64_t size, double scale, double slope,
      W* scratch);
  // One whole sequence and query head: dq is written; dk and dv, rows padded to whole vectors, are added to.
  void (*attention_backward)(
      const S* q, int64_t q_stride, const W* k_panels, const W* k_rows, const W* v_panels, const S* out, const S* dout,
      int64_t out_stride, const W* lse, S* dq, int64_t dq_stride, W* dk_rows, W* dv_rows, AttentionShape shape, W* scratch);
};

struct KernelTable {
  const char* name;
  TypedKernels<float, float> f32;
  TypedKernels<double, double> f64;
  TypedKernels<std::uint16_t, float> bf16;
};

// The best set that this processor can run; EVO_KERNEL_ISA=baseline|avx2|avx512 asks for a lesser one.
const KernelTable& table();

template <class S>
struct Typed;
template <>
struct Typed<float> {
  using Wide = float;
  static const TypedKernels<float, float>& get() { return table().f32; }
};
template <>
struct Typed<double> {
  using Wide = double;
  static const TypedKernels<double, double>& get() { return table().f64; }
};
template <>
struct Typed<std::uint16_t> {
  using Wide = float;
  static const TypedKernels<std::uint16_t, float>& get() { return table().bf16; }
};

// Queries handled together, and keys they look at together: 64 x 128 scores and 128 rows of values stay in the first two caches.
constexpr int64_t kQueryBlock = 64;
constexpr int64_t kKeyBlock = 128;

// How far ahead of what they read and write the kernels that only move data ask for memory.
constexpr int64_t kSoonBytes = 2048;

constexpr int64_t rounded_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// Elements of scratch for `attention` and `attention_backward`.
constexpr int64_t attention_scratch(int64_t size, int64_t lanes) {
  return 2 * kQueryBlock * rounded_up(size, lanes) + kQueryBlock * kKeyBlock + 3 * kQueryBlock + kKeyBlock;
}
constexpr int64_t attention_backward_scratch(int64_t size, int64_t lanes) {
  return 3 * kQueryBlock * rounded_up(size, lanes) + 2 * kQueryBlock * kKeyBlock + kQueryBlock + kKeyBlock;
}

}  // namespace evo::kernels
