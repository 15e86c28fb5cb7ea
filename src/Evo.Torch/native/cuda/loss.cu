// Cross entropy on a GPU: a block for each row of logits, whose gradient takes their place.

#include "device.cuh"
#include "launch.cuh"

namespace evo::cuda {
namespace {

// e^(x - top), where `top` is as `exponent_of` gives it. Numbers that are stored in 16 bits do not tell the quick function from the other.
constexpr float kLog2E = 1.44269504088896f;

template <class S>
__device__ inline Wide<S> exponent_of(Wide<S> top) {
    if constexpr (sizeof(S) == 2) return top * kLog2E;
    return top;
}

template <class S>
__device__ inline Wide<S> raised(Wide<S> x, Wide<S> top) {
    if constexpr (sizeof(S) == 2) return quick_power_of_two(fmaf(x, kLog2E, -top));
    return exponential(x - top);
}

// Of the logits that a thread has seen: the largest, the sum of exponentials relative to it, and their sum.
template <class S, int N>
struct Seen {
    using W = Wide<S>;
    W most = -INFINITY, mass = 0, all = 0;

    // The first `count` of a piece.
    template <bool sums>
    __device__ inline void take(const Piece<S, N>& piece, int count) {
        W v[N], largest = -INFINITY, part = 0;
        for (int n = 0; n < N; n++) {
            v[n] = n < count ? wide(piece.at[n]) : W(-INFINITY);
            largest = max(largest, v[n]);
            if (sums && n < count) all += v[n];
        }
        if (largest == -INFINITY) return;
        if (largest > most) {
            mass *= raised<S>(most, exponent_of<S>(largest));
            most = largest;
        }
        const W top = exponent_of<S>(most);
        for (int n = 0; n < N; n++) part += raised<S>(v[n], top);
        mass += part;
    }
};

// Rows lie `stride` apart, in whole pieces. What stands in a row behind its V numbers gets the gradient 0. The first `held` pieces of a row
// wait on the chip for the second pass, by the thread that will read them.
template <class S, int N, bool smooth>
__global__ void __launch_bounds__(1024) cross_entropy_rows(
    S* logits, int64_t stride, int V, const int64_t* labels, double smoothing, double z_loss, bool gradient, int held, Wide<S>* losses,
    bool* right, Wide<S>* z) {
    using W = Wide<S>;
    auto* const waiting = static_cast<Piece<S, N>*>(on_chip());
    const int64_t row = blockIdx.x, label = labels[row];
    const int pieces = static_cast<int>(stride / N), whole = V / N, step = static_cast<int>(blockDim.x), own = static_cast<int>(threadIdx.x);
    S* x = logits + row * stride;
    if (label < 0) {
        if (own == 0) {
            losses[row] = 0;
            right[row] = false;
            if (z) z[row] = 0;
        }
        Piece<S, N> nothing;
        for (int n = 0; n < N; n++) nothing.at[n] = narrow<S>(0);
        if (gradient)
            for (int j = own; j < pieces; j += step) piece<S, N>(x, j) = nothing;
        return;
    }
    const W certain = static_cast<W>(1 - smoothing), spread = static_cast<W>(smoothing / static_cast<double>(V));
    const W penalty = static_cast<W>(z_loss);
    // Calls f(j, piece, how many of it are logits) for the thread's own pieces from j on, some of which it asks memory for at once.
    const auto each = [&](int j, auto f) {
        constexpr int kAtOnce = 4;
        for (; j + (kAtOnce - 1) * step < whole; j += kAtOnce * step) {
            Piece<S, N> from[kAtOnce];
#pragma unroll
            for (int i = 0; i < kAtOnce; i++) from[i] = piece<S, N>(x, j + i * step);
#pragma unroll
            for (int i = 0; i < kAtOnce; i++) f(j + i * step, from[i], N);
        }
        for (; j < pieces; j += step) f(j, piece<S, N>(x, j), min(N, V - j * N));
    };
    Seen<S, N> seen;
    each(own, [&](int j, const Piece<S, N>& from, int count) {
        if (j < held) waiting[j] = from;
        seen.template take<smooth>(from, count);
    });
    const W top = block_largest(seen.most);
    const W mass = block_sum(seen.most == -INFINITY ? W(0) : seen.mass * raised<S>(seen.most, exponent_of<S>(top)));
    const W all = smooth ? block_sum(seen.all) : W(0);
    const W log_mass = top + logarithm(mass);
    const W at_label = label < V ? wide(x[label]) : static_cast<W>(NAN);
    if (own == 0) {
        losses[row] = log_mass - certain * at_label - (smooth ? spread * all : W(0));
        right[row] = at_label >= top;
        if (z) z[row] = penalty * log_mass * log_mass;
    }
    if (!gradient) return;
    __syncthreads();  // the label's logit has been read
    const W inverse = (1 + 2 * penalty * log_mass) / mass, exponent = exponent_of<S>(top);
    const int chosen = label < V ? static_cast<int>(label) : -1, with_label = chosen < 0 ? -1 : chosen / N;
    const auto write = [&](int j, Piece<S, N> from, int count) {
        W d[N];
        for (int n = 0; n < N; n++) d[n] = raised<S>(wide(from.at[n]), exponent) * inverse - spread;
        if (j == with_label)
            for (int n = 0; n < N; n++) d[n] -= j * N + n == chosen ? certain : W(0);
        Piece<S, N> to;
        for (int n = 0; n < N; n++) to.at[n] = narrow<S>(n < count ? d[n] : W(0));
        piece<S, N>(x, j) = to;
    };
    int j = own;
    for (; j < min(held, whole); j += step) write(j, waiting[j], N);
    each(j, write);
}

// Bytes on the chip that a block may ask for.
int room_on_chip() {
    int device = 0, bytes = 0;
    cudaGetDevice(&device);
    cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
    return std::max(0, bytes - 1024);  // the kernel has some of its own
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
            const auto kernel = smoothing > 0 ? cross_entropy_rows<S, N, true> : cross_entropy_rows<S, N, false>;
            const int64_t room = room_on_chip(), size = sizeof(S) * N, pieces = stride / N;
            const int64_t held = gradient ? std::min(room / size, pieces) : 0;
            // Two blocks share a multiprocessor where both have room for their row: one computes while the other waits.
            const unsigned threads = threads_for(pieces, 2 * held * size <= room ? 512 : 1024);
            cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(held * size));
            launch(kernel, {static_cast<unsigned>(rows), threads, static_cast<size_t>(held * size)}, stream,
                as<S>(logits), stride, static_cast<int>(V), labels, smoothing, z_loss, gradient, static_cast<int>(held), as<Wide<S>>(losses),
                right, as<Wide<S>>(z));
        });
    });
    check("cross_entropy");
}

}  // namespace evo::cuda
