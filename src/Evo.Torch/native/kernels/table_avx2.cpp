// The kernels for AVX2 and FMA.

#if defined(__x86_64__)

#include "table.h"

#include <immintrin.h>

// Headers stand before the pragmas, so that no function of theirs is compiled for this target only.
#pragma GCC optimize("O3", "no-math-errno", "no-trapping-math")
#pragma GCC target("avx2,fma,f16c,bmi2")
#pragma GCC diagnostic ignored "-Wpsabi"

#define EVO_KERNELS avx2
#define EVO_KERNELS_NAME "avx2"
#define EVO_VECTOR_BYTES 32
#define EVO_TILE_VECTORS 2

#include "body.inc"

#endif
