// Gradients: modes of the thread, leaves, backward, hooks.
#include "evo_torch.h"

#include <ATen/core/grad_mode.h>
#include <c10/core/AutogradState.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/anomaly_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>

namespace {

using torch::autograd::Variable;
using torch::autograd::variable_list;

variable_list list(void** handles, int32_t count) {
    variable_list tensors;
    tensors.reserve(count);
    for (int32_t k = 0; k < count; k++) {
        tensors.push_back(handles[k] == nullptr ? Variable() : evo::share(handles[k]));
    }
    return tensors;
}

// Backward runs in the calling thread on every device. libtorch gives each GPU one thread for all graphs, in which a backward
// that waits for another rank of this process would keep that rank's backward from beginning.
class InThisThread {
public:
#if EVO_TORCH_AT_LEAST(2, 0)
    InThisThread() : before(state().get_multithreading_enabled()) { state().set_multithreading_enabled(false); }
    ~InThisThread() { state().set_multithreading_enabled(before); }

private:
    static c10::AutogradState& state() { return c10::AutogradState::get_tls_state(); }
    const bool before;
#else
    // 1.13 has no such setting; its processor backward does so anyway.
    InThisThread() {}
#endif
};

}  // namespace

EVO_API int32_t evo_grad_mode() { return c10::GradMode::is_enabled() ? 1 : 0; }

EVO_API void evo_set_grad_mode(int32_t enabled) { c10::GradMode::set_enabled(enabled != 0); }

EVO_API int32_t evo_inference_mode() { return c10::InferenceMode::is_enabled() ? 1 : 0; }

// The guard is to be closed in the thread that opened it, innermost first.
EVO_API void* evo_open_inference_mode(int32_t enabled) { return new c10::InferenceMode(enabled != 0); }

EVO_API void evo_close_inference_mode(void* guard) { delete static_cast<c10::InferenceMode*>(guard); }

// Bit 0: on; bit 1: look for NaN.
EVO_API int32_t evo_anomaly() {
    return (torch::autograd::AnomalyMode::is_enabled() ? 1 : 0) | (torch::autograd::AnomalyMode::should_check_nan() ? 2 : 0);
}

EVO_API void evo_set_anomaly(int32_t flags) {
    torch::autograd::AnomalyMode::set_enabled((flags & 1) != 0, (flags & 2) != 0);
}

EVO_API int32_t evo_requires_grad(void* handle) { return evo::impl(handle)->requires_grad() ? 1 : 0; }

EVO_API int32_t evo_set_requires_grad(void* handle, int32_t value) {
    return evo::guarded([&] {
        auto tensor = evo::share(handle);
        TORCH_CHECK(
            value != 0 || tensor.is_leaf(),
            "you can only change requires_grad flags of leaf variables; use detach() for a tensor without history");
        tensor.set_requires_grad(value != 0);
    });
}

EVO_API int32_t evo_is_leaf(void* handle, int32_t* answer) {
    return evo::guarded([&] { *answer = evo::share(handle).is_leaf() ? 1 : 0; });
}

EVO_API int32_t evo_retain_grad(void* handle) {
    return evo::guarded([&] { evo::share(handle).retain_grad(); });
}

// Null where there is no gradient.
EVO_API int32_t evo_grad(void* handle, void** result) {
    return evo::guarded([&] {
        auto gradient = evo::share(handle).grad();
        *result = evo::release(std::move(gradient));
    });
}

// The gradient itself is kept, not a copy: a view of a flat buffer stays one, and backward adds to it in place.
EVO_API int32_t evo_set_grad(void* handle, void* gradient) {
    return evo::guarded([&] {
        auto tensor = evo::share(handle);
        if (gradient == nullptr) {
            tensor.mutable_grad().reset();
            return;
        }
        auto value = evo::share(gradient);
        TORCH_CHECK(
            value.sizes() == tensor.sizes(), "the gradient has shape ", value.sizes(), ", the tensor ", tensor.sizes());
        TORCH_CHECK(
            value.dtype() == tensor.dtype(), "the gradient is ", value.dtype(), ", the tensor ", tensor.dtype());
        TORCH_CHECK(
            value.device() == tensor.device(), "the gradient is on ", value.device(), ", the tensor on ", tensor.device());
        TORCH_CHECK(!value.is_same(tensor), "a tensor cannot be its own gradient");
        tensor.mutable_grad() = value;
    });
}

// Gradients of `outputs` accumulate into the leaves (or only into `inputs` where given).
EVO_API int32_t evo_backward(
    void** outputs, int32_t output_count, void** gradients, int32_t gradient_count, int32_t retain_graph,
    int32_t create_graph, void** inputs, int32_t input_count) {
    return evo::guarded([&] {
        const InThisThread here;
        torch::autograd::backward(
            list(outputs, output_count), list(gradients, gradient_count), retain_graph != 0, create_graph != 0,
            list(inputs, input_count));
    });
}

// `results` has room for a handle for each input; null where an unused input is allowed.
EVO_API int32_t evo_gradients(
    void** outputs, int32_t output_count, void** inputs, int32_t input_count, void** gradients, int32_t gradient_count,
    int32_t retain_graph, int32_t create_graph, int32_t allow_unused, void** results) {
    return evo::guarded([&] {
        const InThisThread here;
        auto found = torch::autograd::grad(
            list(outputs, output_count), list(inputs, input_count), list(gradients, gradient_count), retain_graph != 0,
            create_graph != 0, allow_unused != 0);
        for (size_t k = 0; k < found.size(); k++) {
            results[k] = evo::release(std::move(found[k]));
        }
    });
}
