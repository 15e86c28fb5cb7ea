// Which library multiplies float32 matrices: oneDNN's sgemm, which libtorch carries along but does not use for them on x86, or
// libtorch's BLAS. Neither is the faster at all shapes (bench/operators), so a table says it, which was measured on the machine
// before; without a table oneDNN is taken. Nothing is measured while a model computes: the bits of a step depend on the table only.

#include <dlfcn.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <vector>

#include "operators.h"
#include "undisturbed.h"

namespace evo::kernels {
namespace {

void* find_in_onednn(const char* symbol) {
  // Found in the process, not linked: a libtorch that hides its oneDNN, or has none, still loads this library.
  if (auto* found = dlsym(RTLD_DEFAULT, symbol)) return found;
  // .NET loads libraries with local scope, so the one that libtorch depends on is asked by name.
  for (const char* name : {"libdnnl.so.2", "libdnnl.so.3"})
    if (auto* library = dlopen(name, RTLD_NOW | RTLD_NOLOAD))
      if (auto* found = dlsym(library, symbol)) return found;
  return nullptr;
}

Sgemm find_sgemm() {
#if !defined(__x86_64__)
  return nullptr;  // elsewhere oneDNN's own product is a plain loop
#endif
  const char* asked = std::getenv("EVO_MATMUL");
  if (asked && std::strcmp(asked, "blas") == 0) return nullptr;
  return reinterpret_cast<Sgemm>(find_in_onednn("dnnl_sgemm"));
}

constexpr int kForms = 3, kOctaves = 16;  // as Evo.Core's ProductTable has them
using Table = std::array<uint8_t, kForms * kOctaves * kOctaves * kOctaves>;

std::atomic<const Table*> in_use{nullptr};
std::mutex gate;
std::vector<std::unique_ptr<const Table>> tables;  // a product under way may still read an older one

// The exponent of the nearest power of two.
int octave(int64_t size) {
  int exponent = 0;
  while (exponent < 31 && (size >> (exponent + 1)) != 0) exponent++;
  if (exponent < 31 && size * size >= (int64_t{1} << (2 * exponent + 1))) exponent++;
  return std::min(exponent, kOctaves - 1);
}

int form_of(bool transpose_a, bool transpose_b) { return transpose_a ? 2 : transpose_b ? 0 : 1; }

double seconds_of(const std::function<void()>& act) {
  const auto began = std::chrono::steady_clock::now();
  act();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

}  // namespace

Sgemm sgemm() {
  static const Sgemm found = find_sgemm();
  return found;
}

bool takes_blas(bool transpose_a, bool transpose_b, int64_t M, int64_t N, int64_t K) {
  const Table* chosen = in_use.load(std::memory_order_acquire);
  if (!chosen) return false;
  const int at = ((form_of(transpose_a, transpose_b) * kOctaves + octave(M)) * kOctaves + octave(N)) * kOctaves + octave(K);
  return (*chosen)[at] != 0;
}

}  // namespace evo::kernels

using namespace evo::kernels;

// Whether there is anything to choose.
EVO_API int32_t evo_products_have_choice() { return sgemm() != nullptr; }

// "2.6.0", or "" where there is no oneDNN.
EVO_API const char* evo_onednn_version() {
  static const std::string version = [] {
    struct Version {
      int major, minor, patch;
    };
    using Getter = const Version* (*)();
    const auto getter = reinterpret_cast<Getter>(find_in_onednn("dnnl_version"));
    if (!getter) return std::string();
    const Version* v = getter();
    return std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
  }();
  return version.c_str();
}

// A byte for each form and octave of rows, columns and inner size: 1 where the BLAS is taken. Null: oneDNN everywhere.
EVO_API int32_t evo_products_choose(const uint8_t* choices) {
  return evo::guarded([&] {
    if (!choices) {
      in_use.store(nullptr, std::memory_order_release);
      return;
    }
    std::lock_guard<std::mutex> lock(gate);
    for (const auto& known : tables)
      if (std::memcmp(known->data(), choices, known->size()) == 0) {
        in_use.store(known.get(), std::memory_order_release);
        return;
      }
    auto made = std::make_unique<Table>();
    std::copy_n(choices, made->size(), made->begin());
    in_use.store(made.get(), std::memory_order_release);
    tables.push_back(std::move(made));
  });
}

// The least seconds of a product in each library, which take turns.
EVO_API int32_t evo_product_times(int32_t form, int64_t M, int64_t N, int64_t K, double* blas, double* onednn) {
  return evo::guarded([&] {
    TORCH_CHECK(sgemm(), "there is no oneDNN to choose");
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    const bool ta = form == 2, tb = form == 0;
    at::Tensor a = at::ones(ta ? at::IntArrayRef{K, M} : at::IntArrayRef{M, K}), b = at::ones(tb ? at::IntArrayRef{N, K} : at::IntArrayRef{K, N});
    at::Tensor c = at::empty({M, N});
    const std::function<void()> by_blas = [&] { at::mm_out(c, ta ? a.t() : a, tb ? b.t() : b); };
    const std::function<void()> by_onednn = [&] {
      const Undisturbed now;
      TORCH_CHECK(
          sgemm()(
              ta ? 'T' : 'N', tb ? 'T' : 'N', M, N, K, 1.0f, a.data_ptr<float>(), a.size(1), b.data_ptr<float>(), b.size(1), 0.0f,
              c.data_ptr<float>(), N) == 0,
          "dnnl_sgemm refuses ", M, " x ", N, " x ", K);
    };
    by_blas();
    by_onednn();
    *blas = *onednn = std::numeric_limits<double>::infinity();
    for (int turn = 0; turn < 4; turn++) {
      *blas = std::min(*blas, seconds_of(by_blas));
      *onednn = std::min(*onednn, seconds_of(by_onednn));
    }
  });
}
