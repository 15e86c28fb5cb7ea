// The kernels of evo:: for GPUs, free of libtorch: functions over pointers of the device, queued on a stream. They compute what those of
// kernels/table.h do, and every sum has one order, so that results do not change from run to run.
#pragma once

#include <cstdint>

namespace evo::cuda {

using std::int64_t;

// A stored type. What is computed is float, or double for double.
enum class Type { f32, f64, bf16, f16 };

using Stream = void*;  // cudaStream_t

// y = w * S(x * inverse), inverse = 1 / sqrt(mean(x^2) + eps), of rows of C elements.
void rms_norm(Type type, const void* x, const void* weight, void* y, void* inverse, int64_t C, int64_t rows, double eps, Stream stream);

// Blocks among which the rows of a backward are dealt.
int64_t rms_norm_parts(int64_t rows);

// dx; and part [parts, C]: each block's sum of dy * x * inverse, which the caller adds up.
void rms_norm_backward(
    Type type, const void* dy, const void* x, const void* weight, const void* inverse, void* dx, void* part, int64_t C, int64_t rows,
    int64_t parts, Stream stream);

// x [B, T, H, D] of any strides but the last, turned by cos and sin [B or 1, T, D]; backward applies the transpose.
struct Heads {
    int64_t B, T, H, D;
    int64_t batch_stride, token_stride, head_stride;
};
void rope(
    Type type, const void* x, const Heads& heads, const void* cos, const void* sin, bool own_tables, void* y, bool backward, Stream stream);

// activation(gate) * up: SiLU, or GELU in its tanh form.
void gated(Type type, bool gelu, const void* gate, const void* up, void* y, int64_t count, Stream stream);
void gated_backward(
    Type type, bool gelu, const void* dy, const void* gate, const void* up, void* dgate, void* dup, int64_t count, Stream stream);

// x [rows, C]: zero where the word mixed from the row's and the column's is below the limit, and else x * scale. `together` rows have
// the same columns.
void dropout(
    Type type, const void* x, const int64_t* row_words, const int64_t* column_words, std::uint32_t limit, double scale, void* y,
    int64_t rows, int64_t C, int64_t together, Stream stream);

// logits [rows, V] of float or double: losses, which rows have no logit above their label's, and with `gradient` the logits are overwritten by d loss / d logits. A label that is
// neither negative nor below V makes its loss NaN.
void cross_entropy(
    Type type, void* logits, int64_t V, int64_t rows, const int64_t* labels, double smoothing, bool gradient, void* losses,
    bool* right, Stream stream);

struct AdamW {
    double decay, beta1, beta2, eps, step_size, root_correction, gradient_scale;
};
// Master and moments are of the computed type, gradient and copy (which may be null) of the stored one. The factor (which may be null) is
// a number on the device that multiplies the gradients, too; where it is not finite, nothing is written.
void adamw(
    Type type, void* master, const void* gradient, void* mean, void* square, void* copy, int64_t count, const AdamW& rates,
    const double* factor, Stream stream);

// The master weights, rounded to a copy of the stored type; nothing where the factor is not finite.
void round_into(Type type, const void* master, void* copy, int64_t count, const double* factor, Stream stream);

// Blocks of a sum, and the sum: part [blocks] and total, of double.
int64_t sum_parts(int64_t count);
void sum_of_squares(Type type, const void* x, int64_t count, double* part, int64_t parts, double* total, Stream stream);

}  // namespace evo::cuda
