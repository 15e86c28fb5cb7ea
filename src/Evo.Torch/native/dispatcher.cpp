// One boxed entry to libtorch's dispatcher: any operator, found once by name, called with tagged arguments.
#include "division.h"
#include "evo_torch.h"

#include <ATen/core/Generator.h>
#include <ATen/core/List.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>
#include <ATen/core/stack.h>

#include <cstdlib>
#include <cstring>

namespace {

using c10::IValue;
using torch::jit::Stack;

// An operator that was found.
struct Operation {
    c10::OperatorHandle handle;
    bool divides_integers;
};

// The stack of boxed values is kept per thread; a nested call (a backward in C#) finds it taken and makes its own.
class BorrowedStack {
public:
    explicit BorrowedStack(size_t size) {
        stack.swap(spare());
        stack.reserve(size);
    }
    ~BorrowedStack() {
        stack.clear();
        stack.swap(spare());
    }
    Stack stack;

private:
    static Stack& spare() {
        static thread_local Stack value;
        return value;
    }
};

c10::List<at::Tensor> tensors(const EvoValue& value) {
    c10::List<at::Tensor> list;
    list.reserve(value.length);
    auto handles = static_cast<void**>(value.p);
    for (int32_t k = 0; k < value.length; k++) {
        list.push_back(evo::share(handles[k]));
    }
    return list;
}

// A list of Tensor? without naming the optional type, which is c10's in older and std's in newer versions.
c10::impl::GenericList optional_tensors(const EvoValue& value) {
    c10::impl::GenericList list(c10::OptionalType::ofTensor());
    list.reserve(value.length);
    auto handles = static_cast<void**>(value.p);
    for (int32_t k = 0; k < value.length; k++) {
        list.push_back(handles[k] == nullptr ? IValue() : IValue(evo::share(handles[k])));
    }
    return list;
}

template <class Element, class Stored>
c10::List<Element> scalars(const EvoValue& value) {
    c10::List<Element> list;
    list.reserve(value.length);
    auto elements = static_cast<const Stored*>(value.p);
    for (int32_t k = 0; k < value.length; k++) {
        list.push_back(static_cast<Element>(elements[k]));
    }
    return list;
}

IValue box(const EvoValue& value, const c10::FunctionSchema& schema, size_t position) {
    switch (value.tag) {
        case EVO_NONE:
            return IValue();
        case EVO_TENSOR:
            return value.p == nullptr ? IValue() : IValue(evo::share(value.p));
        case EVO_INT:
            return IValue(value.i);
        case EVO_DOUBLE:
            return IValue(value.d);
        case EVO_BOOL:
            return IValue(value.i != 0);
        case EVO_STRING:
            return IValue(std::string(static_cast<const char*>(value.p), value.length));
        case EVO_INT_LIST:
            return IValue(scalars<int64_t, int64_t>(value));
        case EVO_DOUBLE_LIST:
            return IValue(scalars<double, double>(value));
        case EVO_BOOL_LIST:
            return IValue(scalars<bool, uint8_t>(value));
        case EVO_TENSOR_LIST:
            return IValue(tensors(value));
        case EVO_OPTIONAL_TENSOR_LIST:
            return IValue(optional_tensors(value));
        case EVO_COMPLEX:
            return IValue(c10::complex<double>(value.d, value.d2));
        case EVO_DEVICE:
            return IValue(c10::Device(static_cast<c10::DeviceType>(value.i), static_cast<c10::DeviceIndex>(value.i2)));
        case EVO_GENERATOR:
            return IValue(at::Generator(c10::intrusive_ptr<c10::GeneratorImpl>::reclaim_copy(
                static_cast<c10::GeneratorImpl*>(value.p))));
        case EVO_DEFAULT: {
            const auto& fallback = schema.arguments()[position].default_value();
            TORCH_CHECK(fallback.has_value(), "argument '", schema.arguments()[position].name(), "' has no default");
            return *fallback;
        }
        default:
            TORCH_CHECK(false, "unknown kind of argument: ", value.tag);
    }
}

template <class Element>
void* copied(const Element* source, size_t count) {
    auto target = std::malloc(count == 0 ? 1 : count * sizeof(Element));
    if (target == nullptr) {
        throw std::bad_alloc();
    }
    std::memcpy(target, source, count * sizeof(Element));
    return target;
}

void unbox(IValue&& value, EvoValue& result) {
    result = EvoValue();
    if (value.isTensor()) {
        result.tag = EVO_TENSOR;
        result.p = evo::release(std::move(value).toTensor());
    } else if (value.isNone()) {
        result.tag = EVO_NONE;
    } else if (value.isInt()) {
        result.tag = EVO_INT;
        result.i = value.toInt();
    } else if (value.isDouble()) {
        result.tag = EVO_DOUBLE;
        result.d = value.toDouble();
    } else if (value.isBool()) {
        result.tag = EVO_BOOL;
        result.i = value.toBool() ? 1 : 0;
    } else if (value.isComplexDouble()) {
        auto number = value.toComplexDouble();
        result.tag = EVO_COMPLEX;
        result.d = number.real();
        result.d2 = number.imag();
    } else if (value.isString()) {
        const auto& text = value.toStringRef();
        result.tag = EVO_STRING;
        result.length = static_cast<int32_t>(text.size());
        result.p = copied(text.data(), text.size());
    } else if (value.isIntList()) {
        auto list = value.toIntVector();
        result.tag = EVO_INT_LIST;
        result.length = static_cast<int32_t>(list.size());
        result.p = copied(list.data(), list.size());
    } else if (value.isTensorList()) {
        auto list = value.toTensorVector();
        auto handles = static_cast<void**>(std::malloc(list.empty() ? 1 : list.size() * sizeof(void*)));
        if (handles == nullptr) {
            throw std::bad_alloc();
        }
        for (size_t k = 0; k < list.size(); k++) {
            handles[k] = evo::release(std::move(list[k]));
        }
        result.tag = EVO_TENSOR_LIST;
        result.length = static_cast<int32_t>(list.size());
        result.p = handles;
#if EVO_TORCH_AT_LEAST(2, 0)
    } else if (value.isSymInt()) {
        result.tag = EVO_INT;
        result.i = value.toSymInt().expect_int();
#endif
    } else {
        TORCH_CHECK(false, "a result of kind ", value.tagKind(), " is not supported");
    }
}

}  // namespace

// Finds an operator: "aten::add", "Tensor". The handle lives as long as the process.
EVO_API int32_t evo_find_operator(const char* name, const char* overload, void** result) {
    return evo::guarded([&] {
        auto found = c10::Dispatcher::singleton().findSchemaOrThrow(name, overload);
        *result = new Operation{found, evo::divides_integers(found.operator_name())};
    });
}

// The schema of an operator as libtorch prints it; freed by evo_free.
EVO_API int32_t evo_operator_schema(void* operation, char** text) {
    return evo::guarded([&] {
        std::ostringstream out;
        out << static_cast<Operation*>(operation)->handle.schema();
        auto printed = out.str();
        *text = static_cast<char*>(copied(printed.c_str(), printed.size() + 1));
    });
}

// Calls an operator. Arguments that the caller does not know (newer schemas) take their defaults. At most
// `result_count` results are handed over, the others are dropped.
EVO_API int32_t evo_call(
    void* operation, const EvoValue* arguments, int32_t argument_count, EvoValue* results, int32_t result_count) {
    return evo::guarded([&] {
        const auto& [handle, divides_integers] = *static_cast<Operation*>(operation);
        const auto& schema = handle.schema();
        const auto wanted = schema.arguments().size();
        TORCH_CHECK(
            static_cast<size_t>(argument_count) <= wanted,
            "takes ", wanted, " arguments, was given ", argument_count);
        BorrowedStack borrowed(wanted);
        auto& stack = borrowed.stack;
        for (int32_t k = 0; k < argument_count; k++) {
            stack.push_back(box(arguments[k], schema, k));
        }
        for (size_t k = argument_count; k < wanted; k++) {
            const auto& fallback = schema.arguments()[k].default_value();
            TORCH_CHECK(fallback.has_value(), "argument '", schema.arguments()[k].name(), "' is missing");
            stack.push_back(*fallback);
        }
        if (divides_integers) {
            evo::refuse_trap(stack);
        }
        handle.callBoxed(&stack);
        TORCH_CHECK(
            static_cast<size_t>(result_count) <= stack.size(), "gives ", stack.size(), " results, ", result_count, " expected");
        for (int32_t k = 0; k < result_count; k++) {
            unbox(std::move(stack[k]), results[k]);
        }
    });
}

EVO_API void evo_free(void* memory) { std::free(memory); }
