// Sums over rows on a GPU, in one order: of a part of the rows in each block, then of the parts.

#include "device.cuh"
#include "launch.cuh"

namespace evo::cuda {
namespace {

constexpr unsigned kWide = 32, kHigh = 8, kParts = 32;

// A thread adds up one piece of every kHigh-th row of its block's part.
template <class S, int N>
__global__ void part_sums(const S* x, Wide<S>* part, int64_t rows, int64_t C, int64_t each) {
    using W = Wide<S>;
    __shared__ W shared[kHigh][kWide][N];
    const int64_t j = blockIdx.x * int64_t(kWide) + threadIdx.x, first = blockIdx.y * each, last = min(first + each, rows);
    W sum[N] = {};
    if (j < C / N)
        for (int64_t row = first + threadIdx.y; row < last; row += kHigh) {
            const auto v = piece<S, N>(x + row * C, j);
            for (int n = 0; n < N; n++) sum[n] += wide(v.at[n]);
        }
    for (int n = 0; n < N; n++) shared[threadIdx.y][threadIdx.x][n] = sum[n];
    __syncthreads();
    if (threadIdx.y > 0 || j >= C / N) return;
    for (int n = 0; n < N; n++) {
        for (unsigned y = 1; y < kHigh; y++) sum[n] += shared[y][threadIdx.x][n];
        part[blockIdx.y * C + j * N + n] = sum[n];
    }
}

template <class S>
__global__ void sums_of_parts(const Wide<S>* part, S* to, int64_t C, int64_t parts, bool add) {
    using W = Wide<S>;
    __shared__ W shared[kParts][kWide + 1];
    const int64_t column = blockIdx.x * int64_t(kWide) + threadIdx.x;
    W sum = 0;
    if (column < C)
        for (int64_t row = threadIdx.y; row < parts; row += kParts) sum += part[row * C + column];
    shared[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y > 0 || column >= C) return;
    for (unsigned y = 1; y < kParts; y++) sum += shared[y][threadIdx.x];
    to[column] = narrow<S>(add ? wide(to[column]) + wide(narrow<S>(sum)) : sum);
}

}  // namespace

// Enough blocks for a large GPU, each with some rows for every thread.
int64_t column_parts(int64_t rows, int64_t C) {
    const int64_t across = std::max<int64_t>((C / 8 + kWide - 1) / kWide, 1);
    return std::clamp<int64_t>(1056 / across, 1, std::max<int64_t>((rows + 31) / 32, 1));
}

void column_sums(Type type, const void* x, void* part, int64_t rows, int64_t C, int64_t parts, Stream stream) {
    if (C == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        by_pieces<S>(C, {x}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            const dim3 blocks(static_cast<unsigned>((C / N + kWide - 1) / kWide), static_cast<unsigned>(parts));
            launch(part_sums<S, N>, {blocks, dim3(kWide, kHigh)}, stream, as<S>(x), as<Wide<S>>(part), rows, C, (rows + parts - 1) / parts);
        });
    });
    check("column_sums");
}

void sum_of_column_parts(Type type, const void* part, void* to, int64_t C, int64_t parts, bool add, Stream stream) {
    if (C == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        launch(sums_of_parts<S>, {static_cast<unsigned>((C + kWide - 1) / kWide), dim3(kWide, kParts)}, stream,
            as<Wide<S>>(part), as<S>(to), C, parts, add);
    });
    check("column_sums");
}

}  // namespace evo::cuda
