// The kernels of evo:: for GPUs. Most of them move memory and little else: a thread moves 16 bytes at a time where borders allow it.
#include "kernels.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace evo::cuda {
namespace {

template <class S>
struct Computed {
    using Type = float;
};
template <>
struct Computed<double> {
    using Type = double;
};
template <class S>
using Wide = typename Computed<S>::Type;

__device__ inline float wide(float x) { return x; }
__device__ inline double wide(double x) { return x; }
__device__ inline float wide(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ inline float wide(__half x) { return __half2float(x); }

template <class S>
__device__ inline S narrow(Wide<S> x);
template <>
__device__ inline float narrow<float>(float x) { return x; }
template <>
__device__ inline double narrow<double>(double x) { return x; }
template <>
__device__ inline __nv_bfloat16 narrow<__nv_bfloat16>(float x) { return __float2bfloat16_rn(x); }
template <>
__device__ inline __half narrow<__half>(float x) { return __float2half_rn(x); }

__device__ inline float root(float x) { return sqrtf(x); }
__device__ inline double root(double x) { return sqrt(x); }
__device__ inline float exponential(float x) { return expf(x); }
__device__ inline double exponential(double x) { return exp(x); }
__device__ inline float logarithm(float x) { return logf(x); }
__device__ inline double logarithm(double x) { return log(x); }

// N neighbours, moved at once.
template <class S, int N>
struct alignas(sizeof(S) * N) Piece {
    S at[N];
};

template <class S, int N, class Pointer>
__device__ inline Piece<S, N>& piece(Pointer* p, int64_t j) {
    return reinterpret_cast<Piece<S, N>*>(const_cast<S*>(p))[j];
}

// The sum over a block, the same bits in every thread.
template <class W>
__device__ W block_sum(W value) {
    __shared__ W shared[32];
    for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffu, value, offset);
    const int lane = threadIdx.x % 32, warps = blockDim.x / 32;
    __syncthreads();  // the last sum has been read
    if (lane == 0) shared[threadIdx.x / 32] = value;
    __syncthreads();
    value = lane < warps ? shared[lane] : W(0);
    for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffu, value, offset);
    return value;
}

template <class W>
__device__ W block_largest(W value) {
    __shared__ W shared[32];
    for (int offset = 16; offset > 0; offset /= 2) value = max(value, __shfl_xor_sync(0xffffffffu, value, offset));
    const int lane = threadIdx.x % 32, warps = blockDim.x / 32;
    __syncthreads();
    if (lane == 0) shared[threadIdx.x / 32] = value;
    __syncthreads();
    value = lane < warps ? shared[lane] : shared[0];
    for (int offset = 16; offset > 0; offset /= 2) value = max(value, __shfl_xor_sync(0xffffffffu, value, offset));
    return value;
}

template <class S, int N>
__global__ void rms_norm_rows(const S* x, const S* weight, S* y, Wide<S>* inverse, int64_t C, double eps) {
    using W = Wide<S>;
    const int64_t row = blockIdx.x, pieces = C / N;
    const S* from = x + row * C;
    W squares = 0;
    for (int64_t j = threadIdx.x; j < pieces; j += blockDim.x) {
        const auto v = piece<S, N>(from, j);
        for (int n = 0; n < N; n++) squares += wide(v.at[n]) * wide(v.at[n]);
    }
    const W scale = 1 / root(block_sum(squares) / static_cast<W>(C) + static_cast<W>(eps));
    if (threadIdx.x == 0) inverse[row] = scale;
    for (int64_t j = threadIdx.x; j < pieces; j += blockDim.x) {
        const auto v = piece<S, N>(from, j), w = piece<S, N>(weight, j);
        Piece<S, N> result;
        for (int n = 0; n < N; n++) result.at[n] = narrow<S>(wide(narrow<S>(wide(v.at[n]) * scale)) * wide(w.at[n]));
        piece<S, N>(y + row * C, j) = result;
    }
}

// Each thread owns K pieces of a row's columns, and keeps their sums over the rows of its block.
template <class S, int N, int K>
__global__ void rms_norm_backward_rows(
    const S* dy, const S* x, const S* weight, const Wide<S>* inverse, S* dx, Wide<S>* part, int64_t C, int64_t rows) {
    using W = Wide<S>;
    const int64_t pieces = C / N;
    W sums[K][N] = {};
    for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
        const W r = inverse[row];
        Piece<S, N> v[K], g[K];
        W along = 0;
        for (int k = 0; k < K; k++) {
            const int64_t j = threadIdx.x + int64_t(k) * blockDim.x;
            if (j >= pieces) continue;
            v[k] = piece<S, N>(x + row * C, j);
            g[k] = piece<S, N>(dy + row * C, j);
            const auto w = piece<S, N>(weight, j);
            for (int n = 0; n < N; n++) {
                const W vg = wide(v[k].at[n]) * wide(g[k].at[n]);
                along += vg * wide(w.at[n]);
                sums[k][n] += vg * r;
            }
        }
        const W share = block_sum(along) / static_cast<W>(C) * r * r;
        for (int k = 0; k < K; k++) {
            const int64_t j = threadIdx.x + int64_t(k) * blockDim.x;
            if (j >= pieces) continue;
            const auto w = piece<S, N>(weight, j);
            Piece<S, N> result;
            for (int n = 0; n < N; n++)
                result.at[n] = narrow<S>((wide(g[k].at[n]) * wide(w.at[n]) - wide(v[k].at[n]) * share) * r);
            piece<S, N>(dx + row * C, j) = result;
        }
    }
    for (int k = 0; k < K; k++) {
        const int64_t j = threadIdx.x + int64_t(k) * blockDim.x;
        if (j < pieces)
            for (int n = 0; n < N; n++) part[blockIdx.x * C + j * N + n] = sums[k][n];
    }
}

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

template <class S, int N>
__global__ void silu_mul_pieces(const S* gate, const S* up, S* y, int64_t pieces) {
    using W = Wide<S>;
    const int64_t j = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
    if (j >= pieces) return;
    const auto g = piece<S, N>(gate, j), u = piece<S, N>(up, j);
    Piece<S, N> result;
    for (int n = 0; n < N; n++) {
        const W v = wide(g.at[n]);
        result.at[n] = narrow<S>(wide(narrow<S>(v / (exponential(-v) + 1))) * wide(u.at[n]));
    }
    piece<S, N>(y, j) = result;
}

template <class S, int N>
__global__ void silu_mul_backward_pieces(const S* dy, const S* gate, const S* up, S* dgate, S* dup, int64_t pieces) {
    using W = Wide<S>;
    const int64_t j = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
    if (j >= pieces) return;
    const auto d = piece<S, N>(dy, j), g = piece<S, N>(gate, j), u = piece<S, N>(up, j);
    Piece<S, N> to_gate, to_up;
    for (int n = 0; n < N; n++) {
        const W v = wide(g.at[n]), open = 1 / (exponential(-v) + 1);
        to_up.at[n] = narrow<S>(wide(d.at[n]) * v * open);
        to_gate.at[n] = narrow<S>(wide(d.at[n]) * wide(u.at[n]) * open * (1 + v * (1 - open)));
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

template <class W>
__global__ void cross_entropy_rows(W* logits, int64_t V, const int64_t* labels, double smoothing, bool gradient, W* losses) {
    const int64_t row = blockIdx.x, label = labels[row];
    W* x = logits + row * V;
    if (label < 0) {
        if (threadIdx.x == 0) losses[row] = 0;
        if (gradient)
            for (int64_t i = threadIdx.x; i < V; i += blockDim.x) x[i] = 0;
        return;
    }
    const W certain = static_cast<W>(1 - smoothing), spread = static_cast<W>(smoothing / static_cast<double>(V));
    // One pass: the sum of exponentials is kept relative to the largest logit that the thread has seen.
    W most = -INFINITY, mass = 0, all = 0;
    for (int64_t i = threadIdx.x; i < V; i += blockDim.x) {
        const W v = x[i];
        if (v > most) {
            mass *= exponential(most - v);
            most = v;
        }
        mass += exponential(v - most);
        all += v;
    }
    const W top = block_largest(most);
    mass = block_sum(most == -INFINITY ? W(0) : mass * exponential(most - top));
    if (spread != 0) all = block_sum(all);
    const W at_label = label < V ? x[label] : static_cast<W>(NAN);
    if (threadIdx.x == 0) losses[row] = top + logarithm(mass) - certain * at_label - (spread != 0 ? spread * all : W(0));
    if (!gradient) return;
    __syncthreads();  // the label's logit has been read
    const W inverse = 1 / mass;
    for (int64_t i = threadIdx.x; i < V; i += blockDim.x)
        x[i] = exponential(x[i] - top) * inverse - spread - (i == label ? certain : W(0));
}

template <class S, int N>
__global__ void adamw_pieces(
    Wide<S>* master, const S* gradient, Wide<S>* mean, Wide<S>* square, S* copy, int64_t pieces, AdamW rates) {
    using W = Wide<S>;
    const int64_t j = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
    if (j >= pieces) return;
    const W keep = static_cast<W>(rates.decay), b1 = static_cast<W>(rates.beta1), b2 = static_cast<W>(rates.beta2);
    const W n1 = static_cast<W>(1 - rates.beta1), n2 = static_cast<W>(1 - rates.beta2), floor = static_cast<W>(rates.eps);
    const W rate = static_cast<W>(rates.step_size), correction = static_cast<W>(rates.root_correction);
    const W scale = static_cast<W>(rates.gradient_scale);
    auto p = piece<W, N>(master, j), m = piece<W, N>(mean, j), v = piece<W, N>(square, j);
    const auto from = piece<S, N>(gradient, j);
    Piece<S, N> result;
    for (int n = 0; n < N; n++) {
        const W g = wide(from.at[n]) * scale;
        m.at[n] = m.at[n] * b1 + g * n1;
        v.at[n] = v.at[n] * b2 + g * g * n2;
        p.at[n] = p.at[n] * keep - m.at[n] / (root(v.at[n]) / correction + floor) * rate;
        result.at[n] = narrow<S>(p.at[n]);
    }
    piece<W, N>(master, j) = p;
    piece<W, N>(mean, j) = m;
    piece<W, N>(square, j) = v;
    if (copy != nullptr) piece<S, N>(copy, j) = result;
}

template <class S, int N>
__global__ void squares_of_blocks(const S* x, int64_t pieces, double* part) {
    double sum = 0;
    for (int64_t j = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; j < pieces; j += int64_t(gridDim.x) * blockDim.x) {
        const auto v = piece<S, N>(x, j);
        for (int n = 0; n < N; n++) sum += static_cast<double>(wide(v.at[n])) * static_cast<double>(wide(v.at[n]));
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) part[blockIdx.x] = sum;
}

__global__ void sum_of_parts(const double* part, int64_t parts, double* total) {
    double sum = 0;
    for (int64_t i = threadIdx.x; i < parts; i += blockDim.x) sum += part[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) *total = sum;
}

// ---- launching ----

constexpr int kThreads = 256;

cudaStream_t queue(Stream stream) { return static_cast<cudaStream_t>(stream); }

unsigned blocks_for(int64_t items) { return static_cast<unsigned>((items + kThreads - 1) / kThreads); }

void check(const char* what) {
    if (const auto error = cudaGetLastError(); error != cudaSuccess)
        throw std::runtime_error(std::string("evo::") + what + ": " + cudaGetErrorString(error));
}

template <class F>
void with_type(Type type, F f) {
    switch (type) {
        case Type::f32: return f(float{});
        case Type::f64: return f(double{});
        case Type::bf16: return f(__nv_bfloat16{});
        case Type::f16: return f(__half{});
    }
}

template <int N>
struct Count {
    static constexpr int value = N;
};

// Calls f with how many elements are moved at once: 16 bytes where `length` and all pointers allow it, else one.
template <class S, class F>
void by_pieces(int64_t length, std::initializer_list<const void*> pointers, F f) {
    constexpr int most = 16 / sizeof(S);
    const bool whole = length % most == 0 && std::all_of(pointers.begin(), pointers.end(), [](const void* p) {
        return reinterpret_cast<std::uintptr_t>(p) % 16 == 0;
    });
    whole ? f(Count<most>{}) : f(Count<1>{});
}

// Threads for rows of so many pieces.
unsigned threads_for(int64_t pieces, int64_t most) {
    return static_cast<unsigned>(std::clamp<int64_t>((pieces + 31) / 32 * 32, 32, most));
}

template <class S>
const S* as(const void* p) {
    return static_cast<const S*>(p);
}
template <class S>
S* as(void* p) {
    return static_cast<S*>(p);
}

}  // namespace

void rms_norm(Type type, const void* x, const void* weight, void* y, void* inverse, int64_t C, int64_t rows, double eps, Stream stream) {
    if (rows == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        by_pieces<S>(C, {x, weight, y}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            rms_norm_rows<S, N><<<static_cast<unsigned>(rows), threads_for(C / N, 512), 0, queue(stream)>>>(
                as<S>(x), as<S>(weight), as<S>(y), as<Wide<S>>(inverse), C, eps);
        });
    });
    check("rms_norm");
}

int64_t rms_norm_parts(int64_t rows) { return std::min<int64_t>(rows, 512); }

void rms_norm_backward(
    Type type, const void* dy, const void* x, const void* weight, const void* inverse, void* dx, void* part, int64_t C, int64_t rows,
    int64_t parts, Stream stream) {
    if (rows == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        by_pieces<S>(C, {dy, x, weight, dx}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            const int64_t pieces = C / N;
            const auto threads = threads_for(pieces, 1024);
            const auto launch = [&](auto k) {
                rms_norm_backward_rows<S, N, decltype(k)::value><<<static_cast<unsigned>(parts), threads, 0, queue(stream)>>>(
                    as<S>(dy), as<S>(x), as<S>(weight), as<Wide<S>>(inverse), as<S>(dx), as<Wide<S>>(part), C, rows);
            };
            const int64_t each = (pieces + threads - 1) / threads;
            if (each <= 1) return launch(Count<1>{});
            if (each <= 2) return launch(Count<2>{});
            if (each <= 4) return launch(Count<4>{});
            if (each <= 16) return launch(Count<16>{});
            throw std::runtime_error("evo::rms_norm: rows of " + std::to_string(C) + " elements are too long for the backward on a GPU");
        });
    });
    check("rms_norm, backward");
}

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

void silu_mul(Type type, const void* gate, const void* up, void* y, int64_t count, Stream stream) {
    if (count == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        by_pieces<S>(count, {gate, up, y}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            silu_mul_pieces<S, N><<<blocks_for(count / N), kThreads, 0, queue(stream)>>>(as<S>(gate), as<S>(up), as<S>(y), count / N);
        });
    });
    check("silu_mul");
}

void silu_mul_backward(
    Type type, const void* dy, const void* gate, const void* up, void* dgate, void* dup, int64_t count, Stream stream) {
    if (count == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        by_pieces<S>(count, {dy, gate, up, dgate, dup}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            silu_mul_backward_pieces<S, N><<<blocks_for(count / N), kThreads, 0, queue(stream)>>>(
                as<S>(dy), as<S>(gate), as<S>(up), as<S>(dgate), as<S>(dup), count / N);
        });
    });
    check("silu_mul, backward");
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

void cross_entropy(
    Type type, void* logits, int64_t V, int64_t rows, const int64_t* labels, double smoothing, bool gradient, void* losses,
    Stream stream) {
    if (rows == 0) return;
    const auto launch = [&](auto stored) {
        using W = decltype(stored);
        cross_entropy_rows<W><<<static_cast<unsigned>(rows), threads_for(V, 1024), 0, queue(stream)>>>(
            as<W>(logits), V, labels, smoothing, gradient, as<W>(losses));
    };
    type == Type::f64 ? launch(double{}) : launch(float{});
    check("cross_entropy");
}

void adamw(
    Type type, void* master, const void* gradient, void* mean, void* square, void* copy, int64_t count, const AdamW& rates,
    Stream stream) {
    if (count == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        using W = Wide<S>;
        // As many as fill 16 bytes of the wider type.
        by_pieces<W>(count, {master, gradient, mean, square, copy}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            adamw_pieces<S, N><<<blocks_for(count / N), kThreads, 0, queue(stream)>>>(
                as<W>(master), as<S>(gradient), as<W>(mean), as<W>(square), as<S>(copy), count / N, rates);
        });
    });
    check("adamw_");
}

int64_t sum_parts(int64_t count) { return std::clamp<int64_t>(count / (kThreads * 16), 1, 1024); }

void sum_of_squares(Type type, const void* x, int64_t count, double* part, int64_t parts, double* total, Stream stream) {
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        by_pieces<S>(count, {x}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            squares_of_blocks<S, N><<<static_cast<unsigned>(parts), kThreads, 0, queue(stream)>>>(as<S>(x), count / N, part);
        });
    });
    sum_of_parts<<<1, 1024, 0, queue(stream)>>>(part, parts, total);
    check("sum_of_squares");
}

}  // namespace evo::cuda
