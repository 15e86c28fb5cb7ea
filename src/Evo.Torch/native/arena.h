// One range of addresses from which the large tensors of the process are taken, on processors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <unordered_map>

namespace evo {

// A training step asks for the same large blocks in the same order again and again. Each goes to the lowest place that is free, and
// what lies free side by side is one place: so blocks whose lifetimes do not overlap share memory, and the range in use is hardly
// longer than the most that is alive at one time. malloc's heap is, since small blocks stay behind between large ones.
// What was in use once stays with the process, for the next step. Safe for calls from any thread.
class Arena {
public:
    // Reserves addresses, but no memory. Where the process may not reserve so many, every block is refused.
    explicit Arena(std::size_t reserved);
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    // A block on a cache line's border, or null: no room, or no memory.
    void* take(std::size_t bytes);

    // Whether an address lies in the range.
    bool owns(const void* block) const {
        auto at = reinterpret_cast<std::uintptr_t>(block);
        return at >= begin && at < end;
    }

    // The bytes of a block.
    std::size_t size(const void* block) const;

    void give_back(void* block);

    // The bytes up to the end of the highest block that there ever was: what the blocks took of the machine's memory.
    std::size_t extent() const;

private:
    bool writable(std::uintptr_t until);

    std::uintptr_t begin = 0, end = 0;
    std::uintptr_t committed = 0;  // up to here it may be written
    std::uintptr_t highest = 0;
    std::map<std::uintptr_t, std::size_t> places;  // that are free: no two of them touch
    std::unordered_map<std::uintptr_t, std::size_t> blocks;
    mutable std::mutex gate;
};

}  // namespace evo
