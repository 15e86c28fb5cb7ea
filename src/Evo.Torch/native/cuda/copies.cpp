// Copies to a GPU beside what it computes, on a stream of their own, and moments of what it computes, for which the host can wait. Compiled with the kernels, where CUDA's headers are.
#include <ATen/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAGuard.h>

namespace {

// One place of two: when it has been filled, and when what was in it has been taken.
struct Place {
    at::cuda::CUDAEvent filled, taken;
};

struct Copies {
    explicit Copies(c10::DeviceIndex device)
        : device(device), stream(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device)),
          before(c10::cuda::getDefaultCUDAStream(device)) {}
    const c10::DeviceIndex device;
    const c10::cuda::CUDAStream stream;
    c10::cuda::CUDAStream before;  // the current one outside
    Place places[2];
};

Copies& of(void* copies) { return *static_cast<Copies*>(copies); }

}  // namespace

void* evo_cuda_copies_open(int device) {
    const c10::cuda::CUDAGuard guard(device < 0 ? c10::cuda::current_device() : static_cast<c10::DeviceIndex>(device));
    return new Copies(c10::cuda::current_device());
}

void evo_cuda_copies_close(void* copies) { delete static_cast<Copies*>(copies); }

// What is told from here on goes to the stream of the copies, when the place is free.
void evo_cuda_copies_fill(void* copies, int place) {
    auto& c = of(copies);
    c.before = c10::cuda::getCurrentCUDAStream(c.device);
    c.places[place].taken.block(c.stream);
    c10::cuda::setCurrentCUDAStream(c.stream);
}

void evo_cuda_copies_filled(void* copies, int place) {
    auto& c = of(copies);
    c.places[place].filled.record(c.stream);
    c10::cuda::setCurrentCUDAStream(c.before);
}

// What is told from here on comes when the place is filled.
void evo_cuda_copies_take(void* copies, int place) {
    auto& c = of(copies);
    c.places[place].filled.block(c10::cuda::getCurrentCUDAStream(c.device));
}

void evo_cuda_copies_taken(void* copies, int place) {
    auto& c = of(copies);
    c.places[place].taken.record(c10::cuda::getCurrentCUDAStream(c.device));
}

// When all that this thread has told the current stream is done.
void* evo_cuda_moment(int device) {
    const c10::cuda::CUDAGuard guard(device < 0 ? c10::cuda::current_device() : static_cast<c10::DeviceIndex>(device));
    auto* moment = new at::cuda::CUDAEvent();
    moment->record();
    return moment;
}

void evo_cuda_moment_wait(void* moment) { static_cast<at::cuda::CUDAEvent*>(moment)->synchronize(); }

void evo_cuda_moment_free(void* moment) { delete static_cast<at::cuda::CUDAEvent*>(moment); }
