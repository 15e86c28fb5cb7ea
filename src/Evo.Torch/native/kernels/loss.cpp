// evo::cross_entropy and evo::linear_cross_entropy: the loss summed over the counted tokens, how many of these have no logit above
// their label's, and what part of the sum is the z-loss. The gradient of the logits is made in the forward, in the place of the logits,
// and never kept beside them.

#include <cmath>

#include "operators.h"

namespace evo::kernels {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kIgnored = -100;

// Labels as int64, each -100 or a row of the head.
Tensor checked_labels(const Tensor& labels, int64_t rows, int64_t V, const char* name) {
  TORCH_CHECK(labels.dim() == 1 && labels.size(0) == rows, name, ": ", rows, " rows need ", rows, " labels, got ", labels.sizes());
  Tensor flat = labels.to(at::kLong).contiguous();
  if (flat.is_cuda()) return flat;  // looking would wait for the device: the loss of a wrong label is NaN there
  const auto* label = flat.data_ptr<int64_t>();
  for (int64_t i = 0; i < rows; i++)
    TORCH_CHECK_INDEX(
        label[i] == kIgnored || (label[i] >= 0 && label[i] < V), name, ": label ", label[i], " at place ", i,
        " is neither -100 (not counted) nor below the vocabulary of ", V);
  return flat;
}

// What is minimised for a row: its cross entropy, smoothed, and z times the square of the logarithm of its softmax's denominator.
struct Terms {
  double smoothing, z;

  Terms(double smoothing, double z, const char* name) : smoothing(smoothing), z(z) {
    TORCH_CHECK(smoothing >= 0 && smoothing <= 1, name, ": label_smoothing = ", smoothing, " must lie between 0 and 1");
    TORCH_CHECK(z >= 0 && std::isfinite(z), name, ": z_loss = ", z, " must be a finite number that is not below 0");
  }
};

using Sums = std::tuple<Tensor, Tensor, Tensor>;

// What is known of each row.
struct Rows {
  Tensor losses;  // of the wide type
  Tensor right;   // bool: whether the label has the largest logit
  Tensor z;       // of the wide type: what the z-loss adds to the loss; undefined where there is none

  Rows(int64_t rows, const at::TensorOptions& options, at::ScalarType wide, const Terms& terms)
      : losses(at::empty({rows}, options.dtype(wide))),
        right(at::empty({rows}, options.dtype(at::kBool))),
        z(terms.z > 0 ? at::empty_like(losses) : Tensor()) {}

  // The sum of losses and z-losses in the wide type, the number of right rows, and the sum of the z-losses.
  Sums total() const {
    const auto type = losses.scalar_type();
    const Tensor loss = losses.sum(at::kDouble), count = right.sum(at::kLong);
    if (!z.defined()) return {loss.to(type), count, at::zeros({}, losses.options())};
    const Tensor added = z.sum(at::kDouble);
    return {(loss + added).to(type), count, added.to(type)};
  }
};

// Rows from `start` on, one for each of the logits, and with `gradient` the gradient in place of the logits, which are of the wide type
// (on a GPU of any, and of more than V columns: what stands in the others is no logit, and its gradient is 0).
void rows_in_place(const Tensor& logits, int64_t V, const int64_t* labels, const Terms& terms, bool gradient, Rows& out, int64_t start) {
  const auto from_start = [&](const Tensor& t) { return static_cast<char*>(t.data_ptr()) + start * t.element_size(); };
  void* losses = from_start(out.losses);
  void* z = out.z.defined() ? from_start(out.z) : nullptr;
  bool* right = out.right.data_ptr<bool>() + start;
  const int64_t rows = logits.size(0);
  if (on_cuda(logits)) {
    const Gpu gpu(logits);
    return cuda::cross_entropy(
        gpu.type, logits.data_ptr(), logits.size(1), V, rows, labels + start, terms.smoothing, terms.z, gradient, losses, right, z, gpu.stream);
  }
  with_type(logits.scalar_type(), "evo::cross_entropy", [&](auto stored) {
    using S = decltype(stored);
    using W = typename Typed<S>::Wide;
    at::parallel_for(0, rows, 1, [&](int64_t begin, int64_t end) {
      Typed<W>::get().cross_entropy(
          pointer<W>(logits), logits.stride(0), V, labels + start, terms.smoothing, terms.z, gradient, static_cast<W*>(losses), right, static_cast<W*>(z), begin,
          end);
    });
  });
}

// What an autograd function gives: only the first is differentiated.
variable_list outputs(AutogradContext* ctx, const Sums& sums) {
  const auto& [loss, right, z] = sums;
  ctx->mark_non_differentiable({right, z});
  return {loss, right, z};
}

Sums sums_of(const variable_list& three) { return {three[0], three[1], three[2]}; }

// ---- cross_entropy ----

// The rows, and with `gradient` that of the logits.
std::pair<Rows, Tensor> cross_entropy_forward(const Tensor& logits, const Tensor& labels, const Terms& terms, bool gradient) {
  const auto wide = wide_type(logits.scalar_type());
  Tensor work = logits.to(wide, /*non_blocking=*/false, /*copy=*/gradient).contiguous();
  Rows rows(logits.size(0), logits.options(), wide, terms);
  rows_in_place(work, work.size(1), labels.data_ptr<int64_t>(), terms, gradient, rows, 0);
  return {rows, work};
}

class CrossEntropy : public torch::autograd::Function<CrossEntropy> {
 public:
  static variable_list forward(AutogradContext* ctx, const Tensor& logits, const Tensor& labels, const Terms& terms) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    auto [rows, gradient] = cross_entropy_forward(logits, labels, terms, true);
    ctx->saved_data["type"] = static_cast<int64_t>(logits.scalar_type());
    ctx->save_for_backward({gradient});
    return outputs(ctx, rows.total());
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    differentiated_once("evo::cross_entropy");
    const Tensor gradient = ctx->get_saved_variables()[0];
    const auto type = static_cast<at::ScalarType>(ctx->saved_data["type"].toInt());
    return {(gradient * gradients[0]).to(type), Tensor(), Tensor()};
  }
};

Sums cross_entropy(const Tensor& logits, const Tensor& labels, double label_smoothing, double z_loss) {
  check_device(logits, "evo::cross_entropy");
  TORCH_CHECK(logits.dim() == 2, "evo::cross_entropy: the logits are a matrix [N, V], got ", logits.sizes());
  const Terms terms(label_smoothing, z_loss, "evo::cross_entropy");
  const Tensor flat = checked_labels(labels, logits.size(0), logits.size(1), "evo::cross_entropy");
  if (wants_gradient({&logits})) return sums_of(CrossEntropy::apply(logits, flat, terms));
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  return cross_entropy_forward(logits, flat, terms, false).first.total();
}

// ---- linear_cross_entropy ----

// Tokens of a chunk of N, as Evo.Torch's HeadChunk has them.
int64_t chunk_tokens(int64_t N, int64_t V, bool cuda) {
  V = std::max<int64_t>(V, 1);
  const int64_t most = cuda ? std::max<int64_t>(8192, (int64_t{1} << 26) / V) : std::max<int64_t>(512, (int64_t{1} << 23) / V);
  const int64_t chunks = std::max<int64_t>(1, (N + most - 1) / most);
  return (N + chunks - 1) / chunks;
}

// Logits [rows, lines] to be written. The gradient of the head reads their columns: on a processor rows a whole number of pages apart, whose
// elements would share a few places of its caches, lie two cache lines further apart.
Tensor room_for_logits(int64_t rows, int64_t lines, const at::TensorOptions& options) {
  const int64_t size = static_cast<int64_t>(options.dtype().itemsize());
  const int64_t gap = options.device().is_cpu() && lines * size % 4096 == 0 ? 128 / size : 0;
  return at::empty({rows, lines + gap}, options).narrow(1, 0, lines);
}

// The head with empty rows behind it, so that all sides of its products are whole pieces of 16 bytes: on a GPU they take several times as
// long without. A copy of the head costs a thousandth of them.
Tensor in_whole_pieces(const Tensor& weight) {
  const int64_t V = weight.size(0);
  const int64_t rows = on_cuda(weight) ? rounded_up(V, 16 / static_cast<int64_t>(weight.element_size())) : V;
  if (rows == V) return weight;
  const Tensor padded = at::empty({rows, weight.size(1)}, weight.options());
  padded.narrow(0, 0, V).copy_(weight);
  padded.narrow(0, V, rows - V).zero_();
  return padded;
}

struct HeadAndLoss {
  Rows rows;
  Tensor hidden, weight;  // gradients
};

// The loss, and the gradients that are asked for.
HeadAndLoss head_and_loss(
    const Tensor& hidden, const Tensor& head, const Tensor& labels, const Terms& terms, bool of_hidden, bool of_weight) {
  const bool gradient = of_hidden || of_weight;
  const Tensor weight = in_whole_pieces(head);
  const int64_t N = hidden.size(0), C = hidden.size(1), V = head.size(0), lines = weight.size(0);
  const auto type = hidden.scalar_type(), wide = wide_type(type);
  const int64_t chunk = chunk_tokens(N, V, on_cuda(hidden));
  // A GPU's kernel reads the logits as the product gives them, and leaves their gradient as the next products take it.
  const bool as_they_are = type == wide || on_cuda(hidden);
  const auto options = hidden.options();
  HeadAndLoss result{Rows(N, options, wide, terms), {}, {}};
  if (of_hidden) result.hidden = at::empty({N, C}, options);
  // The sum over several chunks is of the wide type; one alone is as the product gives it.
  const auto summed = N <= chunk && as_they_are ? type : wide;
  if (of_weight) result.weight = N == 0 ? at::zeros({lines, C}, options.dtype(summed)) : at::empty({lines, C}, options.dtype(summed));
  const Tensor logits = room_for_logits(std::min(chunk, N), lines, options.dtype(as_they_are ? type : wide));
  for (int64_t start = 0; start < N; start += chunk) {
    const int64_t rows = std::min(chunk, N - start);
    const Tensor h = hidden.narrow(0, start, rows), x = logits.narrow(0, 0, rows);
    multiply(h, false, weight, true, x, false);
    rows_in_place(x, V, labels.data_ptr<int64_t>(), terms, gradient, result.rows, start);
    if (!gradient) continue;
    const Tensor dx = as_they_are ? x : x.to(type);
    if (of_hidden) multiply(dx, false, weight, false, result.hidden.narrow(0, start, rows), false);
    if (of_weight) multiply(dx, true, h, false, result.weight, start > 0);
  }
  if (of_weight) result.weight = result.weight.narrow(0, 0, V);
  return result;
}

class LinearCrossEntropy : public torch::autograd::Function<LinearCrossEntropy> {
 public:
  static variable_list forward(
      AutogradContext* ctx, const Tensor& hidden, const Tensor& weight, const Tensor& labels, const Terms& terms, const GradientSum& sum) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    auto result = head_and_loss(
        hidden.contiguous(), weight.contiguous(), labels, terms, hidden.requires_grad(), weight.requires_grad() || sum.to.defined());
    ctx->save_for_backward({result.hidden, result.weight});
    if (sum.to.defined()) ctx->saved_data["weight_sum"] = sum.to;
    ctx->saved_data["type"] = static_cast<int64_t>(weight.scalar_type());
    return outputs(ctx, result.rows.total());
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    differentiated_once("evo::linear_cross_entropy");
    const auto saved = ctx->get_saved_variables();
    const auto type = static_cast<at::ScalarType>(ctx->saved_data["type"].toInt());
    const auto scaled = [&](const Tensor& t) { return t.defined() ? (t * gradients[0]).to(type) : Tensor(); };
    if (!ctx->saved_data.count("weight_sum")) return {scaled(saved[0]), scaled(saved[1]), Tensor(), Tensor(), Tensor()};
    Tensor weight = ctx->saved_data["weight_sum"].toTensor();
    // A GPU scales, rounds and adds in one pass.
    const bool once = saved[1].scalar_type() == type || on_cuda(weight);
    if (is_first(weight))
      once ? void(at::mul_out(weight, saved[1], gradients[0])) : void(weight.copy_(scaled(saved[1])));
    else
      once ? weight.addcmul_(saved[1], gradients[0]) : weight.add_(scaled(saved[1]));
    return {scaled(saved[0]), Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

Sums linear_cross_entropy(
    const Tensor& hidden, const Tensor& weight, const Tensor& labels, double label_smoothing, double z_loss,
    const evo::optional<Tensor>& weight_gradient) {
  check_device(hidden, "evo::linear_cross_entropy");
  TORCH_CHECK(
      hidden.dim() == 2 && weight.dim() == 2 && hidden.size(1) == weight.size(1) && hidden.scalar_type() == weight.scalar_type(),
      "evo::linear_cross_entropy: hidden ", hidden.sizes(), " ", hidden.scalar_type(), " and weight ", weight.sizes(), " ",
      weight.scalar_type(), " do not meet: they are [N, C] and [V, C] of one type");
  const Terms terms(label_smoothing, z_loss, "evo::linear_cross_entropy");
  const Tensor flat = checked_labels(labels, hidden.size(0), weight.size(0), "evo::linear_cross_entropy");
  const auto sum = gradient_sum(weight_gradient, weight, "evo::linear_cross_entropy");
  if (wants_gradient({&hidden, &weight})) return sums_of(LinearCrossEntropy::apply(hidden, weight, flat, terms, sum));
  at::AutoDispatchBelowADInplaceOrView below_autograd;
  return head_and_loss(hidden.contiguous(), weight.contiguous(), flat, terms, false, false).rows.total();
}

TORCH_LIBRARY_FRAGMENT(evo, m) {
  m.def("cross_entropy(Tensor logits, Tensor labels, float label_smoothing=0., float z_loss=0.) -> (Tensor, Tensor, Tensor)", cross_entropy);
  m.def(
      "linear_cross_entropy(Tensor hidden, Tensor weight, Tensor labels, float label_smoothing=0., float z_loss=0., Tensor(a!)? "
      "weight_gradient=None) -> (Tensor, Tensor, Tensor)",
      linear_cross_entropy);
}

}  // namespace
}  // namespace evo::kernels
