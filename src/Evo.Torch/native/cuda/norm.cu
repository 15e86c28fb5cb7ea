// Norms on a GPU: a block for each row; backward keeps the columns' sums of the rows that a block, or for short rows a warp, is dealt.

#include "device.cuh"
#include "launch.cuh"

namespace evo::cuda {
namespace {

template <class S>
struct Rows {
    const S *x, *residual, *weight, *bias;
    S *total, *y;
    Wide<S> *mean, *inverse;
};

template <class S, int N, bool centred>
__global__ void norm_rows(Rows<S> in, int64_t C, double eps) {
    using W = Wide<S>;
    const int64_t row = blockIdx.x, pieces = C / N;
    const S* from = (in.residual ? in.total : in.x) + row * C;
    W sum = 0;
    for (int64_t j = threadIdx.x; j < pieces; j += blockDim.x) {
        auto v = piece<S, N>(in.x + row * C, j);
        if (in.residual) {
            const auto other = piece<S, N>(in.residual + row * C, j);
            for (int n = 0; n < N; n++) v.at[n] = narrow<S>(wide(v.at[n]) + wide(other.at[n]));
            piece<S, N>(in.total + row * C, j) = v;
        }
        for (int n = 0; n < N; n++) sum += centred ? wide(v.at[n]) : wide(v.at[n]) * wide(v.at[n]);
    }
    W middle = 0, squares = block_sum(sum);
    if (centred) {
        middle = squares / static_cast<W>(C);
        W off = 0;
        for (int64_t j = threadIdx.x; j < pieces; j += blockDim.x) {
            const auto v = piece<S, N>(from, j);
            for (int n = 0; n < N; n++) off += (wide(v.at[n]) - middle) * (wide(v.at[n]) - middle);
        }
        squares = block_sum(off);
    }
    const W scale = 1 / root(squares / static_cast<W>(C) + static_cast<W>(eps));
    if (threadIdx.x == 0) {
        in.inverse[row] = scale;
        if (centred) in.mean[row] = middle;
    }
    for (int64_t j = threadIdx.x; j < pieces; j += blockDim.x) {
        const auto v = piece<S, N>(from, j), w = piece<S, N>(in.weight, j);
        Piece<S, N> result;
        for (int n = 0; n < N; n++) {
            if (centred)
                result.at[n] = narrow<S>((wide(v.at[n]) - middle) * scale * wide(w.at[n]) + (in.bias ? wide(in.bias[j * N + n]) : W(0)));
            else
                result.at[n] = narrow<S>(wide(narrow<S>(wide(v.at[n]) * scale)) * wide(w.at[n]));
        }
        piece<S, N>(in.y + row * C, j) = result;
    }
}

template <class S>
struct RowsBackward {
    const S *dy, *dtotal, *x, *weight;
    const Wide<S> *mean, *inverse;
    S* dx;
    Wide<S>* part;
};

// Each thread owns K pieces of a row's columns, and keeps their sums over the rows of its block, or of its warp, of which a block has
// blockDim.y: these wait for nobody.
template <class S, int N, int K, bool centred, bool warps>
__global__ void __launch_bounds__(warps ? 128 : K == 4 ? 512 : 1024)
    norm_backward_rows(RowsBackward<S> in, int64_t C, int64_t rows, int64_t parts, bool bias) {
    using W = Wide<S>;
    const int64_t pieces = C / N, own = warps ? blockIdx.x * int64_t(blockDim.y) + threadIdx.y : blockIdx.x;
    if (own >= parts) return;
    const auto total = [](W value) { return warps ? warp_sum(value) : block_sum(value); };
    W sums[K][N] = {}, levels[K][N] = {};
    for (int64_t row = own; row < rows; row += parts) {
        const W r = in.inverse[row], middle = centred ? in.mean[row] : W(0);
        Piece<S, N> v[K], g[K], t[K];
        W along = 0, level = 0;
        for (int k = 0; k < K; k++) {
            const int64_t j = threadIdx.x + int64_t(k) * blockDim.x;
            if (j >= pieces) continue;
            v[k] = piece<S, N>(in.x + row * C, j);
            g[k] = piece<S, N>(in.dy + row * C, j);
            if (in.dtotal) t[k] = piece<S, N>(in.dtotal + row * C, j);
            const auto w = piece<S, N>(in.weight, j);
            for (int n = 0; n < N; n++) {
                const W off = wide(v[k].at[n]) - middle, up = wide(g[k].at[n]);
                along += off * up * wide(w.at[n]);
                sums[k][n] += off * up * r;
                if (centred) {
                    level += up * wide(w.at[n]);
                    levels[k][n] += up;
                }
            }
        }
        const W share = total(along) / static_cast<W>(C) * r * r;
        const W common = centred ? total(level) / static_cast<W>(C) : W(0);
        for (int k = 0; k < K; k++) {
            const int64_t j = threadIdx.x + int64_t(k) * blockDim.x;
            if (j >= pieces) continue;
            const auto w = piece<S, N>(in.weight, j);
            Piece<S, N> result;
            for (int n = 0; n < N; n++) {
                W d = (wide(g[k].at[n]) * wide(w.at[n]) - common - (wide(v[k].at[n]) - middle) * share) * r;
                if (in.dtotal) d += wide(t[k].at[n]);
                result.at[n] = narrow<S>(d);
            }
            piece<S, N>(in.dx + row * C, j) = result;
        }
    }
    const int64_t width = bias ? 2 * C : C;
    for (int k = 0; k < K; k++) {
        const int64_t j = threadIdx.x + int64_t(k) * blockDim.x;
        if (j >= pieces) continue;
        for (int n = 0; n < N; n++) {
            in.part[own * width + j * N + n] = sums[k][n];
            if (bias) in.part[own * width + C + j * N + n] = levels[k][n];
        }
    }
}

// The kernel for rows of a length, and the threads of its blocks.
template <class S>
struct BackwardLaunch {
    void (*kernel)(RowsBackward<S>, int64_t, int64_t, int64_t, bool);
    dim3 threads;
    int64_t parts;  // of a block
};

template <class S, int N>
BackwardLaunch<S> backward_launch(int64_t C, bool centred) {
    const int64_t pieces = C / N;
    const auto with = [&](auto k, auto by_warps) {
        constexpr int K = decltype(k)::value;
        constexpr bool warps = decltype(by_warps)::value > 0;
        return centred ? norm_backward_rows<S, N, K, true, warps> : norm_backward_rows<S, N, K, false, warps>;
    };
    const Count<1> warps;
    if (pieces <= 32) return {with(Count<1>{}, warps), dim3(32, 4), 4};
    const Count<0> blocks;
    if (pieces <= 1024) return {with(Count<1>{}, blocks), threads_for(pieces, 1024), 1};
    if (pieces <= 4 * 512) return {with(Count<4>{}, blocks), 512, 1};
    if (pieces <= 16 * 1024) return {with(Count<16>{}, blocks), 1024, 1};
    throw std::runtime_error("evo::norm: rows of " + std::to_string(C) + " elements are too long for the backward on a GPU");
}

}  // namespace

void norm(Type type, const Norm& norm, int64_t C, int64_t rows, double eps, Stream stream) {
    if (rows == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        const Rows<S> in{as<S>(norm.x), as<S>(norm.residual), as<S>(norm.weight), as<S>(norm.bias), as<S>(norm.total), as<S>(norm.y),
            as<Wide<S>>(norm.mean), as<Wide<S>>(norm.inverse)};
        by_pieces<S>(C, {norm.x, norm.residual, norm.weight, norm.total, norm.y}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            const auto kernel = norm.mean ? norm_rows<S, N, true> : norm_rows<S, N, false>;
            launch(kernel, {static_cast<unsigned>(rows), threads_for(C / N, 512)}, stream, in, C, eps);
        });
    });
    check("norm");
}

// As many as are on the GPU at one time: none waits for another's end.
int64_t norm_parts(Type type, int64_t rows, int64_t C, bool centred) {
    int64_t most = 1;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        by_pieces<S>(C, {}, [&](auto n) {
            const auto chosen = backward_launch<S, decltype(n)::value>(C, centred);
            int device = 0, processors = 0, blocks = 0;
            cudaGetDevice(&device);
            cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
            cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, chosen.kernel, static_cast<int>(chosen.threads.x * chosen.threads.y), 0);
            most = chosen.parts * blocks * processors;
        });
    });
    check("norm, backward");
    return std::min(rows, std::max<int64_t>(most, 1));
}

void norm_backward(Type type, const NormBackward& norm, int64_t C, int64_t rows, int64_t parts, bool bias, Stream stream) {
    if (rows == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        const RowsBackward<S> in{as<S>(norm.dy), as<S>(norm.dtotal), as<S>(norm.x), as<S>(norm.weight), as<Wide<S>>(norm.mean),
            as<Wide<S>>(norm.inverse), as<S>(norm.dx), as<Wide<S>>(norm.part)};
        by_pieces<S>(C, {norm.dy, norm.dtotal, norm.x, norm.weight, norm.dx}, [&](auto n) {
            const auto chosen = backward_launch<S, decltype(n)::value>(C, norm.mean != nullptr);
            const auto blocks = static_cast<unsigned>((parts + chosen.parts - 1) / chosen.parts);
            launch(chosen.kernel, {blocks, chosen.threads}, stream, in, C, rows, parts, bias);
        });
    });
    check("norm, backward");
}

}  // namespace evo::cuda
