// The stream on which libtorch queues work, and which generation a GPU is of. Compiled with the kernels, where CUDA's headers are.
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDAStream.h>

void* evo_cuda_stream(int device) {
    return c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(device)).stream();
}

int evo_cuda_generation(int device) { return at::cuda::getDeviceProperties(static_cast<c10::DeviceIndex>(device))->major; }
