// What device code shares: the types it computes in, neighbours that are moved at once, sums of a block in one order.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>

namespace evo::cuda {

using std::int64_t;

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

// 2^x within 2 units of the last place of a float32, nothing below 2^-126.
__device__ inline float quick_power_of_two(float x) {
#ifdef EVO_CUDA_ON_CPU
    return exp2f(x);
#else
    float power;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
    return power;
#endif
}

// RandomWords.Mix.
__device__ inline std::uint32_t mixed(std::uint32_t word) {
    word = (word ^ (word >> 16)) * 0x21f0aaadu;
    word = (word ^ (word >> 15)) * 0x735a2d97u;
    return word ^ (word >> 15);
}

// The bytes on the chip that the launch has asked for.
__device__ inline void* on_chip() {
#ifdef EVO_CUDA_ON_CPU
    return on_cpu::on_chip();
#else
    extern __shared__ __align__(16) unsigned char bytes[];
    return bytes;
#endif
}

// N neighbours, moved at once.
template <class S, int N>
struct alignas(sizeof(S) * N) Piece {
    S at[N];
};

template <class S, int N, class Pointer>
__device__ inline Piece<S, N>& piece(Pointer* p, int64_t j) {
    return reinterpret_cast<Piece<S, N>*>(const_cast<S*>(p))[j];
}

// The sum over a warp, the same bits in every thread.
template <class W>
__device__ inline W warp_sum(W value) {
    for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffu, value, offset);
    return value;
}

// The sum over a block, the same bits in every thread.
template <class W>
__device__ inline W block_sum(W value) {
    __shared__ W shared[32];
    value = warp_sum(value);
    const int lane = threadIdx.x % 32, warps = blockDim.x / 32;
    __syncthreads();  // the last sum has been read
    if (lane == 0) shared[threadIdx.x / 32] = value;
    __syncthreads();
    return warp_sum(lane < warps ? shared[lane] : W(0));
}

template <class W>
__device__ inline W block_largest(W value) {
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

}  // namespace evo::cuda
