// Float32 products of linear maps by oneDNN's sgemm and the BLAS, which evo::linear chooses from, and by oneDNN's matmul on weights that were
// packed before: once and kept, or in every call. In processor time of one thread, which other processes disturb least.

#include <oneapi/dnnl/dnnl.hpp>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

extern "C" void cblas_sgemm(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*, int);

namespace {

using namespace dnnl;
constexpr auto f32 = memory::data_type::f32;
constexpr int kRowMajor = 101, kPlain = 111, kTransposed = 112;

double now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

template <class F>
double least_seconds(int turns, F product) {
  product();
  double least = 1e9;
  for (int turn = 0; turn < turns; turn++) {
    const double began = now();
    product();
    least = std::min(least, now() - began);
  }
  return least;
}

#if DNNL_VERSION_MAJOR >= 3
matmul::primitive_desc described(const engine& cpu, const memory::desc& a, const memory::desc& b, const memory::desc& c) {
  return matmul::primitive_desc(cpu, a, b, c);
}
#else
matmul::primitive_desc described(const engine& cpu, const memory::desc& a, const memory::desc& b, const memory::desc& c) {
  return matmul::primitive_desc(matmul::desc(a, b, c), cpu);
}
#endif

// y = x Wᵀ (forward) or dx = dy W: M x N, inner size K.
void measure(bool forward, int M, int N, int K) {
  const engine cpu(engine::kind::cpu, 0);
  stream order(cpu);
  std::vector<float> a(static_cast<std::size_t>(M) * K, 1), b(static_cast<std::size_t>(K) * N, 1), c(static_cast<std::size_t>(M) * N);
  const auto plain = [&](int rows, int columns) { return memory::desc({rows, columns}, f32, memory::format_tag::ab); };
  const memory::desc weights({K, N}, f32, forward ? memory::format_tag::ba : memory::format_tag::ab);
  const auto wanted = described(cpu, plain(M, K), memory::desc({K, N}, f32, memory::format_tag::any), plain(M, N));
  matmul product(wanted);
  memory left(plain(M, K), cpu, a.data()), right(weights, cpu, b.data()), result(plain(M, N), cpu, c.data()), packed(wanted.weights_desc(), cpu);
  reorder packing(right, packed);

  const int turns = std::clamp(static_cast<int>(1e9 / M / N / K), 5, 60);
  const double pack = least_seconds(turns, [&] { packing.execute(order, right, packed), order.wait(); });
  const double multiply = least_seconds(turns, [&] {
    product.execute(order, {{DNNL_ARG_SRC, left}, {DNNL_ARG_WEIGHTS, packed}, {DNNL_ARG_DST, result}}), order.wait();
  });
  const double sgemm = least_seconds(
      turns, [&] { dnnl_sgemm('N', forward ? 'T' : 'N', M, N, K, 1, a.data(), K, b.data(), forward ? K : N, 0, c.data(), N); });
  const double blas = least_seconds(turns, [&] {
    cblas_sgemm(kRowMajor, kPlain, forward ? kTransposed : kPlain, M, N, K, 1, a.data(), K, b.data(), forward ? K : N, 0, c.data(), N);
  });
  const double flops = 2e-9 * M * N * K, best = std::min(sgemm, blas);
  std::printf(
      "%-8s %5d %5d %5d  %7.1f %7.1f %7.1f %7.1f   %5.2f %5.2f\n", forward ? "forward" : "of input", M, N, K, flops / sgemm, flops / blas,
      flops / multiply, flops / (multiply + pack), best / multiply, best / (multiply + pack));
  std::fflush(stdout);
}

}  // namespace

int main() {
  std::printf("%-8s %5s %5s %5s  %7s %7s %7s %7s   %s\n", "GFLOP/s", "rows", "cols", "inner", "sgemm", "BLAS", "kept", "packed", "kept and packed each time, to the faster");
  // Rows of a batch; widths of 34M, 110M and GPT-2 of bench/run.
  for (int rows : {16, 256, 1024})
    for (auto [columns, inner] : {std::pair{1536, 512}, {2752, 512}, {512, 1376}, {2304, 768}, {4096, 768}, {768, 2048}, {3072, 768}, {768, 3072}}) {
      measure(true, rows, columns, inner);
      measure(false, rows, inner, columns);
    }
}
