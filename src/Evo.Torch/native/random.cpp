// Random number generators.
#include "evo_torch.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/core/Generator.h>

#include <mutex>

namespace {

at::Generator share_generator(void* handle) {
    return at::Generator(
        c10::intrusive_ptr<c10::GeneratorImpl>::reclaim_copy(static_cast<c10::GeneratorImpl*>(handle)));
}

void* release_generator(const at::Generator& generator) {
    return c10::intrusive_ptr<c10::GeneratorImpl>(generator.getIntrusivePtr()).release();
}

at::Device device_of(int32_t type, int32_t index) {
    return at::Device(static_cast<at::DeviceType>(type), static_cast<at::DeviceIndex>(index));
}

}  // namespace

// The process-wide generator of a device.
EVO_API int32_t evo_default_generator(int32_t device_type, int32_t device_index, void** result) {
    return evo::guarded([&] {
        *result = release_generator(at::globalContext().defaultGenerator(device_of(device_type, device_index)));
    });
}

// A generator of its own, with a state that is a copy of nothing but the seed.
EVO_API int32_t evo_new_generator(int32_t device_type, int32_t device_index, uint64_t seed, void** result) {
    return evo::guarded([&] {
        if (device_type == static_cast<int32_t>(at::kCPU)) {
            *result = release_generator(at::detail::createCPUGenerator(seed));
            return;
        }
        auto generator = at::globalContext().defaultGenerator(device_of(device_type, device_index)).clone();
        generator.set_current_seed(seed);
        *result = release_generator(generator);
    });
}

EVO_API void evo_generator_free(void* handle) {
    c10::intrusive_ptr<c10::GeneratorImpl>::reclaim(static_cast<c10::GeneratorImpl*>(handle));
}

EVO_API int32_t evo_generator_set_seed(void* handle, uint64_t seed) {
    return evo::guarded([&] {
        auto generator = share_generator(handle);
        std::lock_guard<std::mutex> lock(generator.mutex());
        generator.set_current_seed(seed);
    });
}

// A new seed from the system's randomness.
EVO_API int32_t evo_generator_new_seed(void* handle, uint64_t* seed) {
    return evo::guarded([&] {
        auto generator = share_generator(handle);
        std::lock_guard<std::mutex> lock(generator.mutex());
        *seed = generator.seed();
    });
}

EVO_API int32_t evo_generator_current_seed(void* handle, uint64_t* seed) {
    return evo::guarded([&] {
        auto generator = share_generator(handle);
        std::lock_guard<std::mutex> lock(generator.mutex());
        *seed = generator.current_seed();
    });
}

// The state as a tensor of bytes.
EVO_API int32_t evo_generator_state(void* handle, void** result) {
    return evo::guarded([&] {
        auto generator = share_generator(handle);
        std::lock_guard<std::mutex> lock(generator.mutex());
        *result = evo::release(generator.get_state());
    });
}

EVO_API int32_t evo_generator_set_state(void* handle, void* state) {
    return evo::guarded([&] {
        auto generator = share_generator(handle);
        std::lock_guard<std::mutex> lock(generator.mutex());
        generator.set_state(evo::share(state));
    });
}

// Every generator of the process, as torch.manual_seed does.
EVO_API int32_t evo_manual_seed(uint64_t seed) {
    return evo::guarded([&] { at::manual_seed(seed); });
}
