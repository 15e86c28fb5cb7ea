// Rotation, gate and dropout on a GPU: they move memory and little else.

#include "device.cuh"
#include "launch.cuh"

namespace evo::cuda {
namespace {

template <class S>
__global__ void rope_halves(const S* x, Heads heads, const S* cos, const S* sin, bool own_tables, S* y, bool backward) {
    const int64_t half = heads.D / 2, item = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
    if (item >= heads.B * heads.T * heads.H * half) return;
    const int64_t i = item % half, h = item / half % heads.H, n = item / half / heads.H, b = n / heads.T, t = n % heads.T;
    const S* from = x + b * heads.batch_stride + t * heads.token_stride + h * heads.head_stride;
    S* to = y + (n * heads.H + h) * heads.D;
    const int64_t place = (own_tables ? n : t) * heads.D + i;
    const auto a = wide(from[i]), c = wide(from[i + half]);
    const auto cos_a = wide(cos[place]), cos_c = wide(cos[place + half]), sin_a = wide(sin[place]), sin_c = wide(sin[place + half]);
    to[i] = narrow<S>(backward ? a * cos_a + c * sin_c : a * cos_a - c * sin_a);
    to[i + half] = narrow<S>(backward ? c * cos_c - a * sin_a : c * cos_c + a * sin_c);
}

// s(x) and its derivative of an activation that is x times the logistic function of s(x): see kernels/pointwise.inc.
template <class W, bool gelu>
struct Activation {
    static constexpr W linear = static_cast<W>(1.59576912160573071), cubic = static_cast<W>(0.0713548162726009);
    static __device__ W logit(W x) { return gelu ? x * (x * x * cubic + linear) : x; }
    static __device__ W slope(W x) { return gelu ? x * x * (3 * cubic) + linear : W(1); }
};

template <class S, bool gelu, int N>
__global__ void gated_pieces(const S* gate, const S* up, S* y, int64_t pieces) {
    using W = Wide<S>;
    const int64_t j = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
    if (j >= pieces) return;
    const auto g = piece<S, N>(gate, j), u = piece<S, N>(up, j);
    Piece<S, N> result;
    for (int n = 0; n < N; n++) {
        const W v = wide(g.at[n]);
        result.at[n] = narrow<S>(wide(narrow<S>(v / (exponential(-Activation<W, gelu>::logit(v)) + 1))) * wide(u.at[n]));
    }
    piece<S, N>(y, j) = result;
}

template <class S, bool gelu, int N>
__global__ void gated_backward_pieces(const S* dy, const S* gate, const S* up, S* dgate, S* dup, int64_t pieces) {
    using W = Wide<S>;
    const int64_t j = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
    if (j >= pieces) return;
    const auto d = piece<S, N>(dy, j), g = piece<S, N>(gate, j), u = piece<S, N>(up, j);
    Piece<S, N> to_gate, to_up;
    for (int n = 0; n < N; n++) {
        const W v = wide(g.at[n]), open = 1 / (exponential(-Activation<W, gelu>::logit(v)) + 1);
        to_up.at[n] = narrow<S>(wide(d.at[n]) * v * open);
        to_gate.at[n] = narrow<S>(wide(d.at[n]) * wide(u.at[n]) * open * (1 + v * (1 - open) * Activation<W, gelu>::slope(v)));
    }
    piece<S, N>(dgate, j) = to_gate;
    piece<S, N>(dup, j) = to_up;
}

// RandomWords.Mix.
__device__ inline std::uint32_t mixed(std::uint32_t word) {
    word = (word ^ (word >> 16)) * 0x21f0aaadu;
    word = (word ^ (word >> 15)) * 0x735a2d97u;
    return word ^ (word >> 15);
}

template <class S>
__global__ void dropout_elements(
    const S* x, const int64_t* row_words, const int64_t* column_words, std::uint32_t limit, Wide<S> scale, S* y, int64_t count,
    int64_t C, int64_t together) {
    const int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
    if (i >= count) return;
    const int64_t row = i / C, column = row / together * C + i % C;
    const auto word = mixed(static_cast<std::uint32_t>(row_words[row]) ^ static_cast<std::uint32_t>(column_words[column]));
    y[i] = narrow<S>(word < limit ? Wide<S>(0) : wide(x[i]) * scale);
}

}  // namespace

void rope(
    Type type, const void* x, const Heads& heads, const void* cos, const void* sin, bool own_tables, void* y, bool backward,
    Stream stream) {
    const int64_t items = heads.B * heads.T * heads.H * (heads.D / 2);
    if (items == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        rope_halves<S><<<blocks_for(items), kThreads, 0, queue(stream)>>>(
            as<S>(x), heads, as<S>(cos), as<S>(sin), own_tables, as<S>(y), backward);
    });
    check("rope");
}

void gated(Type type, bool gelu, const void* gate, const void* up, void* y, int64_t count, Stream stream) {
    if (count == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        by_pieces<S>(count, {gate, up, y}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            const auto launch = gelu ? gated_pieces<S, true, N> : gated_pieces<S, false, N>;
            launch<<<blocks_for(count / N), kThreads, 0, queue(stream)>>>(as<S>(gate), as<S>(up), as<S>(y), count / N);
        });
    });
    check("gated");
}

void gated_backward(
    Type type, bool gelu, const void* dy, const void* gate, const void* up, void* dgate, void* dup, int64_t count, Stream stream) {
    if (count == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        by_pieces<S>(count, {dy, gate, up, dgate, dup}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            const auto launch = gelu ? gated_backward_pieces<S, true, N> : gated_backward_pieces<S, false, N>;
            launch<<<blocks_for(count / N), kThreads, 0, queue(stream)>>>(
                as<S>(dy), as<S>(gate), as<S>(up), as<S>(dgate), as<S>(dup), count / N);
        });
    });
    check("gated, backward");
}

void dropout(
    Type type, const void* x, const int64_t* row_words, const int64_t* column_words, std::uint32_t limit, double scale, void* y,
    int64_t rows, int64_t C, int64_t together, Stream stream) {
    if (rows * C == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        dropout_elements<S><<<blocks_for(rows * C), kThreads, 0, queue(stream)>>>(
            as<S>(x), row_words, column_words, limit, static_cast<Wide<S>>(scale), as<S>(y), rows * C, C, together);
    });
    check("dropout");
}

}  // namespace evo::cuda
