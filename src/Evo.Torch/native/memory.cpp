// Counts the bytes that libtorch takes for tensors on the processor.
#include "evo_torch.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include <malloc.h>

#include <atomic>
#include <cstring>

namespace {

std::atomic<int64_t> current{0};
std::atomic<int64_t> peak{0};

void taken(int64_t bytes) {
    auto now = current.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    auto highest = peak.load(std::memory_order_relaxed);
    while (now > highest && !peak.compare_exchange_weak(highest, now, std::memory_order_relaxed)) {
    }
}

// The size is asked of malloc itself, so that nothing has to be stored beside the block.
void give_back(void* block) {
    if (block != nullptr) {
        current.fetch_sub(static_cast<int64_t>(malloc_usable_size(block)), std::memory_order_relaxed);
        c10::free_cpu(block);
    }
}

// Versions differ in whether allocate is const and whether copy_data exists: each declares what it needs, and the
// other member is a plain one.
struct CountingAllocator final : c10::Allocator {
    at::DataPtr allocate(size_t bytes) { return take(bytes); }
    at::DataPtr allocate(size_t bytes) const { return take(bytes); }
    void copy_data(void* target, const void* source, std::size_t count) const { std::memcpy(target, source, count); }
    at::DeleterFnPtr raw_deleter() const override { return &give_back; }

private:
    static at::DataPtr take(size_t bytes) {
        auto block = c10::alloc_cpu(bytes);
        if (block != nullptr) {
            taken(static_cast<int64_t>(malloc_usable_size(block)));
        }
        return {block, block, &give_back, at::Device(at::kCPU)};
    }
};

CountingAllocator allocator;

// Before the first tensor: the library is initialized when it is loaded.
__attribute__((constructor)) void install() { c10::SetCPUAllocator(&allocator, /*priority=*/1); }

}  // namespace

EVO_API int64_t evo_memory_current() { return current.load(std::memory_order_relaxed); }

EVO_API int64_t evo_memory_peak() { return peak.load(std::memory_order_relaxed); }

EVO_API void evo_memory_reset_peak() { peak.store(current.load(std::memory_order_relaxed), std::memory_order_relaxed); }
