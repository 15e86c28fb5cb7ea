// What moves the tensors of one group: Gloo between processors, NCCL between GPUs.
#ifdef EVO_C10D_GLOO
#define USE_C10D_GLOO
#endif
#ifdef EVO_C10D_NCCL
#define USE_C10D_NCCL
#endif
#include "c10d.h"

#ifdef EVO_C10D_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#endif
#ifdef EVO_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <cstdlib>
#include <memory>
#include <stdexcept>

// What c10d was found with: 1 Gloo, 2 NCCL, 3 both.
EVO_API int32_t evo_c10d_engines() {
    int32_t engines = 0;
#ifdef EVO_C10D_GLOO
    engines |= 1;
#endif
#ifdef EVO_C10D_NCCL
    engines |= 2;
#endif
    return engines;
}

#ifdef EVO_C10D

// Waits until all ranks have come. `device` is the name of a network interface, or an address or name of this host; empty:
// the address that this host's name stands for.
EVO_API int32_t evo_c10d_gloo(
    void* store, int32_t rank, int32_t size, const char* interface, const char* address, int64_t timeout_ms, void** result) {
    return evo::guarded([&] {
#ifdef EVO_C10D_GLOO
        using Gloo = c10d::ProcessGroupGloo;
        auto options = Gloo::Options::create(std::chrono::milliseconds(timeout_ms));
        options->devices.push_back(
            *interface != 0  ? Gloo::createDeviceForInterface(interface)
            : *address != 0 ? Gloo::createDeviceForHostname(address)
                            : Gloo::createDefaultDevice());
        auto engine = c10::make_intrusive<Gloo>(static_cast<evo::StoreHandle*>(store)->store, rank, size, options);
        *result = new evo::EngineHandle{engine, size, false};
#else
        throw std::runtime_error(
            "this libtorch was found without the headers of Gloo, so processes on CPUs cannot be joined; install libtorch-dev and "
            "libgloo-dev and set EVO_LIBTORCH=system, or run where GPUs are");
#endif
    });
}

EVO_API int32_t evo_c10d_nccl(void* store, int32_t rank, int32_t size, int64_t timeout_ms, void** result) {
    return evo::guarded([&] {
#ifdef EVO_C10D_NCCL
        // What NCCL may register of a recorded collective its ranks would have to register together. Ranks record passes each in its own
        // time, and one may replay what another computes without a graph.
        setenv("NCCL_GRAPH_REGISTER", "0", /*overwrite=*/0);
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
    evo::guarded([&] {
        std::unique_ptr<evo::EngineHandle> owned(static_cast<evo::EngineHandle*>(engine));
#if EVO_TORCH_AT_LEAST(2, 8)
        if (owned->device) {
            // Lets what was queued end; without it libtorch complains.
            owned->engine->shutdown();
        }
#endif
    });
}

#else

EVO_API int32_t evo_c10d_gloo(void*, int32_t, int32_t, const char*, const char*, int64_t, void**) { return evo::guarded(evo::no_c10d); }

EVO_API int32_t evo_c10d_nccl(void*, int32_t, int32_t, int64_t, void**) { return evo::guarded(evo::no_c10d); }

EVO_API void evo_c10d_free(void*) {}

#endif
