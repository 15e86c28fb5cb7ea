// The border of cuda/graph.cpp, and what is said where that was not built.
#include "evo_torch.h"

#include <c10/util/Exception.h>

#if defined(EVO_CUDA_KERNELS) && EVO_TORCH_AT_LEAST(2, 6)
#define EVO_CUDA_GRAPHS
void* evo_cuda_graph_open(int device);
void evo_cuda_graph_close(void* recorder);
void evo_cuda_graph_enter(void* recorder);
void evo_cuda_graph_leave(void* recorder);
void* evo_cuda_graph_begin(void* recorder);
void evo_cuda_graph_end(void* recorder, void* graph);
void evo_cuda_graph_abandon(void* recorder, void* graph);
void evo_cuda_graph_replay(void* recorder, void* graph);
void evo_cuda_graph_free(void* graph);
#endif

namespace {

template <class Body>
int32_t with_graphs(Body&& body) noexcept {
    return evo::guarded([&] {
#ifdef EVO_CUDA_GRAPHS
        body();
#else
        (void)body;
        TORCH_CHECK(false, "CUDA graphs: libevo_torch.so was not built with CUDA and a libtorch of 2.6 or newer");
#endif
    });
}

}  // namespace

#ifdef EVO_CUDA_GRAPHS
#define EVO_GRAPHS(call) with_graphs([&] { call; })
#else
#define EVO_GRAPHS(call) with_graphs([] {})
#endif

EVO_API int32_t evo_graphs_built() {
#ifdef EVO_CUDA_GRAPHS
    return 1;
#else
    return 0;
#endif
}

// A recorder for a device; -1: the current one.
EVO_API int32_t evo_graph_open([[maybe_unused]] int32_t device, [[maybe_unused]] void** recorder) {
    return EVO_GRAPHS(*recorder = evo_cuda_graph_open(device));
}

EVO_API int32_t evo_graph_close([[maybe_unused]] void* recorder) { return EVO_GRAPHS(evo_cuda_graph_close(recorder)); }

// What is told between the two runs on the recorder's stream.
EVO_API int32_t evo_graph_enter([[maybe_unused]] void* recorder) { return EVO_GRAPHS(evo_cuda_graph_enter(recorder)); }

EVO_API int32_t evo_graph_leave([[maybe_unused]] void* recorder) { return EVO_GRAPHS(evo_cuda_graph_leave(recorder)); }

// What is told between begin and end is recorded and not done; abandon takes the place of end where it failed, and frees the graph.
EVO_API int32_t evo_graph_begin([[maybe_unused]] void* recorder, [[maybe_unused]] void** graph) {
    return EVO_GRAPHS(*graph = evo_cuda_graph_begin(recorder));
}

EVO_API int32_t evo_graph_end([[maybe_unused]] void* recorder, [[maybe_unused]] void* graph) {
    return EVO_GRAPHS(evo_cuda_graph_end(recorder, graph));
}

EVO_API int32_t evo_graph_abandon([[maybe_unused]] void* recorder, [[maybe_unused]] void* graph) {
    return EVO_GRAPHS(evo_cuda_graph_abandon(recorder, graph));
}

EVO_API int32_t evo_graph_replay([[maybe_unused]] void* recorder, [[maybe_unused]] void* graph) {
    return EVO_GRAPHS(evo_cuda_graph_replay(recorder, graph));
}

EVO_API int32_t evo_graph_free([[maybe_unused]] void* graph) { return EVO_GRAPHS(evo_cuda_graph_free(graph)); }
