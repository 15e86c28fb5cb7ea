// How float32 matrices are multiplied: by oneDNN's sgemm, which libtorch carries along but does not use for them on x86, or by
// libtorch's BLAS, divided over the threads by them or by us. No way is the fastest at all shapes (bench/operators), so a table says it,
// which was measured on the machine before; without a table oneDNN is taken, and divides. Nothing is measured while a model computes: the
// bits of a step depend on the table only.

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <iterator>
#include <memory>
#include <mutex>
#include <vector>

#include "operators.h"

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

// As Evo.Core's ProductWay and ProductTable have them.
constexpr ProductWay kWays[] = {{false, 0, false}, kLibtorch, {false, 1, true}, {false, 1, false}, {false, 2, true}, {true, 1, true}};
constexpr int kForms = 3, kOctaves = 16;

struct Table {
  std::array<uint8_t, kForms * kOctaves * kOctaves * kOctaves> nearest;
  std::vector<std::array<int64_t, 5>> known;  // form, rows, columns, inner size, way: in order

  bool operator==(const Table& other) const { return nearest == other.nearest && known == other.known; }
};

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

template <class F>
double seconds_of(F act) {
  const auto began = std::chrono::steady_clock::now();
  act();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

}  // namespace

Sgemm sgemm() {
  static const Sgemm found = find_sgemm();
  return found;
}

ProductWay way_of(bool transpose_a, bool transpose_b, int64_t M, int64_t N, int64_t K) {
  const Table* chosen = in_use.load(std::memory_order_acquire);
  if (!chosen) return kWays[0];
  const int64_t form = form_of(transpose_a, transpose_b);
  const std::array<int64_t, 5> shape = {form, M, N, K, 0};
  const auto found = std::lower_bound(chosen->known.begin(), chosen->known.end(), shape);
  if (found != chosen->known.end() && std::equal(shape.begin(), shape.end() - 1, found->begin())) return kWays[(*found)[4]];
  return kWays[chosen->nearest[((form * kOctaves + octave(M)) * kOctaves + octave(N)) * kOctaves + octave(K)]];
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

// A byte for each form and octave of rows, columns and inner size: the way's place in kWays. Null: the first everywhere. Then shapes that
// have a way of their own: form, rows, columns, inner size and way of each.
EVO_API int32_t evo_products_choose(const uint8_t* choices, const int64_t* known, int32_t count) {
  return evo::guarded([&] {
    if (!choices) {
      in_use.store(nullptr, std::memory_order_release);
      return;
    }
    auto made = std::make_unique<Table>();
    std::copy_n(choices, made->nearest.size(), made->nearest.begin());
    made->known.resize(count);
    for (auto& shape : made->known) {
      std::copy_n(known, 5, shape.begin());
      known += 5;
    }
    std::sort(made->known.begin(), made->known.end());
    const auto is_way = [](int64_t way) { return way >= 0 && way < static_cast<int64_t>(std::size(kWays)); };
    TORCH_CHECK(
        std::all_of(made->nearest.begin(), made->nearest.end(), is_way) &&
            std::all_of(made->known.begin(), made->known.end(), [&](const auto& shape) { return is_way(shape[4]); }),
        "a table of products has a way that there is not");
    std::lock_guard<std::mutex> lock(gate);
    auto same = std::find_if(tables.begin(), tables.end(), [&](const auto& table) { return *table == *made; });
    if (same == tables.end()) same = tables.insert(tables.end(), std::move(made));
    in_use.store(same->get(), std::memory_order_release);
  });
}

// The least seconds of a product in each way; they take turns. What one thread does not divide is measured once.
EVO_API int32_t evo_product_times(int32_t form, int64_t M, int64_t N, int64_t K, double* seconds, int32_t ways) {
  return evo::guarded([&] {
    TORCH_CHECK(sgemm(), "there is no oneDNN to choose");
    TORCH_CHECK(ways == std::size(kWays), "there are ", std::size(kWays), " ways to multiply, not ", ways);
    const bool ta = form == 2, tb = form == 0;
    const at::Tensor a = at::ones(ta ? at::IntArrayRef{K, M} : at::IntArrayRef{M, K}), b = at::ones(tb ? at::IntArrayRef{N, K} : at::IntArrayRef{K, N});
    const at::Tensor c = at::empty({M, N});
    const bool divides = at::get_num_threads() > 1;
    for (int turn = -1; turn < 4; turn++)
      for (int way = 0; way < ways; way++) {
        if (kWays[way].pieces > 0 && !divides) continue;
        const double taken = seconds_of([&] { multiply_by(kWays[way], a, ta, b, tb, c, false); });
        seconds[way] = turn <= 0 ? taken : std::min(seconds[way], taken);
      }
    for (int way = 0; way < ways; way++)
      if (kWays[way].pieces > 0 && !divides) seconds[way] = seconds[kWays[way].blas ? 1 : 0];
  });
}
