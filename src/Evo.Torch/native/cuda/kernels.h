// The kernels of evo:: for GPUs, free of libtorch: functions over pointers of the device, queued on a stream. They compute what those of
// kernels/table.h do, and every sum has one order, so that results do not change from run to run.
#pragma once

#include <cstdint>

namespace evo::cuda {

using std::int64_t;

// A stored type. What is computed is float, or double for double.
enum class Type { f32, f64, bf16, f16 };

using Stream = void*;  // cudaStream_t

// y = weight * S(x * inverse), inverse = 1 / sqrt(mean(x^2) + eps), of rows of C elements; where there is a mean, rows have theirs taken
// off first, and bias is added. With a residual, total = S(x + residual) is normalised in the place of x. Residual, bias and mean may
// be null.
struct Norm {
    const void *x, *residual, *weight, *bias;
    void *total, *y, *mean, *inverse;
};
void norm(Type type, const Norm& norm, int64_t C, int64_t rows, double eps, Stream stream);

// Blocks, or warps, among which the rows of C elements of a backward are dealt.
int64_t norm_parts(Type type, int64_t rows, int64_t C, bool centred);

// dx, x being what was normalised, plus dtotal where there is one; and part [parts, C or 2 C]: each block's sums of the weight's
// gradient and, where there is a bias, of its own behind them, which sum_of_column_parts adds up.
struct NormBackward {
    const void *dy, *dtotal, *x, *weight, *mean, *inverse;
    void *dx, *part;
};
void norm_backward(Type type, const NormBackward& norm, int64_t C, int64_t rows, int64_t parts, bool bias, Stream stream);

// Sums over the rows of x [rows, C]: first of parts of them, part [parts, C] of the computed type, then of the parts: to [C] of the stored
// type, to which they are added or not.
int64_t column_parts(int64_t rows, int64_t C);
void column_sums(Type type, const void* x, void* part, int64_t rows, int64_t C, int64_t parts, Stream stream);
void sum_of_column_parts(Type type, const void* part, void* to, int64_t C, int64_t parts, bool add, Stream stream);

// x [B, T, H, D] of any strides but the last, turned by cos and sin [B or 1, T, D]; backward applies the transpose.
struct Heads {
    int64_t B, T, H, D;
    int64_t batch_stride, token_stride, head_stride;
};
void rope(
    Type type, const void* x, const Heads& heads, const void* cos, const void* sin, bool own_tables, void* y, bool backward, Stream stream);

// Queries, keys and values of a product of B * T tokens, whose heads are all queries, all keys, all values; or grouped: for each key
// head its queries, the key and the value. Queries and keys are turned by cos and sin [B or 1, T, D] where these are not null. The
// backward goes from the parts, each [B, T, its heads, D], to the whole.
struct HeadOrder {
    int64_t B, T, H, K, D;
    bool grouped;
};
struct HeadParts {
    void *q, *k, *v;
};
void heads(
    Type type, void* whole, const HeadParts& parts, const HeadOrder& order, const void* cos, const void* sin, bool own_tables,
    bool backward, Stream stream);

// Gate and up: rows of C elements, `stride` apart.
struct Halves {
    const void *gate, *up;
    int64_t rows, C, stride;
};
// activation(gate) * up: SiLU, or GELU in its tanh form. dgate and dup lie as gate and up do. The backward also makes y again, which may
// be null or dy itself.
void gated(Type type, bool gelu, const Halves& in, void* y, Stream stream);
void gated_backward(Type type, bool gelu, const void* dy, const Halves& in, void* dgate, void* dup, void* y, Stream stream);

// activation(x + bias) of rows of C elements; bias may be null. The backward also makes y again, which may be null or dy itself.
void activate(Type type, bool gelu, const void* x, const void* bias, void* y, int64_t rows, int64_t C, Stream stream);
void activate_backward(
    Type type, bool gelu, const void* dy, const void* x, const void* bias, void* dx, void* y, int64_t rows, int64_t C, Stream stream);

// x [rows, C]: zero where the word mixed from the row's and the column's is below the limit, and else x * scale. `together` rows have
// the same columns.
void dropout(
    Type type, const void* x, const int64_t* row_words, const int64_t* column_words, std::uint32_t limit, double scale, void* y,
    int64_t rows, int64_t C, int64_t together, Stream stream);

// Where a head's elements begin: batch * b + token * t + head * h; they are neighbours.
struct HeadStrides {
    int64_t batch, token, head;
};
// B rows of T queries of H heads and S keys and values of K, of D elements each. Query t stands at key S - T + t and sees the keys up to
// there, or the last `window` of them, in its own sequence: borders [sequences + 1] rise from 0 to T = S in the one row of packed ones.
struct Attention {
    const void *q, *k, *v;
    HeadStrides of_q, of_k, of_v;
    int64_t B, T, S, H, K, D;
    double scale;
    int64_t window;  // 0: all
    const double* slopes;  // [H], or null: slope * (key - query's place) is added to a scaled score
    const int64_t* borders;  // or null
    int64_t sequences;
    // A weight is dropped where the word mixed from its query's [B, H, T] and its key's is below the limit, and times `kept` elsewhere.
    const int64_t *query_words, *key_words;  // null: none is
    bool own_key_words;  // [B, S], and not [S] for all rows
    std::uint32_t drop_limit;
    double kept;
};
constexpr int64_t kLargestHead = 256;
// out [B, T, H, D], and in lse [B, H, T] of the computed type the logarithm of each query's sum of exponentials.
void attention(Type type, const Attention& in, void* out, void* lse, Stream stream);
// dq [B, T, H, D], dk and dv [B, S, K, D]; delta [B, H, T] of the computed type is scratch.
struct AttentionBackward {
    const void *out, *dout, *lse;
    void *delta, *dq, *dk, *dv;
};
void attention_backward(Type type, const Attention& in, const AttentionBackward& of, Stream stream);

// logits [rows, V], rows `stride` apart: losses of the computed type, which rows have no logit above their label's, what z_loss adds to
// each (z may be null where that is 0), and with `gradient` the logits are overwritten by d (loss + z) / d logits, what lies between rows
// by 0. A label that is neither negative nor below V makes its loss NaN.
void cross_entropy(
    Type type, void* logits, int64_t stride, int64_t V, int64_t rows, const int64_t* labels, double smoothing, double z_loss,
    bool gradient, void* losses, bool* right, void* z, Stream stream);

// N tokens of C elements, each with K places among the M rows of experts; a place of M and beyond is that of a dropped choice.
struct Choices {
    int64_t N, K, M, C;
};
// The rows at a token's places become its own; and the sum of a token's rows by its weights [N, K] of the computed type, which may be
// null: 1. The backward writes the gradients of rows and weights.
void permute_to_experts(Type type, const void* x, const int64_t* places, void* rows, const Choices& choices, Stream stream);
void combine_experts(
    Type type, const void* rows, const int64_t* places, const void* weights, void* y, const Choices& choices, Stream stream);
void combine_experts_backward(
    Type type, const void* dy, const void* rows, const int64_t* places, const void* weights, void* drows, void* dweights,
    const Choices& choices, Stream stream);

struct AdamW {
    double decay, beta1, beta2, eps, step_size, root_correction, gradient_scale;
};
// Master and moments are of the computed type, gradient and copy (which may be null) of the stored one. The factor (which may be null) is
// a number on the device that multiplies the gradients, too; where it is not finite, nothing is written.
void adamw(
    Type type, void* master, const void* gradient, void* mean, void* square, void* copy, int64_t count, const AdamW& rates,
    const double* factor, Stream stream);

// The same for master weights in halves (kernels/halves.h); the gradient is float32 or bfloat16, the moments are float32.
void adamw_halves(
    Type type, void* high, void* rest, const void* gradient, void* mean, void* square, int64_t count, const AdamW& rates, const double* factor,
    Stream stream);

// The master weights, rounded to a copy of the stored type; nothing where the factor is not finite.
void round_into(Type type, const void* master, void* copy, int64_t count, const double* factor, Stream stream);

// Blocks of a sum, and the sum: part [blocks] and total, of double.
int64_t sum_parts(int64_t count);
void sum_of_squares(Type type, const void* x, int64_t count, double* part, int64_t parts, double* total, Stream stream);

}  // namespace evo::cuda
