#include "arena.h"

#include <sys/mman.h>

#include <algorithm>

namespace evo {

namespace {

constexpr std::size_t kLine = 64;
// Kept free behind a block: else blocks of equal powers of two would all begin at the same place of a page, where a load waits for
// stores to the others.
constexpr std::size_t kApart = 2 * kLine;
constexpr std::size_t kCommitted = std::size_t{64} << 20;  // the step by which more may be written

}  // namespace

Arena::Arena(std::size_t reserved) {
    reserved = reserved / kCommitted * kCommitted;
    // Without permissions it does not count against what the kernel has promised to processes.
    auto* range = reserved == 0 ? MAP_FAILED : mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) {
        return;
    }
    begin = committed = highest = reinterpret_cast<std::uintptr_t>(range);
    end = begin + reserved;
    places.emplace(begin, reserved);
}

bool Arena::writable(std::uintptr_t until) {
    if (until <= committed) {
        return true;
    }
    auto bytes = std::min((until - committed + kCommitted - 1) / kCommitted * kCommitted, end - committed);
    if (mprotect(reinterpret_cast<void*>(committed), bytes, PROT_READ | PROT_WRITE) != 0) {
        return false;
    }
    committed += bytes;
    return true;
}

void* Arena::take(std::size_t bytes) {
    if (bytes > end - begin) {
        return nullptr;
    }
    bytes = (bytes + kLine - 1) / kLine * kLine + kApart;
    std::lock_guard<std::mutex> lock(gate);
    auto place = std::find_if(places.begin(), places.end(), [&](const auto& one) { return one.second >= bytes; });
    if (place == places.end() || !writable(place->first + bytes)) {
        return nullptr;
    }
    auto [at, room] = *place;
    places.erase(place);
    if (room > bytes) {
        places.emplace(at + bytes, room - bytes);
    }
    blocks.emplace(at, bytes);
    highest = std::max(highest, at + bytes);
    return reinterpret_cast<void*>(at);
}

std::size_t Arena::size(const void* block) const {
    std::lock_guard<std::mutex> lock(gate);
    return blocks.at(reinterpret_cast<std::uintptr_t>(block)) - kApart;
}

void Arena::give_back(void* block) {
    auto at = reinterpret_cast<std::uintptr_t>(block);
    std::lock_guard<std::mutex> lock(gate);
    auto known = blocks.find(at);
    auto bytes = known->second;
    blocks.erase(known);
    auto next = places.lower_bound(at);
    if (next != places.end() && next->first == at + bytes) {
        bytes += next->second;
        next = places.erase(next);
    }
    if (next != places.begin()) {
        auto before = std::prev(next);
        if (before->first + before->second == at) {
            before->second += bytes;
            return;
        }
    }
    places.emplace(at, bytes);
}

std::size_t Arena::extent() const {
    std::lock_guard<std::mutex> lock(gate);
    return highest - begin;
}

}  // namespace evo
