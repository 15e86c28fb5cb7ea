// Tokens on their way to experts and back, on a GPU: they move memory and little else. Places are not looked at on the host.

#include "device.cuh"
#include "launch.cuh"

namespace evo::cuda {
namespace {

// A thread has one piece of one token.
template <class S, int N>
__global__ void permute_pieces(const S* x, const int64_t* places, S* rows, Choices choices, int64_t row_pieces) {
    const int64_t item = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
    if (item >= choices.N * row_pieces) return;
    const int64_t n = item / row_pieces, j = item % row_pieces;
    const auto value = piece<S, N>(x, item);
    for (int64_t k = n * choices.K; k < (n + 1) * choices.K; k++)
        if (places[k] < choices.M) piece<S, N>(rows, places[k] * row_pieces + j) = value;
}

template <class S, int N>
__global__ void combine_pieces(
    const S* rows, const int64_t* places, const Wide<S>* weights, S* y, Choices choices, int64_t row_pieces) {
    const int64_t item = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
    if (item >= choices.N * row_pieces) return;
    const int64_t n = item / row_pieces, j = item % row_pieces;
    Wide<S> sum[N] = {};
    for (int64_t k = n * choices.K; k < (n + 1) * choices.K; k++) {
        if (places[k] >= choices.M) continue;
        const auto row = piece<S, N>(rows, places[k] * row_pieces + j);
        const Wide<S> weight = weights ? weights[k] : Wide<S>(1);
        for (int i = 0; i < N; i++) sum[i] += wide(row.at[i]) * weight;
    }
    Piece<S, N> result;
    for (int i = 0; i < N; i++) result.at[i] = narrow<S>(sum[i]);
    piece<S, N>(y, item) = result;
}

// A block has one choice of one token.
template <class S, int N>
__global__ void combine_backward_pairs(
    const S* dy, const S* rows, const int64_t* places, const Wide<S>* weights, S* drows, Wide<S>* dweights, Choices choices,
    int64_t row_pieces) {
    const int64_t pair = blockIdx.x, token = pair / choices.K * row_pieces, place = places[pair];
    Wide<S> product = 0;
    if (place < choices.M) {
        const Wide<S> weight = weights[pair];
        for (int64_t j = threadIdx.x; j < row_pieces; j += blockDim.x) {
            const auto d = piece<S, N>(dy, token + j), row = piece<S, N>(rows, place * row_pieces + j);
            Piece<S, N> result;
            for (int i = 0; i < N; i++) {
                product += wide(d.at[i]) * wide(row.at[i]);
                result.at[i] = narrow<S>(wide(d.at[i]) * weight);
            }
            piece<S, N>(drows, place * row_pieces + j) = result;
        }
    }
    product = block_sum(product);
    if (threadIdx.x == 0) dweights[pair] = product;
}

}  // namespace

void permute_to_experts(Type type, const void* x, const int64_t* places, void* rows, const Choices& choices, Stream stream) {
    if (choices.N * choices.C == 0 || choices.M == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        by_pieces<S>(choices.C, {x, rows}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            const int64_t row_pieces = choices.C / N;
            launch(permute_pieces<S, N>, {blocks_for(choices.N * row_pieces), kThreads}, stream, as<S>(x), places, as<S>(rows), choices, row_pieces);
        });
    });
    check("permute_to_experts");
}

void combine_experts(
    Type type, const void* rows, const int64_t* places, const void* weights, void* y, const Choices& choices, Stream stream) {
    if (choices.N * choices.C == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        by_pieces<S>(choices.C, {rows, y}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            const int64_t row_pieces = choices.C / N;
            launch(combine_pieces<S, N>, {blocks_for(choices.N * row_pieces), kThreads}, stream,
                as<S>(rows), places, as<Wide<S>>(weights), as<S>(y), choices, row_pieces);
        });
    });
    check("combine_experts");
}

void combine_experts_backward(
    Type type, const void* dy, const void* rows, const int64_t* places, const void* weights, void* drows, void* dweights,
    const Choices& choices, Stream stream) {
    if (choices.N * choices.K == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        by_pieces<S>(choices.C, {dy, rows, drows}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            const int64_t row_pieces = choices.C / N;
            launch(combine_backward_pairs<S, N>, {static_cast<unsigned>(choices.N * choices.K), threads_for(row_pieces, kThreads)}, stream,
                as<S>(dy), as<S>(rows), places, as<Wide<S>>(weights), as<S>(drows), as<Wide<S>>(dweights), choices, row_pieces);
        });
    });
    check("combine_experts, backward");
}

}  // namespace evo::cuda
