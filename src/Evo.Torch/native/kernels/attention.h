// What attention's forms share: blocks on the processor (attention.cpp), libraries on a GPU (attention_gpu.cpp).
#pragma once

#include <utility>

#include "operators.h"

namespace evo::kernels {

// Weights that are dropped: those whose word, mixed from their query's and their key's, is below share * 2^32, as evo::dropout has it.
struct Drops {
  double share = 0;
  at::Tensor rows;  // int64 [B, H, T], of the queries
  at::Tensor columns;  // int64 [B or 1, S], of the keys
};

// What becomes of the product of a query and a key: the scale, a window, a slope for each query head, and which weights are dropped.
struct Scoring {
  double scale;
  int64_t window;
  at::Tensor slopes;  // [H] in double, or undefined
  int64_t longest = 0;  // tokens of the longest sequence or more, for borders that lie on a GPU; 0: they are looked at
  Drops drops;

  double slope(int64_t head) const { return slopes.defined() ? pointer<double>(slopes)[head] : 0; }
};

// out [B, T, H, D] and the logarithm of each query's sum of exponentials: [B, H, T] of the processor, on a GPU as its library gives it.
using Outcome = std::pair<at::Tensor, at::Tensor>;

Outcome gpu_forward(
    const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Scoring& scoring, const evo::optional<at::Tensor>& cu_seqlens);

// The gradients of q, k and v.
torch::autograd::variable_list gpu_backward(
    const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& out, const at::Tensor& lse, const at::Tensor& dout,
    const Scoring& scoring, const evo::optional<at::Tensor>& cu_seqlens);

}  // namespace evo::kernels
