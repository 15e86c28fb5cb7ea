// Autograd functions written in .NET. libtorch's own Function does the bookkeeping (edges, saved tensors, versions,
// dirty and non-differentiable tensors); forward and backward are callbacks.
#include "evo_torch.h"

#include <ATen/core/ivalue.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// forward: writes the outputs (at most `capacity` handles, owned by the receiver), gives their number.
using Forward = int32_t (*)(
    void* state, AutogradContext* context, void** outputs, int32_t capacity, int32_t* count, int64_t* failure);
// backward: owns the gradients that it is given (null: none), writes a handle or null for each input.
using Backward = int32_t (*)(
    void* state, AutogradContext* context, void** gradients, int32_t gradient_count, void** results,
    int32_t result_count, int64_t* failure);

struct ManagedCalls {
    Forward forward;
    Backward backward;
    void (*free)(void* state);
};

constexpr int32_t kMaxOutputs = 64;
constexpr const char* kState = "evo.function";

// Lives in the node's context: when the graph goes, so does the .NET state.
struct ManagedState : torch::CustomClassHolder {
    ManagedState(const ManagedCalls& calls, void* state, int32_t inputs) : calls(calls), state(state), inputs(inputs) {}
    ~ManagedState() override { calls.free(state); }
    const ManagedCalls calls;
    void* const state;
    const int32_t inputs;
};

at::Tensor adopt(void* handle) {
    return handle == nullptr
        ? at::Tensor()
        : at::Tensor(c10::intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>::reclaim(evo::impl(handle)));
}

struct ManagedFunction : torch::autograd::Function<ManagedFunction> {
    static variable_list forward(AutogradContext* context, at::TensorList, ManagedState* state) {
        context->saved_data[kState] = c10::IValue::make_capsule(
            c10::intrusive_ptr<torch::CustomClassHolder>::reclaim_copy(state));
        void* handles[kMaxOutputs];
        int32_t count = 0;
        int64_t failure = 0;
        if (state->calls.forward(state->state, context, handles, kMaxOutputs, &count, &failure) != EVO_OK) {
            throw evo::ManagedFailure(failure);
        }
        variable_list outputs;
        outputs.reserve(count);
        for (int32_t k = 0; k < count; k++) {
            outputs.push_back(adopt(handles[k]));
        }
        return outputs;
    }

    static variable_list backward(AutogradContext* context, variable_list gradients) {
        auto capsule = context->saved_data[kState].toCapsule();
        auto state = static_cast<ManagedState*>(capsule.get());
        std::vector<void*> given(gradients.size());
        for (size_t k = 0; k < gradients.size(); k++) {
            given[k] = evo::release(std::move(gradients[k]));
        }
        std::vector<void*> results(state->inputs, nullptr);
        int64_t failure = 0;
        auto status = state->calls.backward(
            state->state, context, given.data(), static_cast<int32_t>(given.size()), results.data(), state->inputs, &failure);
        variable_list found;
        found.reserve(results.size() + 1);
        for (auto handle : results) {
            found.push_back(adopt(handle));
        }
        // The state is an argument of forward too, and has no gradient.
        found.emplace_back();
        if (status != EVO_OK) {
            throw evo::ManagedFailure(failure);
        }
        return found;
    }
};

variable_list list(void** handles, int32_t count) {
    variable_list tensors;
    tensors.reserve(count);
    for (int32_t k = 0; k < count; k++) {
        tensors.push_back(evo::share(handles[k]));
    }
    return tensors;
}

}  // namespace

// Calls forward and, where a gradient is needed, puts a node into the graph. `state` is freed with the node.
EVO_API int32_t evo_function_apply(
    const ManagedCalls* calls, void* state, void** inputs, int32_t input_count, void** outputs, int32_t* output_count) {
    auto owner = c10::make_intrusive<ManagedState>(*calls, state, input_count);
    return evo::guarded([&] {
        auto tensors = list(inputs, input_count);
        auto results = ManagedFunction::apply(at::TensorList(tensors), owner.get());
        *output_count = static_cast<int32_t>(results.size());
        for (size_t k = 0; k < results.size(); k++) {
            outputs[k] = evo::release(std::move(results[k]));
        }
    });
}

EVO_API int32_t evo_context_save(AutogradContext* context, void** handles, int32_t count) {
    return evo::guarded([&] { context->save_for_backward(list(handles, count)); });
}

// Writes up to `capacity` handles; `count` is how many there are.
EVO_API int32_t evo_context_saved(AutogradContext* context, void** handles, int32_t capacity, int32_t* count) {
    return evo::guarded([&] {
        auto tensors = context->get_saved_variables();
        *count = static_cast<int32_t>(tensors.size());
        if (*count > capacity) {
            return;
        }
        for (size_t k = 0; k < tensors.size(); k++) {
            handles[k] = evo::release(std::move(tensors[k]));
        }
    });
}

EVO_API int32_t evo_context_mark_dirty(AutogradContext* context, void** handles, int32_t count) {
    return evo::guarded([&] { context->mark_dirty(list(handles, count)); });
}

EVO_API int32_t evo_context_mark_non_differentiable(AutogradContext* context, void** handles, int32_t count) {
    return evo::guarded([&] { context->mark_non_differentiable(list(handles, count)); });
}

EVO_API void evo_context_set_materialize_grads(AutogradContext* context, int32_t value) {
    context->set_materialize_grads(value != 0);
}
