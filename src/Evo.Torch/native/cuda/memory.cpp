// Counters of libtorch's CUDA allocator. Compiled only where CMake finds that it can be.
#include <c10/cuda/CUDACachingAllocator.h>

#include <cstdint>

// The first of each group of statistics is the sum over its kinds, in every version.
void evo_cuda_memory_read(int device, int64_t* current, int64_t* peak, int64_t* reserved) {
    auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device);
    *current = stats.allocated_bytes[0].current;
    *peak = stats.allocated_bytes[0].peak;
    *reserved = stats.reserved_bytes[0].current;
}

void evo_cuda_memory_reset_peak(int device) { c10::cuda::CUDACachingAllocator::resetPeakStats(device); }

#ifdef EVO_TRY_COMPILE
int main() { return 0; }
#endif
