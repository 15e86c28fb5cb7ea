// What libtorch's operators do when, on every thread, between evo_profile_start and evo_profile_stop.
#include "evo_torch.h"

#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "kernels/operators.h"

// One call that has ended. Times are nanoseconds of the clock that .NET's Stopwatch reads.
struct EvoOperatorCall {
    int64_t begin;
    int64_t end;
    int64_t operations;  // of matrix products, and of attention where the host knows its sequences; of what it calls too
    int64_t bytes;       // of its tensors; 0 where it only looks at them in another way
    int32_t name;        // a number of evo_profile_name
    int32_t thread;
};

namespace {

// A call under way: its arguments can be seen only when it begins.
struct Open final : at::ObserverContext {
    int64_t begin = 0, operations = 0, bytes = 0, product = 0;
    std::vector<const void*> storages;
};

std::mutex gate;
std::vector<EvoOperatorCall> calls;
std::vector<std::unique_ptr<std::string>> names;
std::unordered_map<std::string, int32_t> numbers;
at::CallbackHandle handle = at::INVALID_CALLBACK_HANDLE;
int waits_for = -1;  // a CUDA device, or none

int64_t now() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int32_t this_thread() {
    static std::atomic<int32_t> count{0};
    thread_local const int32_t own = count++;
    return own;
}

// Calls `each` with every tensor among the values.
template <class Values, class Each>
void tensors_of(const Values& values, Each&& each) {
    for (const c10::IValue& value : values) {
        if (value.isTensor()) {
            if (const auto& tensor = value.toTensor(); tensor.defined()) each(tensor);
        } else if (value.isTensorList()) {
            for (const at::Tensor& tensor : value.toTensorVector())
                if (tensor.defined()) each(tensor);
        }
    }
}

int64_t bytes_of(const at::Tensor& tensor) {
    return tensor.layout() == at::kStrided ? static_cast<int64_t>(tensor.numel() * tensor.element_size()) : 0;
}

const void* storage_of(const at::Tensor& tensor) {
    return tensor.layout() == at::kStrided && tensor.has_storage() ? tensor.storage().unsafeGetStorageImpl() : nullptr;
}

bool begins(const std::string& name, const char* with) { return name.rfind(with, 0) == 0; }

// Operations of a product by one of libtorch's own operators, 0 of all else. Our operators count theirs themselves, and hide from the
// profile what they ask libtorch for.
int64_t product_operations(const std::string& name, c10::ArrayRef<const c10::IValue> inputs) {
    const bool adds = begins(name, "aten::addmm") || begins(name, "aten::baddbmm") || name == "aten::_addmm_activation";
    if (!adds && name != "aten::mm" && name != "aten::bmm") return 0;
    const size_t left = adds ? 1 : 0;
    if (inputs.size() < left + 2 || !inputs[left].isTensor() || !inputs[left + 1].isTensor()) return 0;
    return 2 * static_cast<int64_t>(inputs[left].toTensor().numel()) * inputs[left + 1].toTensor().size(-1);
}

void wait_for_device() {
    if (waits_for >= 0) at::detail::getCUDAHooks().deviceSynchronize(static_cast<c10::DeviceIndex>(waits_for));
}

std::unique_ptr<at::ObserverContext> start(const at::RecordFunction& call) {
    auto open = std::make_unique<Open>();
    wait_for_device();  // what was told it before, unseen, is the time of the operator around this one
    tensors_of(call.inputs(), [&](const at::Tensor& tensor) {
        open->bytes += bytes_of(tensor);
        open->storages.push_back(storage_of(tensor));
    });
    open->product = product_operations(call.name(), call.inputs());
    open->operations = evo::kernels::counted_here();
    open->begin = now();
    return open;
}

void stop(const at::RecordFunction& call, at::ObserverContext* context) {
    auto* open = static_cast<Open*>(context);
    wait_for_device();
    const int64_t end = now();
    const std::string name = call.name();

    // A result that is a view of an argument moves nothing, unless the operator writes into it; nor does memory that is only asked for.
    const auto& given = open->storages;
    int64_t made = 0;
    bool moves = name.back() == '_';
    tensors_of(call.outputs(), [&](const at::Tensor& tensor) {
        made += bytes_of(tensor);
        moves = moves || std::find(given.begin(), given.end(), storage_of(tensor)) == given.end();
    });
    evo::kernels::count_here(open->product);
    if (begins(name, "aten::empty") || begins(name, "aten::new_empty")) moves = false;

    std::lock_guard<std::mutex> lock(gate);
    auto found = numbers.find(name);
    if (found == numbers.end()) {
        found = numbers.emplace(name, static_cast<int32_t>(names.size())).first;
        names.push_back(std::make_unique<std::string>(name));
    }
    calls.push_back(
        {open->begin, end, evo::kernels::counted_here() - open->operations, moves ? open->bytes + made : 0, found->second, this_thread()});
}

}  // namespace

// Begins anew. With a CUDA device every operator is waited for, so that it has a time of its own.
EVO_API int32_t evo_profile_start(int32_t device) {
    return evo::guarded([&] {
        TORCH_CHECK(handle == at::INVALID_CALLBACK_HANDLE, "operators are being recorded already");
        calls.clear();
        waits_for = device;
        handle = at::addGlobalCallback(at::RecordFunctionCallback(&start, &stop)
                                           .needsInputs(true)
                                           .needsOutputs(true)
                                           .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
    });
}

EVO_API int32_t evo_profile_stop() {
    return evo::guarded([&] {
        if (handle != at::INVALID_CALLBACK_HANDLE) at::removeCallback(handle);
        handle = at::INVALID_CALLBACK_HANDLE;
    });
}

EVO_API int32_t evo_profile_thread() { return this_thread(); }

EVO_API int64_t evo_profile_calls(const EvoOperatorCall** first) {
    std::lock_guard<std::mutex> lock(gate);
    *first = calls.data();
    return static_cast<int64_t>(calls.size());
}

// Stays until the process ends.
EVO_API const char* evo_profile_name(int32_t number) {
    std::lock_guard<std::mutex> lock(gate);
    return names.at(static_cast<size_t>(number))->c_str();
}
