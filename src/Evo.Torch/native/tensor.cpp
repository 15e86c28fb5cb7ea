// What a tensor says about itself, without going through the dispatcher.
#include "evo_torch.h"

#include <ATen/ops/from_blob.h>

namespace {

void drop(void* handle) {
    c10::intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>::reclaim(static_cast<at::TensorImpl*>(handle));
}

}  // namespace

// Gives up one handle.
EVO_API void evo_tensor_free(void* handle) {
    // The destructor of a graph may run here; none of it may throw into .NET.
    evo::guarded([&] { drop(handle); });
}

// A second handle to the same tensor object.
EVO_API void* evo_tensor_share(void* handle) { return evo::release(evo::share(handle)); }

// dtype, device type, device index, dimensions, elements, flags (1 requires grad, 2 leaf, 4 contiguous, 8 sparse).
struct EvoTensorFacts {
    int32_t dtype;
    int32_t device_type;
    int32_t device_index;
    int32_t dim;
    int64_t elements;
    int64_t storage_offset;
    int32_t element_size;
    int32_t layout;
};

EVO_API int32_t evo_tensor_facts(void* handle, EvoTensorFacts* facts) {
    return evo::guarded([&] {
        auto impl = evo::impl(handle);
        auto device = impl->device();
        facts->dtype = static_cast<int32_t>(c10::typeMetaToScalarType(impl->dtype()));
        facts->device_type = static_cast<int32_t>(device.type());
        facts->device_index = static_cast<int32_t>(device.index());
        facts->dim = static_cast<int32_t>(impl->dim());
        facts->elements = impl->numel();
        facts->layout = static_cast<int32_t>(impl->layout());
        facts->storage_offset = impl->layout() == c10::kStrided ? impl->storage_offset() : 0;
        facts->element_size = static_cast<int32_t>(impl->itemsize());
    });
}

// Dimensions: -1 is written when the tensor has more than `capacity`.
EVO_API int32_t evo_tensor_shape(void* handle, int64_t* sizes, int32_t capacity, int32_t* dim) {
    return evo::guarded([&] {
        auto shape = evo::impl(handle)->sizes();
        *dim = static_cast<int32_t>(shape.size());
        for (int32_t k = 0; k < *dim && k < capacity; k++) {
            sizes[k] = shape[k];
        }
    });
}

EVO_API int32_t evo_tensor_strides(void* handle, int64_t* strides, int32_t capacity, int32_t* dim) {
    return evo::guarded([&] {
        auto found = evo::impl(handle)->strides();
        *dim = static_cast<int32_t>(found.size());
        for (int32_t k = 0; k < *dim && k < capacity; k++) {
            strides[k] = found[k];
        }
    });
}

EVO_API int32_t evo_tensor_dtype(void* handle) {
    return static_cast<int32_t>(c10::typeMetaToScalarType(evo::impl(handle)->dtype()));
}

EVO_API int64_t evo_tensor_elements(void* handle) {
    int64_t count = -1;
    evo::guarded([&] { count = evo::impl(handle)->numel(); });
    return count;
}

EVO_API int32_t evo_tensor_is_contiguous(void* handle, int32_t* answer) {
    return evo::guarded([&] { *answer = evo::impl(handle)->is_contiguous() ? 1 : 0; });
}

// The address of the first element; fails for tensors without storage.
EVO_API int32_t evo_tensor_data(void* handle, void** data) {
    return evo::guarded([&] { *data = evo::share(handle).data_ptr(); });
}

// A handle's object identity: two handles of one tensor object are the same pointer.
EVO_API int32_t evo_tensor_use_count(void* handle) {
    return static_cast<int32_t>(evo::share(handle).use_count()) - 1;
}

// A CPU tensor over memory of the caller; `release(context)` is called when the last user lets go.
EVO_API int32_t evo_tensor_from_memory(
    void* data, const int64_t* sizes, int32_t dim, int32_t dtype, void (*release)(void*), void* context, void** result) {
    return evo::guarded([&] {
        auto options = at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype)).device(at::kCPU);
        at::IntArrayRef shape(sizes, static_cast<size_t>(dim));
        auto tensor = release == nullptr
            ? at::from_blob(data, shape, options)
            : at::from_blob(data, shape, [release, context](void*) { release(context); }, options);
        *result = evo::release(std::move(tensor));
    });
}
