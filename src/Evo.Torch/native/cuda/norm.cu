// RMSNorm on a GPU: a block for each row; backward keeps the columns' sums of the rows that a block is dealt.

#include "device.cuh"
#include "launch.cuh"

namespace evo::cuda {
namespace {

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

}  // namespace evo::cuda
