// What the kernels of cuda/ use of CUDA, on the processor, for their tests: a block's threads are fibers of one thread, which take turns
// where they wait for one another, and blocks follow one another. Slow, and the same arithmetic but for the quick exponential function.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

#define __global__
#define __device__
#define __launch_bounds__(threads)
#define __align__(bytes)
#define __shared__ static  // of the one block that runs

using cudaStream_t = void*;

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

// Of the thread that runs.
extern dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace evo::on_cpu {

// Runs a kernel's call once for every thread of every block. Ends the program where some threads wait for others that do not come.
void run(const dim3& blocks, const dim3& threads, std::size_t bytes, const std::function<void()>& call);

void* on_chip();

void wait_for_block();

// Gives 8 bytes to the thread's warp and takes those of another of its lanes.
std::uint64_t exchanged(std::uint64_t mine, unsigned lane);
unsigned lane();

// A launch that asked for more than there is on a chip of this size, in bytes, would fail on a GPU, too.
constexpr int kOnChip = 227 * 1024;

}  // namespace evo::on_cpu

inline void __syncthreads() { evo::on_cpu::wait_for_block(); }

template <class T>
T __shfl_xor_sync(unsigned, T value, int mask) {
    static_assert(sizeof(T) <= sizeof(std::uint64_t), "a lane gives 8 bytes at most");
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    bits = evo::on_cpu::exchanged(bits, evo::on_cpu::lane() ^ static_cast<unsigned>(mask));
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

template <class T>
T max(T a, T b) {
    return a < b ? b : a;
}
template <class T>
T min(T a, T b) {
    return b < a ? b : a;
}
using std::isfinite;
using std::isnan;

inline float __uint_as_float(unsigned bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}
inline unsigned __float_as_uint(float value) {
    unsigned bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

// The part of the runtime that launches ask.
enum cudaError_t { cudaSuccess };
enum { cudaDevAttrMaxSharedMemoryPerBlockOptin, cudaDevAttrMultiProcessorCount, cudaFuncAttributeMaxDynamicSharedMemorySize };
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline const char* cudaGetErrorString(cudaError_t) { return ""; }
inline cudaError_t cudaGetDevice(int* device) { return *device = 0, cudaSuccess; }
inline cudaError_t cudaDeviceGetAttribute(int* value, int attribute, int) {
    *value = attribute == cudaDevAttrMultiProcessorCount ? 4 : evo::on_cpu::kOnChip;
    return cudaSuccess;
}
template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel, int, int) {
    return cudaSuccess;
}
template <class Kernel>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Kernel, int, std::size_t) {
    return *blocks = 2, cudaSuccess;
}
