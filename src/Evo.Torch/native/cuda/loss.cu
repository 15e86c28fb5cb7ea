// Cross entropy on a GPU: a block for each row of logits, whose gradient takes their place.

#include "device.cuh"
#include "launch.cuh"

namespace evo::cuda {
namespace {

// Numbers that are stored in 16 bits do not tell the quick exponential function from the other.
template <class S>
__device__ inline Wide<S> raised(Wide<S> x) {
    if constexpr (sizeof(S) == 2) return __expf(x);
    return exponential(x);
}

// Rows lie `stride` apart, in whole pieces. What stands in a row behind its V numbers gets the gradient 0.
template <class S, int N>
__global__ void cross_entropy_rows(
    S* logits, int64_t stride, int V, const int64_t* labels, double smoothing, double z_loss, bool gradient, Wide<S>* losses, bool* right,
    Wide<S>* z) {
    using W = Wide<S>;
    const int64_t row = blockIdx.x, label = labels[row];
    const int pieces = static_cast<int>(stride / N);
    S* x = logits + row * stride;
    if (label < 0) {
        if (threadIdx.x == 0) {
            losses[row] = 0;
            right[row] = false;
            if (z) z[row] = 0;
        }
        Piece<S, N> nothing;
        for (int n = 0; n < N; n++) nothing.at[n] = narrow<S>(0);
        if (gradient)
            for (int j = threadIdx.x; j < pieces; j += blockDim.x) piece<S, N>(x, j) = nothing;
        return;
    }
    const W certain = static_cast<W>(1 - smoothing), spread = static_cast<W>(smoothing / static_cast<double>(V));
    const W penalty = static_cast<W>(z_loss);
    // One pass: the sum of exponentials is kept relative to the largest logit that the thread has seen.
    W most = -INFINITY, mass = 0, all = 0;
    for (int j = threadIdx.x; j < pieces; j += blockDim.x) {
        const auto from = piece<S, N>(x, j);
        W v[N], largest = -INFINITY;
        for (int n = 0; n < N; n++) {
            const bool inside = j * N + n < V;
            v[n] = inside ? wide(from.at[n]) : W(-INFINITY);
            all += inside ? v[n] : W(0);
            largest = max(largest, v[n]);
        }
        if (largest > most) {
            mass *= raised<S>(most - largest);
            most = largest;
        }
        for (int n = 0; n < N; n++) mass += j * N + n < V ? raised<S>(v[n] - most) : W(0);
    }
    const W top = block_largest(most);
    mass = block_sum(most == -INFINITY ? W(0) : mass * raised<S>(most - top));
    if (spread != 0) all = block_sum(all);
    const W log_mass = top + logarithm(mass);
    const W at_label = label < V ? wide(x[label]) : static_cast<W>(NAN);
    if (threadIdx.x == 0) {
        losses[row] = log_mass - certain * at_label - (spread != 0 ? spread * all : W(0));
        right[row] = at_label >= top;
        if (z) z[row] = penalty * log_mass * log_mass;
    }
    if (!gradient) return;
    __syncthreads();  // the label's logit has been read
    const W inverse = (1 + 2 * penalty * log_mass) / mass;
    for (int j = threadIdx.x; j < pieces; j += blockDim.x) {
        auto v = piece<S, N>(x, j);
        for (int n = 0; n < N; n++)
            v.at[n] = j * N + n < V ? narrow<S>(raised<S>(wide(v.at[n]) - top) * inverse - spread - (j * N + n == label ? certain : W(0))) : narrow<S>(0);
        piece<S, N>(x, j) = v;
    }
}

}  // namespace

void cross_entropy(
    Type type, void* logits, int64_t stride, int64_t V, int64_t rows, const int64_t* labels, double smoothing, double z_loss,
    bool gradient, void* losses, bool* right, void* z, Stream stream) {
    if (rows == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        by_pieces<S>(stride, {logits}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            cross_entropy_rows<S, N><<<static_cast<unsigned>(rows), threads_for(stride / N, 1024), 0, queue(stream)>>>(
                as<S>(logits), stride, static_cast<int>(V), labels, smoothing, z_loss, gradient, as<Wide<S>>(losses), right, as<Wide<S>>(z));
        });
    });
    check("cross_entropy");
}

}  // namespace evo::cuda
