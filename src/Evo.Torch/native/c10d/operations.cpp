// Operations of a group, each started and then waited for. What only moves data sees bytes, whatever the dtype is: tensors are
// contiguous. Sums of types are the engine's own.
#include "c10d.h"

#ifdef EVO_C10D
#include <ATen/ops/from_blob.h>

namespace {

using evo::EngineHandle;
using evo::WorkHandle;
using Tensors = std::vector<at::Tensor>;

// The bytes of a contiguous tensor, which lives as long as this view does.
at::Tensor bytes(const at::Tensor& tensor) {
    TORCH_CHECK(tensor.is_contiguous(), "only contiguous tensors are sent");
    auto count = static_cast<int64_t>(tensor.numel() * tensor.element_size());
    auto options = at::TensorOptions().dtype(at::kByte).device(tensor.device());
    return at::from_blob(tensor.data_ptr(), {count}, [tensor](void*) {}, options);
}

void give(void** result, const EngineHandle& engine, c10::intrusive_ptr<c10d::Work> work, Tensors kept) {
    *result = new WorkHandle{std::move(work), std::move(kept), engine.device};
}

// On a GPU the present stream waits, not the caller: with a limit libtorch from 2.6 would have the caller wait. There the
// engine's own limit ends what does not end.
bool wait_for(WorkHandle& handle, int64_t limit_ms) {
    return handle.device ? handle.work->wait() : handle.work->wait(std::chrono::milliseconds(limit_ms));
}

c10d::ReduceOp reduction(int32_t number) {
    switch (number) {
        case 0: return c10d::ReduceOp::SUM;
        case 1: return c10d::ReduceOp::AVG;
        case 2: return c10d::ReduceOp::MAX;
        default: return c10d::ReduceOp::MIN;
    }
}

}  // namespace

// The bytes of all ranks, as many each, one after the other.
EVO_API int32_t evo_c10d_gather(void* handle, void* input, void* output, void** result) {
    return evo::guarded([&] {
        auto& group = evo::engine_of(handle);
        auto from = bytes(evo::share(input)), into = bytes(evo::share(output));
        if (group.device) {
            give(result, group, group.engine->_allgather_base(into, from), {from, into});
            return;
        }
        std::vector<Tensors> rows(1);
        for (int rank = 0; rank < group.size; rank++) {
            rows[0].push_back(into.narrow(0, rank * from.numel(), from.numel()));
        }
        Tensors inputs{from};
        give(result, group, group.engine->allgather(rows, inputs), {from, into});
    });
}

// The first bytes to rank 0, the next to rank 1 …; `sent` and `received` count bytes by rank.
EVO_API int32_t evo_c10d_exchange(
    void* handle, void* input, const int64_t* sent, void* output, const int64_t* received, void** result) {
    return evo::guarded([&] {
        auto& group = evo::engine_of(handle);
        auto from = bytes(evo::share(input)), into = bytes(evo::share(output));
        std::vector<int64_t> outgoing(sent, sent + group.size), incoming(received, received + group.size);
        give(result, group, group.engine->alltoall_base(into, from, incoming, outgoing), {from, into});
    });
}

// In place.
EVO_API int32_t evo_c10d_broadcast(void* handle, void* tensor, int32_t root, void** result) {
    return evo::guarded([&] {
        auto& group = evo::engine_of(handle);
        Tensors all{bytes(evo::share(tensor))};
        c10d::BroadcastOptions options;
        options.rootRank = root;
        give(result, group, group.engine->broadcast(all, options), all);
    });
}

// In place; the order of the additions is the engine's.
EVO_API int32_t evo_c10d_reduce(void* handle, void* tensor, int32_t operation, void** result) {
    return evo::guarded([&] {
        auto& group = evo::engine_of(handle);
        Tensors all{evo::share(tensor)};
        c10d::AllreduceOptions options;
        options.reduceOp = reduction(operation);
        give(result, group, group.engine->allreduce(all, options), all);
    });
}

// Even parts along dimension 0; the order of the additions is the engine's.
EVO_API int32_t evo_c10d_reduce_scatter(void* handle, void* input, void* output, int32_t operation, void** result) {
    return evo::guarded([&] {
        auto& group = evo::engine_of(handle);
        auto from = evo::share(input), into = evo::share(output);
        c10d::ReduceScatterOptions options;
        options.reduceOp = reduction(operation);
        give(result, group, group.engine->_reduce_scatter_base(into, from, options), {from, into});
    });
}

EVO_API int32_t evo_c10d_send(void* handle, void* tensor, int32_t to, int32_t tag, void** result) {
    return evo::guarded([&] {
        auto& group = evo::engine_of(handle);
        Tensors all{bytes(evo::share(tensor))};
        give(result, group, group.engine->send(all, to, tag), all);
    });
}

EVO_API int32_t evo_c10d_receive(void* handle, void* tensor, int32_t from, int32_t tag, void** result) {
    return evo::guarded([&] {
        auto& group = evo::engine_of(handle);
        Tensors all{bytes(evo::share(tensor))};
        give(result, group, group.engine->recv(all, from, tag), all);
    });
}

// Waits for a collective, no longer than the limit (0: for ever): *done says whether it has ended. What it threw is this
// call's failure.
EVO_API int32_t evo_c10d_wait(void* handle, int64_t limit_ms, int32_t* done) {
    return evo::guarded([&] {
        auto& under_way = *static_cast<WorkHandle*>(handle);
        auto& work = under_way.work;
        *done = 0;
        try {
            wait_for(under_way, limit_ms);
        } catch (...) {
            // The wait ends with an exception both when the time is over and when the operation failed. It may also have ended
            // well since the time was over: a second wait, which returns at once, says which it is.
            if (limit_ms == 0) {
                throw;
            }
            if (!work->isCompleted()) {
                return;
            }
            work->wait();
        }
        *done = 1;
    });
}

// Ends a wait for a message, from another thread: it returns, and says that nothing was received.
EVO_API int32_t evo_c10d_abort(void* handle) {
    return evo::guarded([&] { static_cast<WorkHandle*>(handle)->work->abort(); });
}

EVO_API void evo_c10d_work_free(void* handle) {
    evo::guarded([&] { delete static_cast<WorkHandle*>(handle); });
}

// Waits for a message to be sent or received; *done is 0 when the wait was aborted.
EVO_API int32_t evo_c10d_wait_message(void* handle, int64_t limit_ms, int32_t* done) {
    return evo::guarded([&] {
        *done = wait_for(*static_cast<WorkHandle*>(handle), limit_ms) ? 1 : 0;
    });
}

#else

EVO_API int32_t evo_c10d_gather(void*, void*, void*, void**) { return evo::guarded(evo::no_c10d); }

EVO_API int32_t evo_c10d_exchange(void*, void*, const int64_t*, void*, const int64_t*, void**) { return evo::guarded(evo::no_c10d); }

EVO_API int32_t evo_c10d_broadcast(void*, void*, int32_t, void**) { return evo::guarded(evo::no_c10d); }

EVO_API int32_t evo_c10d_reduce(void*, void*, int32_t, void**) { return evo::guarded(evo::no_c10d); }

EVO_API int32_t evo_c10d_reduce_scatter(void*, void*, void*, int32_t, void**) { return evo::guarded(evo::no_c10d); }

EVO_API int32_t evo_c10d_send(void*, void*, int32_t, int32_t, void**) { return evo::guarded(evo::no_c10d); }

EVO_API int32_t evo_c10d_receive(void*, void*, int32_t, int32_t, void**) { return evo::guarded(evo::no_c10d); }

EVO_API int32_t evo_c10d_wait(void*, int64_t, int32_t*) { return evo::guarded(evo::no_c10d); }

EVO_API int32_t evo_c10d_wait_message(void*, int64_t, int32_t*) { return evo::guarded(evo::no_c10d); }

EVO_API int32_t evo_c10d_abort(void*) { return evo::guarded(evo::no_c10d); }

EVO_API void evo_c10d_work_free(void*) {}

#endif
