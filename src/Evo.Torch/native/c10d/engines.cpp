// What moves the tensors of one group: Gloo between processors, NCCL between GPUs.
#ifdef EVO_C10D
#define USE_C10D_GLOO
#ifdef EVO_C10D_NCCL
#define USE_C10D_NCCL
#endif
#endif
#include "c10d.h"

#ifdef EVO_C10D
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#ifdef EVO_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#endif

#include <stdexcept>

// Whether c10d can be used: 1 Gloo, 2 NCCL.
EVO_API int32_t evo_c10d_engines() {
#if defined(EVO_C10D_NCCL)
    return 3;
#elif defined(EVO_C10D)
    return 1;
#else
    return 0;
#endif
}

#ifdef EVO_C10D

// Waits until all ranks have come. `device` is the name of a network interface, or an address or name of this host; empty:
// the address that this host's name stands for.
EVO_API int32_t evo_c10d_gloo(
    void* store, int32_t rank, int32_t size, const char* interface, const char* address, int64_t timeout_ms, void** result) {
    return evo::guarded([&] {
        using Gloo = c10d::ProcessGroupGloo;
        auto options = Gloo::Options::create(std::chrono::milliseconds(timeout_ms));
        options->devices.push_back(
            *interface != 0  ? Gloo::createDeviceForInterface(interface)
            : *address != 0 ? Gloo::createDeviceForHostname(address)
                            : Gloo::createDefaultDevice());
        auto engine = c10::make_intrusive<Gloo>(static_cast<evo::StoreHandle*>(store)->store, rank, size, options);
        *result = new evo::EngineHandle{engine, size, false};
    });
}

EVO_API int32_t evo_c10d_nccl(void* store, int32_t rank, int32_t size, int64_t timeout_ms, void** result) {
    return evo::guarded([&] {
#ifdef EVO_C10D_NCCL
        auto options = c10d::ProcessGroupNCCL::Options::create();
        options->timeout = std::chrono::milliseconds(timeout_ms);
        auto engine =
            c10::make_intrusive<c10d::ProcessGroupNCCL>(static_cast<evo::StoreHandle*>(store)->store, rank, size, options);
        *result = new evo::EngineHandle{engine, size, true};
#else
        throw std::runtime_error("this libtorch was found without NCCL; use gloo, or a libtorch for CUDA with NCCL's headers");
#endif
    });
}

EVO_API void evo_c10d_free(void* engine) {
    evo::guarded([&] { delete static_cast<evo::EngineHandle*>(engine); });
}

#else

EVO_API int32_t evo_c10d_gloo(void*, int32_t, int32_t, const char*, const char*, int64_t, void**) { return evo::guarded(evo::no_c10d); }

EVO_API int32_t evo_c10d_nccl(void*, int32_t, int32_t, int64_t, void**) { return evo::guarded(evo::no_c10d); }

EVO_API void evo_c10d_free(void*) {}

#endif
