// What libtorch is this, how many threads does it use, what does it run on.
#include "evo_torch.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <dlfcn.h>
#ifdef _OPENMP
#include <omp.h>
#endif

EVO_API const char* evo_build_version() { return TORCH_VERSION; }

// The folder of the libtorch for which this library was built.
EVO_API const char* evo_build_folder() { return EVO_TORCH_FOLDER; }

// The file of the libtorch that is loaded.
EVO_API const char* evo_loaded_file() {
    Dl_info info;
    return dladdr(reinterpret_cast<void*>(&at::get_num_threads), &info) != 0 && info.dli_fname != nullptr
        ? info.dli_fname
        : "";
}

EVO_API int32_t evo_threads() {
    int32_t count = 0;
    evo::guarded([&] { count = at::get_num_threads(); });
    return count;
}

EVO_API int32_t evo_set_threads(int32_t count) {
    return evo::guarded([&] {
        at::set_num_threads(count);
        // An OpenBLAS with threads of its own must not start more of them than OpenMP has.
        using Setter = void (*)(int);
        if (auto setter = reinterpret_cast<Setter>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))) {
            setter(count);
        }
    });
}

// For operations called from this thread only. OpenMP's number is each thread's own; libtorch sets it once in every thread,
// which therefore comes first. (at::set_num_threads makes libtorch's pool of threads anew: 20 ms.)
EVO_API int32_t evo_set_own_threads(int32_t count) {
    return evo::guarded([&] {
        at::get_num_threads();
#ifdef _OPENMP
        omp_set_num_threads(count);
#endif
    });
}

// What the loaded OpenBLAS says about itself ("" where the BLAS is another one): "OpenBLAS 0.3.21 ...", "SkylakeX",
// and how it makes threads: 0 none, 1 its own, 2 OpenMP's, -1 unknown.
EVO_API const char* evo_blas_config() {
    using Getter = char* (*)();
    auto getter = reinterpret_cast<Getter>(dlsym(RTLD_DEFAULT, "openblas_get_config"));
    return getter == nullptr ? "" : getter();
}

EVO_API const char* evo_blas_core() {
    using Getter = char* (*)();
    auto getter = reinterpret_cast<Getter>(dlsym(RTLD_DEFAULT, "openblas_get_corename"));
    return getter == nullptr ? "" : getter();
}

EVO_API int32_t evo_blas_threading() {
    using Getter = int (*)();
    auto getter = reinterpret_cast<Getter>(dlsym(RTLD_DEFAULT, "openblas_get_parallel"));
    return getter == nullptr ? -1 : getter();
}

EVO_API int32_t evo_has_mkl() { return at::hasMKL() ? 1 : 0; }

// libtorch asks for this variable, in C's environment, before it lets cuBLAS compute: with it products have the same bits on every run.
EVO_API int32_t evo_set_deterministic(int32_t value) {
    if (value != 0) setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
    return evo::guarded([&] { at::globalContext().setDeterministicAlgorithms(value != 0, false); });
}

EVO_API int32_t evo_deterministic() { return at::globalContext().deterministicAlgorithms() ? 1 : 0; }

EVO_API int32_t evo_cuda_devices() {
    int32_t count = 0;
    evo::guarded([&] {
        if (at::hasCUDA()) {
            count = c10::impl::VirtualGuardImpl(c10::DeviceType::CUDA).deviceCount();
        }
    });
    return count;
}

// Waits until the device has nothing left to do.
EVO_API int32_t evo_cuda_synchronize(int32_t device) {
    return evo::guarded([&] {
        auto index = device < 0 ? c10::impl::VirtualGuardImpl(c10::DeviceType::CUDA).getDevice().index() : device;
        at::detail::getCUDAHooks().deviceSynchronize(static_cast<c10::DeviceIndex>(index));
    });
}

#ifdef EVO_CUDA_MEMORY
// cuda/memory.cpp, where the headers of CUDA are installed.
void evo_cuda_memory_read(int device, int64_t* current, int64_t* peak, int64_t* reserved);
void evo_cuda_memory_reset_peak(int device);
#endif

// Bytes of tensors now and at most, and bytes taken from the device; -1 where this build cannot tell.
EVO_API int32_t evo_cuda_memory(int32_t device, int64_t* current, int64_t* peak, int64_t* reserved) {
    *current = *peak = *reserved = -1;
#ifdef EVO_CUDA_MEMORY
    return evo::guarded([&] { evo_cuda_memory_read(device, current, peak, reserved); });
#else
    (void)device;
    return EVO_OK;
#endif
}

EVO_API int32_t evo_cuda_reset_peak(int32_t device) {
#ifdef EVO_CUDA_MEMORY
    return evo::guarded([&] { evo_cuda_memory_reset_peak(device); });
#else
    (void)device;
    return EVO_OK;
#endif
}
