#pragma once

#include "cuda_runtime.h"

// No tensor of the processor's is of this type: its kernels are compiled and not run.
struct __half {
    unsigned short bits;
};

inline float __half2float(__half) { return NAN; }
inline __half __float2half_rn(float) { return {}; }
