// The stream on which libtorch queues work. Compiled with the kernels, where CUDA's headers are.
#include <c10/cuda/CUDAStream.h>

void* evo_cuda_stream(int device) {
    return c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(device)).stream();
}
