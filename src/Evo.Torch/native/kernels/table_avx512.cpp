// The kernels for AVX-512 (Skylake-X, Zen 4 and later).

#if defined(__x86_64__)

#include "table.h"

#include <immintrin.h>

// Headers stand before the pragmas, so that no function of theirs is compiled for this target only.
#pragma GCC optimize("O3", "no-math-errno", "no-trapping-math")
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,bmi2")
#pragma GCC diagnostic ignored "-Wpsabi"

#define EVO_KERNELS avx512
#define EVO_KERNELS_NAME "avx512"
#define EVO_VECTOR_BYTES 64
#define EVO_TILE_VECTORS 4

#include "body.inc"

#endif
