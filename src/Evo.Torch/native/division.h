// Which operators divide integers, and the one quotient that no integer can hold.
#pragma once

#include "evo_torch.h"

#include <ATen/core/operator_name.h>
#include <ATen/core/stack.h>

namespace evo {

// Whether the operator may divide integers by integers.
bool divides_integers(const c10::OperatorName& operation);

// Throws when the arguments may divide the smallest integer by -1. Looks at integers only.
void refuse_trap(const torch::jit::Stack& stack);

}  // namespace evo
