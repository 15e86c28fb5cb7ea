// x86 traps when the smallest integer is divided by -1, and the trap ends the process: such a division is refused first.
#include "division.h"

#include <ATen/Functions.h>
#include <ATen/core/Tensor.h>

#include <limits>

namespace {

using c10::IValue;

bool integral(at::ScalarType type) { return type == at::kInt || type == at::kLong; }

// The type in which two operands meet; Float for operands that are not numbers.
at::ScalarType meeting(const IValue& left, const IValue& right) {
    if (left.isTensor() && right.isTensor()) {
        return at::result_type(left.toTensor(), right.toTensor());
    }
    if (left.isTensor() && right.isScalar()) {
        return at::result_type(left.toTensor(), right.toScalar());
    }
    if (left.isScalar() && right.isTensor()) {
        return at::result_type(left.toScalar(), right.toTensor());
    }
    return at::kFloat;
}

// Where an operand is `number`; nothing for an operand whose type cannot hold it.
evo::optional<at::Tensor> places(const IValue& operand, int64_t number, at::ScalarType type) {
    if (operand.isScalar()) {
        const auto& scalar = operand.toScalar();
        return scalar.isIntegral(false) && scalar.toLong() == number
            ? evo::optional<at::Tensor>(at::scalar_tensor(true, at::kBool))
            : evo::optional<at::Tensor>();
    }
    const auto& tensor = operand.toTensor();
    const auto own = tensor.scalar_type();
    const auto fits = number == -1 ? own != at::kByte && own != at::kBool : own == type;
    return fits && tensor.device().is_cpu() ? evo::optional<at::Tensor>(at::eq(tensor, number)) : evo::optional<at::Tensor>();
}

}  // namespace

bool evo::divides_integers(const c10::OperatorName& operation) {
    const auto& name = operation.name;
    const auto is = [&](const char* base) {
        return name == std::string("aten::") + base || name == std::string("aten::") + base + "_";
    };
    return is("floor_divide") || is("fmod") || is("remainder") ||
        (is("div") && operation.overload_name.find("_mode") != std::string::npos);
}

void evo::refuse_trap(const torch::jit::Stack& stack) {
    const auto& left = stack[0];
    const auto& right = stack[1];
    if (left.isTensor() && !left.toTensor().defined()) {
        return;
    }
    const auto type = meeting(left, right);
    const auto true_division = stack.size() > 2 && stack[2].isNone();
    if (!integral(type) || true_division) {
        return;
    }
    const auto smallest = type == at::kInt ? int64_t{std::numeric_limits<int32_t>::min()} : std::numeric_limits<int64_t>::min();
    const auto divisors = places(right, -1, type);
    const auto dividends = divisors && at::any(*divisors).item<bool>() ? places(left, smallest, type) : evo::optional<at::Tensor>();
    TORCH_CHECK(
        !dividends || !at::any(at::logical_and(*dividends, *divisors)).item<bool>(),
        "the smallest integer ", smallest, " divided by -1 does not fit the type ", type);
}
