// c10d, libtorch's distributed engine, in the words of both 1.13 and 2.x.
#pragma once

#include "../evo_torch.h"

#ifdef EVO_C10D

#include <torch/csrc/distributed/c10d/Store.hpp>
#include <torch/csrc/distributed/c10d/Types.hpp>
#include <torch/csrc/distributed/c10d/Work.hpp>
#if EVO_TORCH_AT_LEAST(2, 0)
#include <torch/csrc/distributed/c10d/Backend.hpp>
#else
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#endif

#include <chrono>
#include <vector>

namespace evo {

// What moves the tensors of one group. 2.x calls it a backend and keeps the other name for a list of them.
#if EVO_TORCH_AT_LEAST(2, 0)
using Engine = c10d::Backend;
#else
using Engine = c10d::ProcessGroup;
#endif

struct StoreHandle {
    c10::intrusive_ptr<c10d::Store> store;
};

struct EngineHandle {
    c10::intrusive_ptr<Engine> engine;
    int size;
    // Whether tensors are on a GPU, and an operation is only queued when it has been waited for.
    bool device;
};

// An operation under way, and the tensors that it reads and writes.
struct WorkHandle {
    c10::intrusive_ptr<c10d::Work> work;
    std::vector<at::Tensor> kept;
    bool device;
};

inline c10d::Store& store_of(void* handle) { return *static_cast<StoreHandle*>(handle)->store; }

inline EngineHandle& engine_of(void* handle) { return *static_cast<EngineHandle*>(handle); }

}  // namespace evo

#else

#include <stdexcept>

namespace evo {

[[noreturn]] inline void no_c10d() {
    throw std::runtime_error(
        "this libtorch was found without c10d, so processes cannot be joined; install libtorch-dev and libgloo-dev, and build again");
}

}  // namespace evo

#endif
