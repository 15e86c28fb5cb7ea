// What stands around every call of oneDNN's sgemm.
#pragma once

#include <ATen/Parallel.h>
#include <signal.h>

#include <atomic>

namespace evo::kernels {

inline void block_signals(sigset_t* before) {
  sigset_t asynchronous;
  sigfillset(&asynchronous);
  for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) sigdelset(&asynchronous, fault);
  pthread_sigmask(SIG_BLOCK, &asynchronous, before);
}

// A thread that helps to multiply takes no signals from here on. OpenMP ends those that a smaller team does without, and the next
// larger team has new ones: so their ends are counted.
class MultiplyingThread {
 public:
  static void become_one() {
    block_signals(nullptr);
    thread_local const MultiplyingThread here;
  }
  ~MultiplyingThread() { ended.fetch_add(1, std::memory_order_relaxed); }

  static inline std::atomic<int64_t> ended{0};
};

// oneDNN's kernels put the stack pointer into memory of the heap, with no room below: the frame of a signal (SIGTERM, SIGCHLD) that comes
// to the thread meanwhile would be written over what lies there. So signals of the process wait, or go to a thread that does not
// multiply. Half a microsecond a product on a Zen 4: 7 % of 64 x 64 x 64 on one core, 0.1 % of 256 x 512 x 512 on two.
class Undisturbed {
 public:
  Undisturbed() {
    block_signals(&before_);
    thread_local int helpers = 0;
    thread_local int64_t ended = 0;
    const int threads = at::get_num_threads();
    const int64_t ended_by_now = MultiplyingThread::ended.load(std::memory_order_relaxed);
    if ((threads <= helpers && ended == ended_by_now) || at::in_parallel_region()) return;
    at::parallel_for(0, threads, 1, [](int64_t, int64_t) { MultiplyingThread::become_one(); });
    helpers = threads;
    ended = ended_by_now;
  }
  ~Undisturbed() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Undisturbed(const Undisturbed&) = delete;
  Undisturbed& operator=(const Undisturbed&) = delete;

 private:
  sigset_t before_;
};

}  // namespace evo::kernels
