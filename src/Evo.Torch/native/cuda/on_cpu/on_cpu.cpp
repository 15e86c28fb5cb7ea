// The threads of a block as fibers of one thread.

#include <ucontext.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <vector>

#include "cuda_runtime.h"

dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace evo::on_cpu {
namespace {

constexpr unsigned kLanes = 32;
constexpr std::size_t kStack = 64 << 10;

// Threads that wait for one another. One that has ended waits for nobody, and nobody for it.
struct Group {
    unsigned members = 0, here = 0;
    uint64_t round = 0;

    bool open() {
        if (here < members) return false;
        here = 0;
        round++;
        return true;
    }
};

struct Warp {
    Group group;
    uint64_t given[kLanes];
};

struct Fiber {
    ucontext_t context;
    dim3 place;
    unsigned number = 0;
    bool ended = false;
    std::unique_ptr<char[]> stack;
};

// The block that runs, one at a time in the process.
struct Block {
    std::mutex one;
    std::vector<Fiber> fibers;
    std::vector<Warp> warps;
    Group all;
    std::vector<char> chip;
    const std::function<void()>* call = nullptr;
    ucontext_t scheduler;
    Fiber* running = nullptr;
    uint64_t steps = 0;  // that some thread got further

    Warp& warp() { return warps[running->number / kLanes]; }

    void wait(Group& group) {
        const uint64_t round = group.round;
        group.here++;
        if (group.open()) {
            steps++;
            return;
        }
        while (group.round == round) swapcontext(&running->context, &scheduler);
        steps++;
    }

    void end() {
        running->ended = true;
        steps++;
        for (Group* group : {&all, &warp().group}) {
            group->members--;
            if (group->here > 0) group->open();
        }
    }
};

Block& block() {
    static Block& only = *new Block;
    return only;
}

void begin() {
    Block& b = block();
    (*b.call)();
    b.end();
    setcontext(&b.scheduler);
}

void run_block(Block& b, const dim3& threads) {
    const unsigned count = threads.x * threads.y * threads.z;
    while (b.fibers.size() < count) b.fibers.emplace_back();
    b.warps.assign((count + kLanes - 1) / kLanes, Warp{});
    b.all = Group{count};
    for (unsigned i = 0; i < count; i++) {
        Fiber& fiber = b.fibers[i];
        if (!fiber.stack) fiber.stack.reset(new char[kStack]);
        fiber.number = i;
        fiber.ended = false;
        fiber.place = dim3(i % threads.x, i / threads.x % threads.y, i / threads.x / threads.y);
        b.warps[i / kLanes].group.members++;
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.get();
        fiber.context.uc_stack.ss_size = kStack;
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, begin, 0);
    }
    for (unsigned left = count; left > 0;) {
        const uint64_t before = b.steps;
        left = 0;
        for (unsigned i = 0; i < count; i++) {
            if (b.fibers[i].ended) continue;
            b.running = &b.fibers[i];
            threadIdx = b.running->place;
            swapcontext(&b.scheduler, &b.running->context);
            left += !b.running->ended;
        }
        if (left > 0 && b.steps == before) {
            std::fprintf(stderr, "a kernel's threads wait for others of their block that do not come\n");
            std::abort();
        }
    }
}

}  // namespace

void run(const dim3& blocks, const dim3& threads, std::size_t bytes, const std::function<void()>& call) {
    Block& b = block();
    const std::lock_guard<std::mutex> guard(b.one);
    if (threads.x * threads.y * threads.z > 1024 || bytes > kOnChip) {
        std::fprintf(stderr, "a launch asks for more threads or bytes than a block has\n");
        std::abort();
    }
    b.call = &call;
    b.chip.assign(bytes + 64, '\x7f');
    blockDim = threads;
    gridDim = blocks;
    for (unsigned z = 0; z < blocks.z; z++)
        for (unsigned y = 0; y < blocks.y; y++)
            for (unsigned x = 0; x < blocks.x; x++) {
                blockIdx = dim3(x, y, z);
                run_block(b, threads);
            }
}

void* on_chip() {
    const auto at = reinterpret_cast<std::uintptr_t>(block().chip.data());
    return reinterpret_cast<void*>((at + 63) / 64 * 64);
}

void wait_for_block() { block().wait(block().all); }

unsigned lane() { return block().running->number % kLanes; }

std::uint64_t exchanged(std::uint64_t mine, unsigned lane) {
    Block& b = block();
    b.warp().given[on_cpu::lane()] = mine;
    b.wait(b.warp().group);
    const std::uint64_t theirs = b.warp().given[lane];
    b.wait(b.warp().group);  // all have taken theirs
    return theirs;
}

}  // namespace evo::on_cpu

// What cuda/stream.cpp has for a GPU.
void* evo_cuda_stream(int) { return nullptr; }
int evo_cuda_generation(int) { return 0; }
