// What launches share: from a type at run time to a kernel's, and how many blocks and threads.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <initializer_list>
#include <stdexcept>
#include <string>

#include "kernels.h"

namespace evo::cuda {

constexpr int kThreads = 256;

// The blocks of a launch, the threads of each, and the bytes on the chip that each asks for.
struct Grid {
    dim3 blocks, threads;
    size_t bytes = 0;
};

template <class... Takes, class... Given>
void launch(void (*kernel)(Takes...), const Grid& grid, Stream stream, Given... given) {
#ifdef EVO_CUDA_ON_CPU
    on_cpu::run(grid.blocks, grid.threads, grid.bytes, [&] { kernel(Takes(given)...); });
    (void)stream;
#else
    kernel<<<grid.blocks, grid.threads, grid.bytes, static_cast<cudaStream_t>(stream)>>>(Takes(given)...);
#endif
}

inline unsigned blocks_for(int64_t items) { return static_cast<unsigned>((items + kThreads - 1) / kThreads); }

inline void check(const char* what) {
    if (const auto error = cudaGetLastError(); error != cudaSuccess)
        throw std::runtime_error(std::string("evo::") + what + ": " + cudaGetErrorString(error));
}

template <class F>
void with_type(Type type, F f) {
    switch (type) {
        case Type::f32: return f(float{});
        case Type::f64: return f(double{});
        case Type::bf16: return f(__nv_bfloat16{});
        case Type::f16: return f(__half{});
    }
}

template <int N>
struct Count {
    static constexpr int value = N;
};

// Calls f with how many elements are moved at once: 16 bytes where `length` and all pointers allow it, else one.
template <class S, class F>
void by_pieces(int64_t length, std::initializer_list<const void*> pointers, F f) {
    constexpr int most = 16 / sizeof(S);
    const bool whole = length % most == 0 && std::all_of(pointers.begin(), pointers.end(), [](const void* p) {
        return reinterpret_cast<std::uintptr_t>(p) % 16 == 0;
    });
    whole ? f(Count<most>{}) : f(Count<1>{});
}

// Threads for rows of so many pieces.
inline unsigned threads_for(int64_t pieces, int64_t most) {
    return static_cast<unsigned>(std::clamp<int64_t>((pieces + 31) / 32 * 32, 32, most));
}

template <class S>
const S* as(const void* p) {
    return static_cast<const S*>(p);
}
template <class S>
S* as(void* p) {
    return static_cast<S*>(p);
}

}  // namespace evo::cuda
