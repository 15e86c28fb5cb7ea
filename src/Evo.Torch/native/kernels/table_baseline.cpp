// The kernels for any processor that the compiler knows: 16-byte vectors (SSE2, NEON).

#include "table.h"

// Headers stand before the pragmas, so that no function of theirs is compiled for this target only.
#pragma GCC optimize("O3", "no-math-errno", "no-trapping-math")
#pragma GCC diagnostic ignored "-Wpsabi"

#define EVO_KERNELS baseline
#define EVO_KERNELS_NAME "baseline"
#define EVO_VECTOR_BYTES 16
#define EVO_TILE_VECTORS 2

#include "body.inc"
