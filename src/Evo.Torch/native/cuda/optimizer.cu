// AdamW and the sum of squares on a GPU: one pass each over flat buffers.

#include "device.cuh"
#include "launch.cuh"

namespace evo::cuda {
namespace {

// The arithmetic of a step in the type W.
template <class W>
struct Step {
    W keep, b1, b2, n1, n2, floor, rate, correction, scale;

    __device__ Step(const AdamW& rates, const double* factor)
        : keep(rates.decay), b1(rates.beta1), b2(rates.beta2), n1(1 - rates.beta1), n2(1 - rates.beta2), floor(rates.eps),
          rate(rates.step_size), correction(rates.root_correction),
          scale(factor == nullptr ? rates.gradient_scale : rates.gradient_scale * *factor) {}

    __device__ void operator()(W gradient, W& p, W& m, W& v) const {
        const W g = gradient * scale;
        m = m * b1 + g * n1;
        v = v * b2 + g * g * n2;
        p = p * keep - m / (root(v) / correction + floor) * rate;
    }
};

template <class S, int N>
__global__ void adamw_pieces(
    Wide<S>* master, const S* gradient, Wide<S>* mean, Wide<S>* square, S* copy, int64_t pieces, AdamW rates, const double* factor) {
    using W = Wide<S>;
    const int64_t j = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
    if (j >= pieces) return;
    if (factor != nullptr && !isfinite(*factor)) return;  // the step is left out: nothing is written
    const Step<W> step(rates, factor);
    auto p = piece<W, N>(master, j), m = piece<W, N>(mean, j), v = piece<W, N>(square, j);
    const auto from = piece<S, N>(gradient, j);
    Piece<S, N> result;
    for (int n = 0; n < N; n++) {
        step(wide(from.at[n]), p.at[n], m.at[n], v.at[n]);
        result.at[n] = narrow<S>(p.at[n]);
    }
    piece<W, N>(master, j) = p;
    piece<W, N>(mean, j) = m;
    piece<W, N>(square, j) = v;
    if (copy != nullptr) piece<S, N>(copy, j) = result;
}

template <class S, int N>
__global__ void adamw_halves_pieces(
    unsigned short* high, short* rest, const S* gradient, float* mean, float* square, int64_t pieces, AdamW rates, const double* factor) {
    const int64_t j = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
    if (j >= pieces) return;
    if (factor != nullptr && !isfinite(*factor)) return;
    const Step<float> step(rates, factor);
    auto m = piece<float, N>(mean, j), v = piece<float, N>(square, j);
    auto h = piece<unsigned short, N>(high, j);
    auto r = piece<short, N>(rest, j);
    const auto from = piece<S, N>(gradient, j);
    for (int n = 0; n < N; n++) {
        float p = __uint_as_float((unsigned(h.at[n]) << 16) + unsigned(int(r.at[n])));
        step(wide(from.at[n]), p, m.at[n], v.at[n]);
        const unsigned bits = isnan(p) ? 0x7fc00000u : __float_as_uint(p);
        h.at[n] = static_cast<unsigned short>((bits + 0x8000u) >> 16);
        r.at[n] = static_cast<short>(bits - (unsigned(h.at[n]) << 16));
    }
    piece<float, N>(mean, j) = m;
    piece<float, N>(square, j) = v;
    piece<unsigned short, N>(high, j) = h;
    piece<short, N>(rest, j) = r;
}

template <class S, int N>
__global__ void rounded_pieces(const Wide<S>* master, S* copy, int64_t pieces, const double* factor) {
    const int64_t j = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
    if (j >= pieces || !isfinite(*factor)) return;
    const auto from = piece<Wide<S>, N>(master, j);
    Piece<S, N> result;
    for (int n = 0; n < N; n++) result.at[n] = narrow<S>(from.at[n]);
    piece<S, N>(copy, j) = result;
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

}  // namespace

void adamw(
    Type type, void* master, const void* gradient, void* mean, void* square, void* copy, int64_t count, const AdamW& rates,
    const double* factor, Stream stream) {
    if (count == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        using W = Wide<S>;
        // As many as fill 16 bytes of the wider type.
        by_pieces<W>(count, {master, gradient, mean, square, copy}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            launch(adamw_pieces<S, N>, {blocks_for(count / N), kThreads}, stream,
                as<W>(master), as<S>(gradient), as<W>(mean), as<W>(square), as<S>(copy), count / N, rates, factor);
        });
    });
    check("adamw_");
}

void adamw_halves(
    Type type, void* high, void* rest, const void* gradient, void* mean, void* square, int64_t count, const AdamW& rates, const double* factor,
    Stream stream) {
    if (count == 0) return;
    const auto with = [&](auto stored) {
        using S = decltype(stored);
        by_pieces<float>(count, {high, rest, gradient, mean, square}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            launch(adamw_halves_pieces<S, N>, {blocks_for(count / N), kThreads}, stream,
                as<unsigned short>(high), as<short>(rest), as<S>(gradient), as<float>(mean), as<float>(square), count / N, rates, factor);
        });
    };
    type == Type::f32 ? with(float{}) : with(__nv_bfloat16{});
    check("adamw_");
}

void round_into(Type type, const void* master, void* copy, int64_t count, const double* factor, Stream stream) {
    if (count == 0) return;
    with_type(type, [&](auto stored) {
        using S = decltype(stored);
        using W = Wide<S>;
        by_pieces<W>(count, {master, copy}, [&](auto n) {
            constexpr int N = decltype(n)::value;
            launch(rounded_pieces<S, N>, {blocks_for(count / N), kThreads}, stream, as<W>(master), as<S>(copy), count / N, factor);
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
            launch(squares_of_blocks<S, N>, {static_cast<unsigned>(parts), kThreads}, stream, as<S>(x), count / N, part);
        });
    });
    launch(sum_of_parts, {1, 1024}, stream, part, parts, total);
    check("sum_of_squares");
}

}  // namespace evo::cuda
