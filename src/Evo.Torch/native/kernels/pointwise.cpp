// evo::rms_norm, evo::rope, evo::gated, evo::dropout and evo::embedding with their backwards.

#include "operators.h"

namespace evo::kernels {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// ---- rms_norm ----

constexpr int64_t kNormRows = 64;  // rows whose part of the weight's gradient is summed together, whatever the number of threads

std::pair<Tensor, Tensor> rms_norm_forward(const Tensor& x, const Tensor& weight, double eps) {
  const int64_t C = x.size(-1), rows = C == 0 ? 0 : x.numel() / C;
  Tensor y = at::empty(x.sizes(), x.options());
  Tensor inverse = at::empty({rows}, x.options().dtype(wide_type(x.scalar_type())));
  if (on_cuda(x)) {
    const Gpu gpu(x);
    cuda::rms_norm(gpu.type, x.data_ptr(), weight.data_ptr(), y.data_ptr(), inverse.data_ptr(), C, rows, eps, gpu.stream);
    return {y, inverse};
  }
  with_type(x.scalar_type(), "evo::rms_norm", [&](auto stored) {
    using S = decltype(stored);
    using W = typename Typed<S>::Wide;
    at::parallel_for(0, rows, 16, [&](int64_t begin, int64_t end) {
      Typed<S>::get().rms_norm(
          pointer<S>(x), pointer<S>(weight), pointer<S>(y), pointer<W>(inverse), C, eps, begin, end);
    });
  });
  return {y, inverse};
}

class RmsNorm : public torch::autograd::Function<RmsNorm> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& weight, double eps) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    const Tensor from = x.contiguous(), gain = weight.contiguous();
    auto [y, inverse] = rms_norm_forward(from, gain, eps);
    ctx->save_for_backward({x, weight, inverse});
    return y;
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    differentiated_once("evo::rms_norm");
    const auto saved = ctx->get_saved_variables();
    const Tensor x = saved[0].contiguous(), weight = saved[1].contiguous(), dy = gradients[0].contiguous();
    const Tensor& inverse = saved[2];
    const int64_t C = x.size(-1), rows = inverse.numel(), parts = (rows + kNormRows - 1) / kNormRows;
    Tensor dx = at::empty(x.sizes(), x.options());
    if (on_cuda(x)) {
      const Gpu gpu(x);
      Tensor part = at::empty({cuda::rms_norm_parts(rows), C}, inverse.options());
      cuda::rms_norm_backward(
          gpu.type, dy.data_ptr(), x.data_ptr(), weight.data_ptr(), inverse.data_ptr(), dx.data_ptr(), part.data_ptr(), C, rows,
          part.size(0), gpu.stream);
      return {dx, part.sum(0).to(weight.scalar_type()), Tensor()};
    }
    Tensor part = at::zeros({parts, C}, inverse.options());
    with_type(x.scalar_type(), "evo::rms_norm", [&](auto stored) {
      using S = decltype(stored);
      using W = typename Typed<S>::Wide;
      at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
        for (int64_t p = begin; p < end; p++)
          Typed<S>::get().rms_norm_backward(
              pointer<S>(dy), pointer<S>(x), pointer<S>(weight), pointer<W>(inverse), pointer<S>(dx), pointer<W>(part) + p * C, C,
              p * kNormRows, std::min(rows, (p + 1) * kNormRows));
      });
      for (int64_t p = 1; p < parts; p++) Typed<W>::get().add_to(pointer<W>(part), pointer<W>(part) + p * C, C);
    });
    Tensor dweight = parts == 0 ? at::zeros(weight.sizes(), weight.options()) : part[0].to(weight.scalar_type());
    return {dx, dweight, Tensor()};
  }
};

Tensor rms_norm(const Tensor& x, const Tensor& weight, double eps) {
  check_device(x, "evo::rms_norm");
  TORCH_CHECK(
      x.dim() >= 1 && weight.dim() == 1 && x.size(-1) == weight.size(0) && x.scalar_type() == weight.scalar_type(),
      "evo::rms_norm: x ", x.sizes(), " ", x.scalar_type(), " and weight ", weight.sizes(), " ", weight.scalar_type(),
      " do not meet: the weight has the last dimension and the type of x");
  if (wants_gradient({&x, &weight})) return RmsNorm::apply(x, weight, eps);
  return rms_norm_forward(x.contiguous(), weight.contiguous(), eps).first;
}

// ---- rope ----

Tensor rope_turned(const Tensor& input, const Tensor& cos, const Tensor& sin, bool backward) {
  const Tensor x = input.stride(-1) == 1 || input.numel() == 0 ? input : input.contiguous();
  const int64_t B = x.size(0), T = x.size(1), H = x.size(2), D = x.size(3);
  Tensor y = at::empty({B, T, H, D}, x.options());
  if (y.numel() == 0) return y;
  if (on_cuda(x)) {
    const Gpu gpu(x);
    cuda::rope(
        gpu.type, x.data_ptr(), {B, T, H, D, x.stride(0), x.stride(1), x.stride(2)}, cos.data_ptr(), sin.data_ptr(), cos.size(0) > 1,
        y.data_ptr(), backward, gpu.stream);
    return y;
  }
  with_type(x.scalar_type(), "evo::rope", [&](auto stored) {
    using S = decltype(stored);
    at::parallel_for(0, B * T, 16, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; n++) {
        const int64_t b = n / T, t = n % T, place = (cos.size(0) == 1 ? t : n) * D;
        Typed<S>::get().rope(
            pointer<S>(x) + b * x.stride(0) + t * x.stride(1), x.stride(2), pointer<S>(cos) + place, pointer<S>(sin) + place,
            pointer<S>(y) + n * H * D, H, D, backward);
      }
    });
  });
  return y;
}

class Rope : public torch::autograd::Function<Rope> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& cos, const Tensor& sin) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    ctx->save_for_backward({cos, sin});
    return rope_turned(x, cos, sin, false);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    differentiated_once("evo::rope");
    const auto saved = ctx->get_saved_variables();
    return {rope_turned(gradients[0], saved[0], saved[1], true), Tensor(), Tensor()};
  }
};

Tensor rope(const Tensor& x, const Tensor& cos, const Tensor& sin) {
  check_device(x, "evo::rope");
  TORCH_CHECK(
      x.dim() == 4 && x.size(3) % 2 == 0 && cos.dim() == 3 && cos.sizes() == sin.sizes() && cos.size(1) == x.size(1) &&
          cos.size(2) == x.size(3) && (cos.size(0) == 1 || cos.size(0) == x.size(0)),
      "evo::rope: x ", x.sizes(), ", cos ", cos.sizes(), ", sin ", sin.sizes(),
      " do not meet: x is [B, T, H, D] with D even, the tables are [B or 1, T, D]");
  const Tensor c = cos.detach().to(x.scalar_type()).contiguous(), s = sin.detach().to(x.scalar_type()).contiguous();
  return wants_gradient({&x}) ? Rope::apply(x, c, s) : rope_turned(x, c, s, false);
}

// ---- gated ----

constexpr int64_t kGrain = 16384;  // elements: about 10 microseconds of work, more than it costs to wake a thread

Tensor gated_forward(const Tensor& gate, const Tensor& up, bool gelu) {
  const Tensor g = gate.contiguous(), u = up.contiguous();
  Tensor y = at::empty(g.sizes(), g.options());
  if (on_cuda(g)) {
    const Gpu gpu(g);
    cuda::gated(gpu.type, gelu, g.data_ptr(), u.data_ptr(), y.data_ptr(), g.numel(), gpu.stream);
    return y;
  }
  with_type(g.scalar_type(), "evo::gated", [&](auto stored) {
    using S = decltype(stored);
    at::parallel_for(0, g.numel(), kGrain, [&](int64_t begin, int64_t end) {
      Typed<S>::get().gated[gelu](pointer<S>(g) + begin, pointer<S>(u) + begin, pointer<S>(y) + begin, end - begin);
    });
  });
  return y;
}

class Gated : public torch::autograd::Function<Gated> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& gate, const Tensor& up, bool gelu) {
    at::AutoDispatchBelowADInplaceOrView below_autograd;
    ctx->save_for_backward({gate, up});
    ctx->saved_data["gelu"] = gelu;
    return gated_forward(gate, up, gelu);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    differentiated_once("evo::gated");
    const auto saved = ctx->get_saved_variables();
    const bool gelu = ctx->saved_data["gelu"].toBool();
    const Tensor gate = saved[0].contiguous(), up = saved[1].contiguous(), dy = gradients[0].contiguous();
    Tensor dgate = at::empty(gate.sizes(), gate.options()), dup = at::empty(up.sizes(), up.options());
    if (on_cuda(gate)) {
      const Gpu gpu(gate);
      cuda::gated_backward(
          gpu.type, gelu, dy.data_ptr(), gate.data_ptr(), up.data_ptr(), dgate.data_ptr(), dup.data_ptr(), gate.numel(), gpu.stream);
      return {dgate, dup, Tensor()};
    }
    with_type(gate.scalar_type(), "evo::gated", [&](auto stored) {
      using S = decltype(stored);
      at::parallel_for(0, gate.numel(), kGrain, [&](int64_t begin, int64_t end) {
        Typed<S>::get().gated_backward[gelu](
            pointer<S>(dy) + begin, pointer<S>(gate) + begin, pointer<S>(up) + begin, pointer<S>(dgate) + begin,
            pointer<S>(dup) + begin, end - begin);
      });
    });
    return {dgate, dup, Tensor()};
  }
};

Tensor gated(const Tensor& gate, const Tensor& up, bool gelu) {
  check_device(gate, "evo::gated");
  TORCH_CHECK(
      gate.sizes() == up.sizes() && gate.scalar_type() == up.scalar_type(), "evo::gated: gate ", gate.sizes(), " ",
      gate.scalar_type(), " and up ", up.sizes(), " ", up.scalar_type(), " must have one shape and one type");
  return wants_gradient({&gate, &up}) ? Gated::apply(gate, up, gelu) : gated_forward(gate, up, gelu);
}

// ---- dropout ----

// The mask is made again in the backward pass: a few operations an element, and nothing of its size to keep.
Tensor dropped(const Tensor& x, const Tensor& rows, const Tensor& columns, double share) {
  const Tensor from = x.contiguous();
  Tensor y = at::empty(from.sizes(), from.options());
  const int64_t C = columns.size(1), N = rows.numel(), together = N / std::max<int64_t>(1, columns.size(0));
  const auto limit = static_cast<std::uint32_t>(std::min(std::nearbyint(share * 4294967296.0), 4294967295.0));
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
    at::parallel_for(0, N, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, C)), [&](int64_t begin, int64_t end) {
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
      sum.add_(gradient);
      return {Tensor(), Tensor(), Tensor()};
    };
    if (on_cuda(dy)) return given(at::embedding_dense_backward(dy, ids, V, -1, false));
    const auto wide = wide_type(dy.scalar_type());
    const bool direct = sum.defined() && wide == dy.scalar_type();
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
  m.def("rms_norm(Tensor x, Tensor weight, float eps) -> Tensor", rms_norm);
  m.def("rope(Tensor x, Tensor cos, Tensor sin) -> Tensor", rope);
  m.def("gated(Tensor gate, Tensor up, bool gelu=False) -> Tensor", gated);
  m.def("dropout(Tensor x, Tensor rows, Tensor columns, float share) -> Tensor", dropout);
  m.def("embedding(Tensor ids, Tensor weight, Tensor(a!)? weight_gradient=None) -> Tensor", embedding);
}

}  // namespace
}  // namespace evo::kernels
