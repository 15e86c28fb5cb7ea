// evo::join_halves and evo::part_halves_: float32 numbers, and their halves.

#include "halves.h"
#include "operators.h"

namespace evo::kernels {
namespace {

using at::Tensor;

constexpr int64_t kPart = int64_t{1} << 24;  // numbers that a GPU takes at a time, with whole numbers of 4 bytes in between

void check(const Tensor& high, const Tensor& rest, const char* name) {
  TORCH_CHECK(
      high.scalar_type() == at::kBFloat16 && rest.scalar_type() == at::kShort && high.sizes() == rest.sizes() && high.is_contiguous() &&
          rest.is_contiguous() && high.device() == rest.device(),
      name, ": high ", high.scalar_type(), " ", high.sizes(), " and rest ", rest.scalar_type(), " ", rest.sizes(),
      " are no halves: bfloat16 and int16, alike and without gaps");
}

template <class F>
void each_part(int64_t count, F f) {
  for (int64_t start = 0; start < count; start += kPart) f(start, std::min(kPart, count - start));
}

Tensor join_halves(const Tensor& high, const Tensor& rest) {
  check(high, rest, "evo::join_halves");
  Tensor whole = at::empty(high.sizes(), high.options().dtype(at::kFloat));
  if (whole.is_cpu()) {
    const auto* h = pointer<std::uint16_t>(high);
    const auto* r = pointer<std::int16_t>(rest);
    float* to = pointer<float>(whole);
    at::parallel_for(0, whole.numel(), kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) to[i] = joined(h[i], r[i]);
    });
    return whole;
  }
  const Tensor bits = whole.view(-1).view(at::kInt), h = high.view(-1).view(at::kShort), r = rest.view(-1);
  each_part(whole.numel(), [&](int64_t start, int64_t count) {
    bits.narrow(0, start, count).copy_(h.narrow(0, start, count)).mul_(65536).add_(r.narrow(0, start, count));
  });
  return whole;
}

void part_halves(const Tensor& high, const Tensor& rest, const Tensor& from) {
  check(high, rest, "evo::part_halves_");
  TORCH_CHECK(
      from.scalar_type() == at::kFloat && from.sizes() == high.sizes() && from.device() == high.device(), "evo::part_halves_: ",
      from.scalar_type(), " ", from.sizes(), " for halves ", high.sizes(), ": float32 of one shape");
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  const Tensor whole = from.contiguous();
  if (whole.is_cpu()) {
    auto* h = pointer<std::uint16_t>(high);
    auto* r = pointer<std::int16_t>(rest);
    const float* x = pointer<float>(whole);
    at::parallel_for(0, whole.numel(), kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) part(x[i], h[i], r[i]);
    });
  } else {
    const Tensor numbers = whole.view(-1), h = high.view(-1).view(at::kShort), r = rest.view(-1);
    each_part(whole.numel(), [&](int64_t start, int64_t count) {
      const Tensor x = numbers.narrow(0, start, count);
      const Tensor bits = x.view(at::kInt).masked_fill(x.isnan(), 0x7fc00000);
      const Tensor upper = at::bitwise_right_shift(bits + 0x8000, 16);
      h.narrow(0, start, count).copy_(upper);
      r.narrow(0, start, count).copy_(bits - upper * 65536);
    });
  }
  for (const Tensor* written : {&high, &rest})
    if (!written->is_inference()) written->unsafeGetTensorImpl()->bump_version();
}

TORCH_LIBRARY_FRAGMENT(evo, m) {
  m.def("join_halves(Tensor high, Tensor rest) -> Tensor", join_halves);
  m.def("part_halves_(Tensor(a!) high, Tensor(b!) rest, Tensor whole) -> ()", part_halves);
}

}  // namespace
}  // namespace evo::kernels
