// Cross entropy on a GPU: a block for each row of logits, whose gradient takes their place.

#include "device.cuh"
#include "launch.cuh"

namespace evo::cuda {
namespace {

template <class S>
__global__ void cross_entropy_rows(
    S* logits, int64_t V, const int64_t* labels, double smoothing, double z_loss, bool gradient, Wide<S>* losses, bool* right, Wide<S>* z) {
    using W = Wide<S>;
    const int64_t row = blockIdx.x, label = labels[row];
    S* x = logits + row * V;
    if (label < 0) {
        if (threadIdx.x == 0) {
            losses[row] = 0;
            right[row] = false;
            if (z) z[row] = 0;
        }
        if (gradient)
            for (int64_t i = threadIdx.x; i < V; i += blockDim.x) x[i] = narrow<S>(0);
        return;
    }
    const W certain = static_cast<W>(1 - smoothing), spread = static_cast<W>(smoothing / static_cast<double>(V));
    const W penalty = static_cast<W>(z_loss);
    // One pass: the sum of exponentials is kept relative to the largest logit that the thread has seen.
    W most = -INFINITY, mass = 0, all = 0;
    for (int64_t i = threadIdx.x; i < V; i += blockDim.x) {
        const W v = wide(x[i]);
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
    for (int64_t i = threadIdx.x; i < V; i += blockDim.x)
        x[i] = narrow<S>(exponential(wide(x[i]) - top) * inverse - spread - (i == label ? certain : W(0)));
}

}  // namespace

void cross_entropy(
    Type type, void* logits, int64_t V, int64_t rows, const int64_t* labels, double smoothing, double z_loss, bool gradient,
    void* losses, bool* right, void* z, Stream stream) {
    if (rows == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        cross_entropy_rows<S><<<static_cast<unsigned>(rows), threads_for(V, 1024), 0, queue(stream)>>>(
            as<S>(logits), V, labels, smoothing, z_loss, gradient, as<Wide<S>>(losses), right, as<Wide<S>>(z));
    });
    check("cross_entropy");
}

}  // namespace evo::cuda
