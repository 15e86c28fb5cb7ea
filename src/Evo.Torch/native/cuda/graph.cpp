// What a GPU is told, recorded and told again (CUDA graphs). Compiled with the kernels, where CUDA's headers are.
#include "evo_torch.h"

#if EVO_TORCH_AT_LEAST(2, 6)

#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAEvent.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>

#include <memory>

namespace {

// A stream beside the usual one, since that cannot be recorded, and one pool of memory for all graphs, of which only one runs at a time.
struct Recorder {
    explicit Recorder(c10::DeviceIndex device)
        : device(device), stream(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device)),
          before(c10::cuda::getDefaultCUDAStream(device)), pool(at::cuda::graph_pool_handle()) {}
    const c10::DeviceIndex device;
    const c10::cuda::CUDAStream stream;
    c10::cuda::CUDAStream before;  // the current one outside
    decltype(at::cuda::graph_pool_handle()) pool;
    const std::shared_ptr<int> graphs = std::make_shared<int>(0);  // those that there are
};

// A graph outlives its recorder where it must.
struct Recorded {
    explicit Recorded(const Recorder& recorder) : graphs(recorder.graphs) { ++*graphs; }
    ~Recorded() { --*graphs; }
    Recorded(const Recorded&) = delete;
    Recorded& operator=(const Recorded&) = delete;
    at::cuda::CUDAGraph graph;

private:
    const std::shared_ptr<int> graphs;
};

// `later` begins with what comes when `first` has done what it has been told.
void follow(const c10::cuda::CUDAStream& first, const c10::cuda::CUDAStream& later) {
    at::cuda::CUDAEvent done;
    done.record(first);
    done.block(later);
}

Recorder& of(void* recorder) { return *static_cast<Recorder*>(recorder); }

}  // namespace

void* evo_cuda_graph_open(int device) {
    const c10::cuda::CUDAGuard guard(device < 0 ? c10::cuda::current_device() : static_cast<c10::DeviceIndex>(device));
    return new Recorder(c10::cuda::current_device());
}

void evo_cuda_graph_close(void* recorder) { delete static_cast<Recorder*>(recorder); }

void evo_cuda_graph_enter(void* recorder) {
    auto& r = of(recorder);
    r.before = c10::cuda::getCurrentCUDAStream(r.device);
    follow(r.before, r.stream);
    c10::cuda::setCurrentCUDAStream(r.stream);
}

void evo_cuda_graph_leave(void* recorder) {
    auto& r = of(recorder);
    follow(r.stream, r.before);
    c10::cuda::setCurrentCUDAStream(r.before);
}

// Only what this thread tells is recorded, and only it may not wait: others read data and watch collectives meanwhile.
void* evo_cuda_graph_begin(void* recorder) {
    auto& r = of(recorder);
    r.before = c10::cuda::getCurrentCUDAStream(r.device);
    // What was freed on the usual stream is not touched by a recording; what it computes is, when it is replayed.
    follow(r.before, r.stream);
    c10::cuda::setCurrentCUDAStream(r.stream);
    // A pool that no graph uses any more, or whose only recording failed, takes no other: libtorch refuses it.
    if (*r.graphs == 0) r.pool = at::cuda::graph_pool_handle();
    auto recorded = std::make_unique<Recorded>(r);
    try {
        recorded->graph.capture_begin(r.pool, cudaStreamCaptureModeThreadLocal);
    } catch (...) {
        c10::cuda::setCurrentCUDAStream(r.before);
        throw;
    }
    return recorded.release();
}

void evo_cuda_graph_end(void* recorder, void* graph) {
    auto& r = of(recorder);
    static_cast<Recorded*>(graph)->graph.capture_end();
    c10::cuda::setCurrentCUDAStream(r.before);
}

// A recording that failed on its way: its stream is left, whatever CUDA thinks of it.
void evo_cuda_graph_abandon(void* recorder, void* graph) {
    auto& r = of(recorder);
    auto* failed = static_cast<Recorded*>(graph);
    try {
        failed->graph.capture_end();
    } catch (const c10::Error&) {
        // libtorch leaves allocations of the stream in the graph's pool when CUDA has invalidated the recording.
        try {
            c10::cuda::CUDACachingAllocator::endAllocateToPool(r.device, r.pool);
        } catch (const c10::Error&) {
        }
    }
    c10::cuda::setCurrentCUDAStream(r.before);
    delete failed;
}

void evo_cuda_graph_replay(void* recorder, void* graph) {
    const c10::cuda::CUDAGuard guard(of(recorder).device);
    static_cast<Recorded*>(graph)->graph.replay();
}

void evo_cuda_graph_free(void* graph) { delete static_cast<Recorded*>(graph); }

#endif
