// What a GPU is told, recorded and told again (CUDA graphs). Compiled with the kernels, where CUDA's headers are.
#include "evo_torch.h"

#if EVO_TORCH_AT_LEAST(2, 6)

#include <ATen/ATen.h>
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
          before(c10::cuda::getDefaultCUDAStream(device)), pool(at::cuda::graph_pool_handle()) {
        // A pool that no graph uses any more, because it was given back or its recording failed, cannot be recorded into: the recorder
        // uses it as long as it lives. The allocator knows a device only once it has given memory of it.
        at::empty({1}, at::TensorOptions(at::Device(at::kCUDA, device)));
        c10::cuda::CUDACachingAllocator::beginAllocateToPool(device, pool, [](cudaStream_t) { return false; });
        c10::cuda::CUDACachingAllocator::endAllocateToPool(device, pool);
    }
    ~Recorder() { c10::cuda::CUDACachingAllocator::releasePool(device, pool); }
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;
    const c10::DeviceIndex device;
    const c10::cuda::CUDAStream stream;
    c10::cuda::CUDAStream before;  // the current one outside
    const decltype(at::cuda::graph_pool_handle()) pool;
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
    auto graph = std::make_unique<at::cuda::CUDAGraph>();
    try {
        graph->capture_begin(r.pool, cudaStreamCaptureModeThreadLocal);
    } catch (...) {
        c10::cuda::setCurrentCUDAStream(r.before);
        throw;
    }
    return graph.release();
}

void evo_cuda_graph_end(void* recorder, void* graph) {
    auto& r = of(recorder);
    static_cast<at::cuda::CUDAGraph*>(graph)->capture_end();
    c10::cuda::setCurrentCUDAStream(r.before);
}

// A recording that failed on its way: its stream is left, whatever CUDA thinks of it.
void evo_cuda_graph_abandon(void* recorder, void* graph) {
    auto& r = of(recorder);
    auto* failed = static_cast<at::cuda::CUDAGraph*>(graph);
    try {
        failed->capture_end();
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
    static_cast<at::cuda::CUDAGraph*>(graph)->replay();
}

void evo_cuda_graph_free(void* graph) { delete static_cast<at::cuda::CUDAGraph*>(graph); }

#endif
