// Sums of gradients that nothing was added to yet. What comes first is written: nobody clears the memory before, and no product reads it.

#include <map>
#include <mutex>

#include "operators.h"

namespace evo::kernels {
namespace {

using at::Tensor;

// Those whose memory says nothing, by where they begin.
class Unwritten {
 public:
  void add(const Tensor& sum) {
    const std::lock_guard<std::mutex> guard(lock);
    sums.insert_or_assign(static_cast<const char*>(sum.data_ptr()), sum);
  }

  // Those that begin in the memory of a tensor without gaps; from now on they are like others.
  std::vector<Tensor> take(const Tensor& range) {
    const char* begin = static_cast<const char*>(range.data_ptr());
    const std::lock_guard<std::mutex> guard(lock);
    std::vector<Tensor> taken;
    const auto first = sums.lower_bound(begin), last = sums.lower_bound(begin + range.nbytes());
    for (auto at = first; at != last; ++at) taken.push_back(at->second);
    sums.erase(first, last);
    return taken;
  }

  static Unwritten& of_all_ranks() {
    static Unwritten& all = *new Unwritten;  // not destroyed when the process ends: a GPU's memory may be gone by then
    return all;
  }

 private:
  std::mutex lock;
  std::map<const char*, Tensor, std::less<>> sums;
};

void leave_unwritten(const Tensor& sum) {
  TORCH_CHECK(sum.is_contiguous(), "evo::leave_unwritten: a sum without gaps is left unwritten, got strides ", sum.strides());
  if (sum.numel() > 0) Unwritten::of_all_ranks().add(sum);
}

}  // namespace

void complete(const Tensor& sums) {
  for (Tensor& sum : Unwritten::of_all_ranks().take(sums)) sum.zero_();
}

bool is_first(const Tensor& sum) {
  auto taken = Unwritten::of_all_ranks().take(sum);
  int64_t count = 0;
  for (const Tensor& part : taken) count += part.numel();
  if (count > 0 && count == sum.numel()) return true;
  for (Tensor& part : taken) part.zero_();
  return false;
}

TORCH_LIBRARY_FRAGMENT(evo, m) {
  m.def("leave_unwritten(Tensor sum) -> ()", leave_unwritten);
  m.def("complete_(Tensor(a!) sums) -> ()", [](const Tensor& sums) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    complete(sums);
  });
}

}  // namespace evo::kernels
