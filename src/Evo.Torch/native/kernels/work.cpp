// Counts the operations that matrix products and attention were asked for: what formulas of models are held against.

#include <atomic>

#include "operators.h"

namespace evo::kernels {
namespace {

std::atomic<int64_t> counted[2];
thread_local int64_t here = 0;

}  // namespace

void count(Work work, int64_t operations) {
  counted[static_cast<int>(work)].fetch_add(operations, std::memory_order_relaxed);
  count_here(operations);
}

void count_here(int64_t operations) { here += operations; }

int64_t counted_here() { return here; }

}  // namespace evo::kernels

EVO_API int64_t evo_counted_operations(int32_t work) {
  return evo::kernels::counted[work == 0 ? 0 : 1].load(std::memory_order_relaxed);
}
