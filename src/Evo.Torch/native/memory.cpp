// Where libtorch's tensors on the processor lie, and how many bytes they take.
#include "arena.h"
#include "evo_torch.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

namespace {

constexpr std::size_t kLarge = std::size_t{64} << 10;  // from here on blocks are the arena's

std::atomic<int64_t> current{0};
std::atomic<int64_t> peak{0};

// Four times the memory that there is: places between blocks take addresses too. Never taken down: the last tensors are freed after all else.
evo::Arena& arena() {
    static auto* only = [] {
        const char* asked = std::getenv("EVO_ARENA");
        auto off = asked != nullptr && std::strcmp(asked, "off") == 0;
        auto memory = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        return new evo::Arena(off ? 0 : 4 * memory);
    }();
    return *only;
}

void taken(int64_t bytes) {
    auto now = current.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    auto highest = peak.load(std::memory_order_relaxed);
    while (now > highest && !peak.compare_exchange_weak(highest, now, std::memory_order_relaxed)) {
    }
}

// The size is asked of what the block is from, so that nothing has to be stored beside it.
int64_t size_of(void* block) {
    return static_cast<int64_t>(arena().owns(block) ? arena().size(block) : malloc_usable_size(block));
}

void* take(std::size_t bytes) {
    auto* block = bytes >= kLarge ? arena().take(bytes) : nullptr;
    return block != nullptr ? block : c10::alloc_cpu(bytes);
}

void give_back(void* block) {
    if (block == nullptr) {
        return;
    }
    current.fetch_sub(size_of(block), std::memory_order_relaxed);
    if (arena().owns(block)) {
        arena().give_back(block);
    } else {
        c10::free_cpu(block);
    }
}

// Versions differ in whether allocate is const and whether copy_data exists: each declares what it needs, and the
// other member is a plain one.
struct ArenaAllocator final : c10::Allocator {
    at::DataPtr allocate(size_t bytes) { return counted(bytes); }
    at::DataPtr allocate(size_t bytes) const { return counted(bytes); }
    void copy_data(void* target, const void* source, std::size_t count) const { std::memcpy(target, source, count); }
    at::DeleterFnPtr raw_deleter() const override { return &give_back; }

private:
    static at::DataPtr counted(size_t bytes) {
        auto* block = take(bytes);
        if (block != nullptr) {
            taken(size_of(block));
        }
        return {block, block, &give_back, at::Device(at::kCPU)};
    }
};

ArenaAllocator allocator;

// Before the first tensor: the library is initialized when it is loaded.
__attribute__((constructor)) void install() { c10::SetCPUAllocator(&allocator, /*priority=*/1); }

}  // namespace

EVO_API int64_t evo_memory_current() { return current.load(std::memory_order_relaxed); }

EVO_API int64_t evo_memory_peak() { return peak.load(std::memory_order_relaxed); }

EVO_API void evo_memory_reset_peak() { peak.store(current.load(std::memory_order_relaxed), std::memory_order_relaxed); }

// Bytes of the machine's memory that large tensors have taken, all that were alive at one time and the places between them.
EVO_API int64_t evo_memory_extent() { return static_cast<int64_t>(arena().extent()); }
