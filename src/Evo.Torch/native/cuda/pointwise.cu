// Rotation, heads, gate, activation and dropout on a GPU: they move memory and little else.

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

// A thread has two pieces of one head, half a head apart.
template <class S, int N>
__global__ void heads_halves(
    S* whole, S* q, S* k, S* v, HeadOrder order, const S* cos, const S* sin, bool own_tables, bool backward, std::uint32_t items) {
    const std::uint32_t item = blockIdx.x * blockDim.x + threadIdx.x;
    if (item >= items) return;
    const std::uint32_t half = order.D / 2, pieces = half / N, all = order.H + 2 * order.K;
    const std::uint32_t i = item % pieces * N, head = item / pieces % all, n = item / pieces / all;
    std::uint32_t own = head, count = order.H;
    int part = 0;
    if (order.grouped) {
        const std::uint32_t group = order.H / order.K, key = head / (group + 2), place = head % (group + 2);
        part = place < group ? 0 : place == group ? 1 : 2;
        own = part == 0 ? key * group + place : key;
    } else if (head >= order.H) {
        part = head < order.H + order.K ? 1 : 2;
        own = head - order.H - (part == 2 ? order.K : 0);
    }
    if (part > 0) count = order.K;
    S* inside = whole + (int64_t(n) * all + head) * order.D + i;
    S* apart = (part == 0 ? q : part == 1 ? k : v) + (int64_t(n) * count + own) * order.D + i;
    const S* from = backward ? apart : inside;
    S* to = backward ? inside : apart;
    auto a = piece<S, N>(from, 0), c = piece<S, N>(from + half, 0);
    if (part < 2 && cos) {
        const int64_t place = int64_t(own_tables ? n : n % static_cast<std::uint32_t>(order.T)) * order.D + i;
        const auto cos_a = piece<S, N>(cos + place, 0), cos_c = piece<S, N>(cos + place + half, 0);
        const auto sin_a = piece<S, N>(sin + place, 0), sin_c = piece<S, N>(sin + place + half, 0);
        for (int e = 0; e < N; e++) {
            const auto x = wide(a.at[e]), y = wide(c.at[e]);
            a.at[e] = narrow<S>(backward ? x * wide(cos_a.at[e]) + y * wide(sin_c.at[e]) : x * wide(cos_a.at[e]) - y * wide(sin_a.at[e]));
            c.at[e] = narrow<S>(backward ? y * wide(cos_c.at[e]) - x * wide(sin_a.at[e]) : y * wide(cos_c.at[e]) + x * wide(sin_c.at[e]));
        }
    }
    piece<S, N>(to, 0) = a;
    piece<S, N>(to + half, 0) = c;
}

// s(x) and its derivative of an activation that is x times the logistic function of s(x): see kernels/pointwise.inc.
template <class W, bool gelu>
struct Activation {
    static constexpr W linear = static_cast<W>(1.59576912160573071), cubic = static_cast<W>(0.0713548162726009);
    static __device__ W logit(W x) { return gelu ? x * (x * x * cubic + linear) : x; }
    static __device__ W slope(W x) { return gelu ? x * x * (3 * cubic) + linear : W(1); }
};

// The j-th piece of rows without gaps stands at this piece of rows that lie `stride` pieces apart.
__device__ inline int64_t strided(std::uint32_t j, std::uint32_t row_pieces, int64_t stride) {
    return j / row_pieces * stride + j % row_pieces;
}

template <class S, bool gelu, int N>
__global__ void gated_pieces(const S* gate, const S* up, S* y, std::uint32_t pieces, std::uint32_t row_pieces, int64_t stride) {
    using W = Wide<S>;
    const std::uint32_t j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= pieces) return;
    const int64_t from = strided(j, row_pieces, stride);
    const auto g = piece<S, N>(gate, from), u = piece<S, N>(up, from);
    Piece<S, N> result;
    for (int n = 0; n < N; n++) {
        const W v = wide(g.at[n]);
        result.at[n] = narrow<S>(wide(narrow<S>(v / (exponential(-Activation<W, gelu>::logit(v)) + 1))) * wide(u.at[n]));
    }
    piece<S, N>(y, j) = result;
}

template <class S, bool gelu, int N>
__global__ void gated_backward_pieces(
    const S* dy, const S* gate, const S* up, S* dgate, S* dup, S* y, std::uint32_t pieces, std::uint32_t row_pieces, int64_t stride) {
    using W = Wide<S>;
    const std::uint32_t j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= pieces) return;
    const int64_t from = strided(j, row_pieces, stride);
    const auto d = piece<S, N>(dy, j), g = piece<S, N>(gate, from), u = piece<S, N>(up, from);
    Piece<S, N> to_gate, to_up, result;
    for (int n = 0; n < N; n++) {
        const W v = wide(g.at[n]), shut = exponential(-Activation<W, gelu>::logit(v)) + 1, open = 1 / shut;
        result.at[n] = narrow<S>(wide(narrow<S>(v / shut)) * wide(u.at[n]));
        to_up.at[n] = narrow<S>(wide(d.at[n]) * v * open);
        to_gate.at[n] = narrow<S>(wide(d.at[n]) * wide(u.at[n]) * open * (1 + v * (1 - open) * Activation<W, gelu>::slope(v)));
    }
    piece<S, N>(dgate, from) = to_gate;
    piece<S, N>(dup, from) = to_up;
    if (y) piece<S, N>(y, j) = result;
}

// x + bias as it would be stored.
template <class S>
__device__ inline Wide<S> shifted(S x, const S* bias, std::uint32_t column) {
    return bias ? wide(narrow<S>(wide(x) + wide(bias[column]))) : wide(x);
}

template <class S, bool gelu, int N>
__global__ void activate_pieces(const S* x, const S* bias, S* y, std::uint32_t pieces, std::uint32_t row_pieces) {
    using W = Wide<S>;
    const std::uint32_t j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= pieces) return;
    const auto from = piece<S, N>(x, j);
    Piece<S, N> result;
    for (int n = 0; n < N; n++) {
        const W v = shifted(from.at[n], bias, j % row_pieces * N + n);
        result.at[n] = narrow<S>(v / (exponential(-Activation<W, gelu>::logit(v)) + 1));
    }
    piece<S, N>(y, j) = result;
}

template <class S, bool gelu, int N>
__global__ void activate_backward_pieces(
    const S* dy, const S* x, const S* bias, S* dx, S* y, std::uint32_t pieces, std::uint32_t row_pieces) {
    using W = Wide<S>;
    const std::uint32_t j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= pieces) return;
    const auto d = piece<S, N>(dy, j), from = piece<S, N>(x, j);
    Piece<S, N> to, result;
    for (int n = 0; n < N; n++) {
        const W v = shifted(from.at[n], bias, j % row_pieces * N + n), shut = exponential(-Activation<W, gelu>::logit(v)) + 1, open = 1 / shut;
        result.at[n] = narrow<S>(v / shut);
        to.at[n] = narrow<S>(wide(d.at[n]) * open * (1 + v * (1 - open) * Activation<W, gelu>::slope(v)));
    }
    piece<S, N>(dx, j) = to;
    if (y) piece<S, N>(y, j) = result;
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

// Pieces are counted in 32 bits, which divide faster.
std::uint32_t counted(int64_t pieces, const char* what) {
    if (pieces > 0xffffffffLL) throw std::runtime_error(std::string("evo::") + what + ": more elements than one launch takes");
    return static_cast<std::uint32_t>(pieces);
}

}  // namespace

void rope(
    Type type, const void* x, const Heads& heads, const void* cos, const void* sin, bool own_tables, void* y, bool backward,
    Stream stream) {
    const int64_t items = heads.B * heads.T * heads.H * (heads.D / 2);
    if (items == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        launch(rope_halves<S>, {blocks_for(items), kThreads}, stream, as<S>(x), heads, as<S>(cos), as<S>(sin), own_tables, as<S>(y), backward);
    });
    check("rope");
}

void heads(
    Type type, void* whole, const HeadParts& parts, const HeadOrder& order, const void* cos, const void* sin, bool own_tables,
    bool backward, Stream stream) {
    const int64_t pairs = order.B * order.T * (order.H + 2 * order.K) * (order.D / 2);
    if (pairs == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        by_pieces<S>(order.D / 2, {whole, parts.q, parts.k, parts.v, cos, sin}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            const auto items = counted(pairs / N, "heads");
            launch(heads_halves<S, N>, {blocks_for(items), kThreads}, stream,
                as<S>(whole), as<S>(parts.q), as<S>(parts.k), as<S>(parts.v), order, as<S>(cos), as<S>(sin), own_tables, backward, items);
        });
    });
    check("heads");
}

void gated(Type type, bool gelu, const Halves& in, void* y, Stream stream) {
    if (in.rows * in.C == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        by_pieces<S>(in.C, {in.gate, in.up, y}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            const auto kernel = gelu ? gated_pieces<S, true, N> : gated_pieces<S, false, N>;
            const auto pieces = counted(in.rows * in.C / N, "gated");
            launch(kernel, {blocks_for(pieces), kThreads}, stream,
                as<S>(in.gate), as<S>(in.up), as<S>(y), pieces, counted(in.C / N, "gated"), in.stride / N);
        });
    });
    check("gated");
}

void gated_backward(Type type, bool gelu, const void* dy, const Halves& in, void* dgate, void* dup, void* y, Stream stream) {
    if (in.rows * in.C == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        by_pieces<S>(in.C, {dy, in.gate, in.up, dgate, dup, y}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            const auto kernel = gelu ? gated_backward_pieces<S, true, N> : gated_backward_pieces<S, false, N>;
            const auto pieces = counted(in.rows * in.C / N, "gated");
            launch(kernel, {blocks_for(pieces), kThreads}, stream,
                as<S>(dy), as<S>(in.gate), as<S>(in.up), as<S>(dgate), as<S>(dup), as<S>(y), pieces, counted(in.C / N, "gated"),
                in.stride / N);
        });
    });
    check("gated, backward");
}

void activate(Type type, bool gelu, const void* x, const void* bias, void* y, int64_t rows, int64_t C, Stream stream) {
    if (rows * C == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        by_pieces<S>(C, {x, y}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            const auto kernel = gelu ? activate_pieces<S, true, N> : activate_pieces<S, false, N>;
            const auto pieces = counted(rows * C / N, "activate");
            launch(kernel, {blocks_for(pieces), kThreads}, stream, as<S>(x), as<S>(bias), as<S>(y), pieces, counted(C / N, "activate"));
        });
    });
    check("activate");
}

void activate_backward(
    Type type, bool gelu, const void* dy, const void* x, const void* bias, void* dx, void* y, int64_t rows, int64_t C, Stream stream) {
    if (rows * C == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        by_pieces<S>(C, {dy, x, dx, y}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            const auto kernel = gelu ? activate_backward_pieces<S, true, N> : activate_backward_pieces<S, false, N>;
            const auto pieces = counted(rows * C / N, "activate");
            launch(kernel, {blocks_for(pieces), kThreads}, stream, as<S>(dy), as<S>(x), as<S>(bias), as<S>(dx), as<S>(y), pieces, counted(C / N, "activate"));
        });
    });
    check("activate, backward");
}

void dropout(
    Type type, const void* x, const int64_t* row_words, const int64_t* column_words, std::uint32_t limit, double scale, void* y,
    int64_t rows, int64_t C, int64_t together, Stream stream) {
    if (rows * C == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        launch(dropout_elements<S>, {blocks_for(rows * C), kThreads}, stream,
            as<S>(x), row_words, column_words, limit, static_cast<Wide<S>>(scale), as<S>(y), rows * C, C, together);
    });
    check("dropout");
}

}  // namespace evo::cuda
