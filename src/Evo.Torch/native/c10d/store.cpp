// The store of keys and values through which ranks find one another: a server of one process, its clients, or the memory
// of this process.
#include "c10d.h"

#include <cstdlib>
#include <cstring>

#ifdef EVO_C10D
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

namespace {

std::vector<uint8_t> bytes(const void* data, int64_t count) {
    auto first = static_cast<const uint8_t*>(data);
    return std::vector<uint8_t>(first, first + count);
}

// The caller frees it with evo_free.
void give(const std::vector<uint8_t>& value, void** data, int64_t* count) {
    *count = static_cast<int64_t>(value.size());
    *data = std::malloc(value.empty() ? 1 : value.size());
    if (*data == nullptr) {
        throw std::bad_alloc();
    }
    std::memcpy(*data, value.data(), value.size());
}

}  // namespace

// The server's port may be 0: `bound` says which one it got.
EVO_API int32_t evo_store_tcp(const char* host, int32_t port, int32_t server, int64_t timeout_ms, void** result, int32_t* bound) {
    return evo::guarded([&] {
        c10d::TCPStoreOptions options;
        options.port = static_cast<uint16_t>(port);
        options.isServer = server != 0;
        options.waitWorkers = false;
        options.timeout = std::chrono::milliseconds(timeout_ms);
        auto store = c10::make_intrusive<c10d::TCPStore>(std::string(host), options);
        *bound = store->getPort();
        *result = new evo::StoreHandle{store};
    });
}

EVO_API int32_t evo_store_hash(void** result) {
    return evo::guarded([&] { *result = new evo::StoreHandle{c10::make_intrusive<c10d::HashStore>()}; });
}

// The same store, its keys under a prefix.
EVO_API int32_t evo_store_prefix(void* handle, const char* prefix, void** result) {
    return evo::guarded([&] {
        auto& inner = static_cast<evo::StoreHandle*>(handle)->store;
        *result = new evo::StoreHandle{c10::make_intrusive<c10d::PrefixStore>(std::string(prefix), inner)};
    });
}

EVO_API void evo_store_free(void* handle) {
    evo::guarded([&] { delete static_cast<evo::StoreHandle*>(handle); });
}

EVO_API int32_t evo_store_set(void* handle, const char* key, const void* data, int64_t count) {
    return evo::guarded([&] { evo::store_of(handle).set(key, bytes(data, count)); });
}

EVO_API int32_t evo_store_check(void* handle, const char* key, int32_t* there) {
    return evo::guarded([&] { *there = evo::store_of(handle).check({key}) ? 1 : 0; });
}

// Waits until the key is there.
EVO_API int32_t evo_store_get(void* handle, const char* key, void** data, int64_t* count) {
    return evo::guarded([&] { give(evo::store_of(handle).get(key), data, count); });
}

EVO_API int32_t evo_store_add(void* handle, const char* key, int64_t delta, int64_t* sum) {
    return evo::guarded([&] { *sum = evo::store_of(handle).add(key, delta); });
}

#else

EVO_API int32_t evo_store_tcp(const char*, int32_t, int32_t, int64_t, void**, int32_t*) { return evo::guarded(evo::no_c10d); }

EVO_API int32_t evo_store_hash(void**) { return evo::guarded(evo::no_c10d); }

EVO_API int32_t evo_store_prefix(void*, const char*, void**) { return evo::guarded(evo::no_c10d); }

EVO_API void evo_store_free(void*) {}

EVO_API int32_t evo_store_set(void*, const char*, const void*, int64_t) { return evo::guarded(evo::no_c10d); }

EVO_API int32_t evo_store_check(void*, const char*, int32_t*) { return evo::guarded(evo::no_c10d); }

EVO_API int32_t evo_store_get(void*, const char*, void**, int64_t*) { return evo::guarded(evo::no_c10d); }

EVO_API int32_t evo_store_add(void*, const char*, int64_t, int64_t*) { return evo::guarded(evo::no_c10d); }

#endif
