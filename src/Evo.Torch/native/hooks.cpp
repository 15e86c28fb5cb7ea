// Callbacks into .NET from the autograd engine. A callback gives a status; EVO_MANAGED_FAILURE comes with the number
// of the exception, which travels through the engine as a C++ exception to the backward call.
#include "evo_torch.h"

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <memory>

namespace {

// Owns a GCHandle of .NET.
class Callback {
public:
    Callback(void* context, void (*free)(void*)) : context(context), free_(free) {}
    Callback(const Callback&) = delete;
    Callback& operator=(const Callback&) = delete;
    ~Callback() { free_(context); }
    void* const context;

private:
    void (*const free_)(void*);
};

using GradientHook = int32_t (*)(void* context, void* gradient, void** replacement, int64_t* failure);

at::Tensor run(GradientHook hook, const Callback& callback, const at::TensorBase& gradient) {
    void* replacement = nullptr;
    int64_t failure = 0;
    auto argument = gradient.defined() ? evo::release(at::Tensor(gradient)) : nullptr;
    if (hook(callback.context, argument, &replacement, &failure) != EVO_OK) {
        throw evo::ManagedFailure(failure);
    }
    return replacement == nullptr
        ? at::Tensor()
        : at::Tensor(c10::intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>::reclaim(evo::impl(replacement)));
}

// Runs after a leaf's gradient has been accumulated.
class AfterAccumulation : public torch::autograd::FunctionPostHook {
public:
    AfterAccumulation(GradientHook hook, std::shared_ptr<Callback> callback, const at::Tensor& leaf)
        : hook(hook), callback(std::move(callback)), leaf(leaf.getIntrusivePtr()) {}

    torch::autograd::variable_list operator()(
        const torch::autograd::variable_list& outputs, const torch::autograd::variable_list&) override {
        auto alive = leaf.lock();
        if (alive) {
            run(hook, *callback, at::Tensor(std::move(alive)));
        }
        return outputs;
    }

private:
    GradientHook hook;
    std::shared_ptr<Callback> callback;
    c10::weak_intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl> leaf;
};

// How libtorch holds one: not by the same pointer in every version.
using Accumulator = decltype(torch::autograd::impl::grad_accumulator(std::declval<const at::Tensor&>()));

}  // namespace

// The callback owns the gradient that it is given and may give a replacement. `position` serves to remove it.
EVO_API int32_t evo_register_hook(
    void* handle, GradientHook hook, void* context, void (*free)(void*), uint32_t* position) {
    auto callback = std::make_shared<Callback>(context, free);
    return evo::guarded([&] {
        auto tensor = evo::share(handle);
        *position = tensor.register_hook(
            [hook, callback](at::Tensor gradient) { return run(hook, *callback, gradient); });
    });
}

EVO_API int32_t evo_remove_hook(void* handle, uint32_t position) {
    return evo::guarded([&] { evo::share(handle).remove_hook(position); });
}

// The callback is given the leaf whose gradient is complete for this backward. The gradient accumulator, which lives
// only as long as somebody holds it, is given to the caller; freeing it removes the hook once no graph needs it.
EVO_API int32_t evo_register_accumulation_hook(
    void* handle, GradientHook hook, void* context, void (*free)(void*), void** accumulator) {
    auto callback = std::make_shared<Callback>(context, free);
    return evo::guarded([&] {
        auto tensor = evo::share(handle);
        TORCH_CHECK(tensor.is_leaf() && tensor.requires_grad(), "only a leaf that requires a gradient accumulates one");
        auto node = torch::autograd::impl::grad_accumulator(tensor);
        node->add_post_hook(std::make_unique<AfterAccumulation>(hook, std::move(callback), tensor));
        *accumulator = new Accumulator(std::move(node));
    });
}

EVO_API void evo_free_accumulator(void* accumulator) {
    evo::guarded([&] { delete static_cast<Accumulator*>(accumulator); });
}
