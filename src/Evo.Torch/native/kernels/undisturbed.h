// What stands around every call of oneDNN's sgemm.
#pragma once

#include <ATen/Parallel.h>
#include <signal.h>

namespace evo::kernels {

inline void block_signals(sigset_t* before) {
  sigset_t asynchronous;
  sigfillset(&asynchronous);
  for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) sigdelset(&asynchronous, fault);
  pthread_sigmask(SIG_BLOCK, &asynchronous, before);
}

// oneDNN's kernels put the stack pointer into memory of the heap, with no room below: the frame of a signal (SIGTERM, SIGCHLD) that comes
// to the thread meanwhile would be written over what lies there. So signals of the process wait, or go to a thread that does not
// multiply. OpenMP's helpers are told in each product, and take none from then on: a smaller team ends some of them, and the next larger
// one has new ones, of which nobody hears. Those that begin within the product have the mask of this thread. It costs less than a
// microsecond on two cores of a Zen 5, half of it to tell the helpers.
class Undisturbed {
 public:
  Undisturbed() {
    block_signals(&before_);
    const int threads = at::get_num_threads();
    if (threads == 1 || at::in_parallel_region()) return;
    at::parallel_for(0, threads, 1, [](int64_t, int64_t) {
      thread_local const bool told = (block_signals(nullptr), true);
      (void)told;
    });
  }
  ~Undisturbed() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Undisturbed(const Undisturbed&) = delete;
  Undisturbed& operator=(const Undisturbed&) = delete;

 private:
  sigset_t before_;
};

}  // namespace evo::kernels
