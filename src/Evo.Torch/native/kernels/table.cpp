// Which set of kernels this process uses: decided once, at the first call.

#include "table.h"

#include <cstdlib>
#include <cstring>

namespace evo::kernels {

namespace baseline {
extern const KernelTable kTable;
}

#if defined(__x86_64__)
namespace avx2 {
extern const KernelTable kTable;
}
namespace avx512 {
extern const KernelTable kTable;
}
#endif

static const KernelTable& choose() {
#if defined(__x86_64__)
  const char* asked = std::getenv("EVO_KERNEL_ISA");
  const auto allowed = [&](const char* name) { return !asked || std::strcmp(asked, name) == 0; };
  __builtin_cpu_init();
  if (allowed("avx512") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
    return avx512::kTable;
  if ((allowed("avx2") || allowed("avx512")) && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi2"))
    return avx2::kTable;
#endif
  return baseline::kTable;
}

const KernelTable& table() {
  static const KernelTable& chosen = choose();
  return chosen;
}

}  // namespace evo::kernels
