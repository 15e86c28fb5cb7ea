// The border of cuda/copies.cpp, and what is said where that was not built.
#include "evo_torch.h"

#include <c10/util/Exception.h>

#ifdef EVO_CUDA_KERNELS
void* evo_cuda_copies_open(int device);
void evo_cuda_copies_close(void* copies);
void evo_cuda_copies_fill(void* copies, int place);
void evo_cuda_copies_filled(void* copies, int place);
void evo_cuda_copies_take(void* copies, int place);
void evo_cuda_copies_taken(void* copies, int place);
void* evo_cuda_moment(int device);
void evo_cuda_moment_wait(void* moment);
void evo_cuda_moment_free(void* moment);
#define EVO_COPIES(call) evo::guarded([&] { call; })
#else
#define EVO_COPIES(call) \
    evo::guarded([] { TORCH_CHECK(false, "copies beside a GPU's work: libevo_torch.so was not built with CUDA"); })
#endif

EVO_API int32_t evo_copies_built() {
#ifdef EVO_CUDA_KERNELS
    return 1;
#else
    return 0;
#endif
}

// A stream for a device; -1: the current one. It has the places 0 and 1.
EVO_API int32_t evo_copies_open([[maybe_unused]] int32_t device, [[maybe_unused]] void** copies) {
    return EVO_COPIES(*copies = evo_cuda_copies_open(device));
}

EVO_API int32_t evo_copies_close([[maybe_unused]] void* copies) { return EVO_COPIES(evo_cuda_copies_close(copies)); }

// What is told between fill and filled is done on that stream, once what was in the place has been taken.
EVO_API int32_t evo_copies_fill([[maybe_unused]] void* copies, [[maybe_unused]] int32_t place) {
    return EVO_COPIES(evo_cuda_copies_fill(copies, place));
}

EVO_API int32_t evo_copies_filled([[maybe_unused]] void* copies, [[maybe_unused]] int32_t place) {
    return EVO_COPIES(evo_cuda_copies_filled(copies, place));
}

// What is told between take and taken is done on the present stream, once the place is filled.
EVO_API int32_t evo_copies_take([[maybe_unused]] void* copies, [[maybe_unused]] int32_t place) {
    return EVO_COPIES(evo_cuda_copies_take(copies, place));
}

EVO_API int32_t evo_copies_taken([[maybe_unused]] void* copies, [[maybe_unused]] int32_t place) {
    return EVO_COPIES(evo_cuda_copies_taken(copies, place));
}

// When all that this thread has told a device is done; -1: the current one.
EVO_API int32_t evo_moment([[maybe_unused]] int32_t device, [[maybe_unused]] void** moment) {
    return EVO_COPIES(*moment = evo_cuda_moment(device));
}

EVO_API int32_t evo_moment_wait([[maybe_unused]] void* moment) { return EVO_COPIES(evo_cuda_moment_wait(moment)); }

EVO_API int32_t evo_moment_free([[maybe_unused]] void* moment) { return EVO_COPIES(evo_cuda_moment_free(moment)); }
