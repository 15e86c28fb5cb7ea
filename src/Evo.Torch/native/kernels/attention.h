// What attention's forms share: blocks on the processor (attention.cpp), libraries on a GPU (attention_gpu.cpp).
#pragma once

#include <utility>

#include "operators.h"

namespace evo::kernels {

// What is added to scores beside the mask: the scale, a window, and a slope for each query head.
struct Bias {
  double scale;
  int64_t window;
  at::Tensor slopes;  // [H] in double, or undefined
  int64_t longest = 0;  // tokens of the longest sequence or more, for borders that lie on a GPU; 0: they are looked at

  double slope(int64_t head) const { return slopes.defined() ? pointer<double>(slopes)[head] : 0; }
};

// out [B, T, H, D] and the logarithm of each query's sum of exponentials: [B, H, T] of the processor, on a GPU as its library gives it.
using Outcome = std::pair<at::Tensor, at::Tensor>;

Outcome flash_forward(
    const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Bias& bias, const evo::optional<at::Tensor>& cu_seqlens);

// The gradients of q, k and v.
torch::autograd::variable_list flash_backward(
    const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& out, const at::Tensor& lse, const at::Tensor& dout,
    const Bias& bias, const evo::optional<at::Tensor>& cu_seqlens);

}  // namespace evo::kernels
