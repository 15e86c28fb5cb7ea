// Memory under tensors that goes and comes while the tensors stay.
#include "evo_torch.h"

#include <c10/core/DeviceGuard.h>
#include <c10/core/StorageImpl.h>

// Gives the tensor's storage other memory of so many bytes, not initialised; what it held is lost. All views of the storage
// see the same: they keep no address of their own.
EVO_API int32_t evo_storage_resize(void* handle, int64_t bytes) {
    return evo::guarded([&] {
        auto* storage = evo::impl(handle)->storage().unsafeGetStorageImpl();
        TORCH_CHECK(storage->allocator() != nullptr, "this memory belongs to somebody else and cannot be given back");
        const c10::DeviceGuard guard(storage->device());
        storage->set_data_ptr_noswap(storage->allocator()->allocate(static_cast<size_t>(bytes)));
        storage->set_nbytes(static_cast<size_t>(bytes));
    });
}

// A tensor over the same storage, without history and with a version counter of its own.
EVO_API int32_t evo_tensor_untracked(void* handle, void** result) {
    return evo::guarded([&] { *result = evo::release(at::Tensor(evo::share(handle).variable_data())); });
}
