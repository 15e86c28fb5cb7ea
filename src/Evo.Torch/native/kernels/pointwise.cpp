// evo::dropout and evo::embedding with their backwards.

#include "operators.h"

namespace evo::kernels {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// ---- dropout ----

// The mask is made again in the backward pass: a few operations an element, and nothing of its size to keep.
Tensor dropped(const Tensor& x, const Tensor& rows, const Tensor& columns, double share) {
  const Tensor from = x.contiguous();
  Tensor y = at::empty(from.sizes(), from.options());
  const int64_t C = columns.size(1), N = rows.numel(), together = N / std::max<int64_t>(1, columns.size(0));
  const auto limit = drop_limit(share);
  if (on_cuda(x)) {
    const Gpu gpu(x);
    cuda::dropout(
        gpu.type, from.data_ptr(), rows.data_ptr<int64_t>(), columns.data_ptr<int64_t>(), limit, 1 / (1 - share), y.data_ptr(), N, C,
        together, gpu.stream);
    return y;
  }
  std::vector<std::uint32_t> words(static_cast<std::size_t>(columns.numel()));
  std::copy_n(columns.data_ptr<int64_t>(), words.size(), words.begin());
  const auto* row = rows.data_ptr<int64_t>();
  with_type(from.scalar_type(), "evo::dropout", [&](auto stored) {
    using S = decltype(stored);
    at::parallel_for(0, N, row_grain(C), [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; n++)
        Typed<S>::get().dropout(
            pointer<S>(from) + n * C, static_cast<std::uint32_t>(row[n]), words.data() + n / together * C, limit, 1 / (1 - share),
            pointer<S>(y) + n * C, C);
    });
  });
  return y;
}

class Dropout : public torch::autograd::Function<Dropout> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& rows, const Tensor& columns, double share) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    ctx->save_for_backward({rows, columns});
    ctx->saved_data["share"] = share;
    return dropped(x, rows, columns, share);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    differentiated_once("evo::dropout");
    const auto saved = ctx->get_saved_variables();
    return {dropped(gradients[0], saved[0], saved[1], ctx->saved_data["share"].toDouble()), Tensor(), Tensor(), Tensor()};
  }
};

Tensor dropout(const Tensor& x, const Tensor& rows, const Tensor& columns, double share) {
  check_device(x, "evo::dropout");
  TORCH_CHECK(
      x.dim() > 1 && rows.scalar_type() == at::kLong && columns.scalar_type() == at::kLong && columns.dim() == 2 &&
          rows.sizes() == x.sizes().slice(0, x.dim() - 1) && columns.size(1) == x.size(-1) &&
          (columns.size(0) == 1 || columns.size(0) == x.size(0)),
      "evo::dropout: x ", x.sizes(), ", rows ", rows.sizes(), ", columns ", columns.sizes(),
      ": int64 words are needed for all dimensions of x but the last, and for the last one [1 or the first of x, the last of x]");
  const Tensor r = rows.contiguous(), c = columns.contiguous();
  return wants_gradient({&x}) ? Dropout::apply(x, r, c, share) : dropped(x, r, c, share);
}

// ---- embedding ----

Tensor checked_ids(const Tensor& ids, int64_t V) {
  const Tensor flat = ids.to(at::kLong).contiguous().view({-1});
  if (flat.is_cuda()) return flat;  // looking would wait for the device, and CUDA's lookup asserts
  const auto* id = flat.data_ptr<int64_t>();
  for (int64_t i = 0; i < flat.numel(); i++)
    TORCH_CHECK_INDEX(id[i] >= 0 && id[i] < V, "evo::embedding: id ", id[i], " at place ", i, " is not in a table of ", V, " rows");
  return flat;
}

Tensor embedding_forward(const Tensor& ids, const Tensor& weight) {
  if (on_cuda(weight)) return weight.index_select(0, ids);
  const Tensor table = weight.contiguous();
  const int64_t C = table.size(1), bytes = C * table.element_size();
  Tensor y = at::empty({ids.numel(), C}, table.options());
  const auto* id = ids.data_ptr<int64_t>();
  at::parallel_for(0, ids.numel(), 16, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; n++)
      std::memcpy(pointer<char>(y) + n * bytes, pointer<char>(table) + id[n] * bytes, static_cast<std::size_t>(bytes));
  });
  return y;
}

class Embedding : public torch::autograd::Function<Embedding> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& ids, const Tensor& weight, const GradientSum& sum) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    ctx->save_for_backward({ids});
    ctx->saved_data["rows"] = weight.size(0);
    if (sum.to.defined()) ctx->saved_data["sum"] = sum.to;
    return embedding_forward(ids, weight);
  }

  // Every thread owns a range of the table and adds to it in the order of the tokens.
  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    differentiated_once("evo::embedding");
    const Tensor ids = ctx->get_saved_variables()[0], dy = gradients[0].contiguous();
    const int64_t V = ctx->saved_data["rows"].toInt(), C = dy.size(1);
    // libtorch's own sorts the tokens; index_select's backward would add them up in any order.
    Tensor sum = ctx->saved_data.count("sum") ? ctx->saved_data["sum"].toTensor() : Tensor();
    const auto given = [&](const Tensor& gradient) -> variable_list {
      if (!sum.defined()) return {Tensor(), gradient, Tensor()};
      is_first(sum) ? sum.copy_(gradient) : sum.add_(gradient);
      return {Tensor(), Tensor(), Tensor()};
    };
    if (on_cuda(dy)) return given(at::embedding_dense_backward(dy, ids, V, -1, false));
    const auto wide = wide_type(dy.scalar_type());
    const bool direct = sum.defined() && wide == dy.scalar_type();
    if (direct) complete(sum);
    Tensor total = direct ? sum : at::zeros({V, C}, dy.options().dtype(wide));
    const auto* id = ids.data_ptr<int64_t>();
    with_type(dy.scalar_type(), "evo::embedding", [&](auto stored) {
      using S = decltype(stored);
      using W = typename Typed<S>::Wide;
      at::parallel_for(0, V, std::max<int64_t>(1, V / 64), [&](int64_t begin, int64_t end) {
        for (int64_t n = 0; n < ids.numel(); n++)
          if (id[n] >= begin && id[n] < end) Typed<S>::get().add_to(pointer<W>(total) + id[n] * C, pointer<S>(dy) + n * C, C);
      });
    });
    return direct ? variable_list{Tensor(), Tensor(), Tensor()} : given(total.to(dy.scalar_type()));
  }
};

Tensor embedding(const Tensor& ids, const Tensor& weight, const evo::optional<Tensor>& weight_gradient) {
  check_device(weight, "evo::embedding");
  TORCH_CHECK(weight.dim() == 2, "evo::embedding: the weight is a table [V, C], got ", weight.sizes());
  const Tensor flat = checked_ids(ids, weight.size(0));
  auto sizes = ids.sizes().vec();
  sizes.push_back(weight.size(1));
  const auto sum = gradient_sum(weight_gradient, weight, "evo::embedding");
  const Tensor y = wants_gradient({&weight}) ? Embedding::apply(flat, weight, sum) : embedding_forward(flat, weight);
  return y.view(sizes);
}

TORCH_LIBRARY_FRAGMENT(evo, m) {
  m.def("dropout(Tensor x, Tensor rows, Tensor columns, float share) -> Tensor", dropout);
  m.def("embedding(Tensor ids, Tensor weight, Tensor(a!)? weight_gradient=None) -> Tensor", embedding);
}

}  // namespace
}  // namespace evo::kernels
