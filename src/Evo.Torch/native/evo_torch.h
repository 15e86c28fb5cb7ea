// The C boundary between Evo.Torch and libtorch. Every function that can fail returns a status; the text of the
// failure waits in the calling thread (evo_error_text). No C++ exception crosses this line.
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>

#include <ATen/core/Tensor.h>

#if __has_include(<torch/headeronly/version.h>)
#include <torch/headeronly/version.h>
#else
#include <torch/csrc/api/include/torch/version.h>
#endif

// EVO_TORCH_AT_LEAST(2, 4): the headers are of 2.4 or newer.
#define EVO_TORCH_AT_LEAST(major, minor) \
    (TORCH_VERSION_MAJOR > (major) || (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

#define EVO_API extern "C" __attribute__((visibility("default")))

// The result of a call. A managed failure is a .NET exception that passed through libtorch (a backward, a hook).
enum EvoStatus : int32_t { EVO_OK = 0, EVO_NATIVE_FAILURE = 1, EVO_MANAGED_FAILURE = 2 };

// What an EvoValue holds; NativeValue.cs has the same numbers.
enum EvoTag : int32_t {
    EVO_NONE = 0,
    EVO_TENSOR = 1,       // p: handle, owned by the caller (argument) or by the receiver (result); null: none
    EVO_INT = 2,          // i
    EVO_DOUBLE = 3,       // d
    EVO_BOOL = 4,         // i
    EVO_STRING = 5,       // p: UTF-8, length in bytes
    EVO_INT_LIST = 6,     // p: int64_t[length]
    EVO_DOUBLE_LIST = 7,  // p: double[length]
    EVO_BOOL_LIST = 8,    // p: uint8_t[length]
    EVO_TENSOR_LIST = 9,  // p: handle[length]
    EVO_OPTIONAL_TENSOR_LIST = 10,  // p: handle[length], null: none
    EVO_COMPLEX = 11,     // d, d2
    EVO_DEVICE = 12,      // i: type, i2: index
    EVO_GENERATOR = 13,   // p: handle
    EVO_DEFAULT = 14,     // the schema's own default
};

// One argument or result of an operator: 24 bytes, blittable.
struct EvoValue {
    int32_t tag;
    int32_t length;
    union {
        int64_t i;
        double d;
        void* p;
    };
    union {
        int64_t i2;
        double d2;
    };
};

namespace evo {

// c10::optional has gone from newer versions; in those from 2.4 on it was std's by another name.
#if EVO_TORCH_AT_LEAST(2, 4)
template <class Value>
using optional = std::optional<Value>;
#else
template <class Value>
using optional = c10::optional<Value>;
#endif

// A .NET exception on its way through C++: the number under which the managed side keeps it.
class ManagedFailure : public std::exception {
public:
    explicit ManagedFailure(int64_t id) : id(id) {}
    const char* what() const noexcept override { return "an exception of .NET code"; }
    const int64_t id;
};

// Writes the exception in flight where evo_error_text finds it. Called only from a catch block.
int32_t record_failure() noexcept;

// A tensor that shares ownership with the handle.
inline at::Tensor share(void* handle) {
    return at::Tensor(
        c10::intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>::reclaim_copy(static_cast<at::TensorImpl*>(handle)));
}

inline at::TensorImpl* impl(void* handle) { return static_cast<at::TensorImpl*>(handle); }

// Gives ownership to the caller; an undefined tensor is a null handle.
inline void* release(at::Tensor&& tensor) {
    return tensor.defined() ? static_cast<void*>(tensor.unsafeReleaseTensorImpl()) : nullptr;
}

// Runs `body`, turns every exception into a status.
template <class Body>
int32_t guarded(Body&& body) noexcept {
    try {
        body();
        return EVO_OK;
    } catch (...) {
        return record_failure();
    }
}

}  // namespace evo
