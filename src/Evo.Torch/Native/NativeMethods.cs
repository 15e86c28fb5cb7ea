// The functions of libevo_torch.so.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Evo.Torch.Native;

[StructLayout(LayoutKind.Sequential)]
internal struct TensorFacts
{
    public int Dtype;
    public int DeviceType;
    public int DeviceIndex;
    public int Dimensions;
    public long Elements;
    public long StorageOffset;
    public int ElementSize;
    public int Layout;
}

internal static unsafe partial class NativeMethods
{
    internal const string Library = "evo_torch";

    static NativeMethods() => LibraryLoader.Prepare();

    [LibraryImport(Library)]
    internal static partial byte* evo_error_text();

    [LibraryImport(Library)]
    internal static partial long evo_error_managed();

    [LibraryImport(Library)]
    internal static partial void evo_free(void* memory);

    [LibraryImport(Library)]
    internal static partial int evo_find_operator(byte* name, byte* overload, nint* result);

    [LibraryImport(Library)]
    internal static partial int evo_operator_schema(nint operation, byte** text);

    [LibraryImport(Library)]
    internal static partial int evo_call(nint operation, NativeValue* arguments, int argumentCount, NativeValue* results, int resultCount);

    [LibraryImport(Library)]
    internal static partial void evo_tensor_free(nint handle);

    [LibraryImport(Library)]
    internal static partial nint evo_tensor_share(nint handle);

    [LibraryImport(Library)]
    internal static partial int evo_tensor_facts(nint handle, TensorFacts* facts);

    [LibraryImport(Library)]
    internal static partial int evo_tensor_shape(nint handle, long* sizes, int capacity, int* dimensions);

    [LibraryImport(Library)]
    internal static partial int evo_tensor_strides(nint handle, long* strides, int capacity, int* dimensions);

    [LibraryImport(Library)]
    internal static partial int evo_tensor_dtype(nint handle);

    [LibraryImport(Library)]
    internal static partial long evo_tensor_elements(nint handle);

    [LibraryImport(Library)]
    internal static partial int evo_tensor_is_contiguous(nint handle, int* answer);

    [LibraryImport(Library)]
    internal static partial int evo_tensor_data(nint handle, void** data);

    [LibraryImport(Library)]
    internal static partial int evo_tensor_from_memory(
        void* data,
        long* sizes,
        int dimensions,
        int dtype,
        delegate* unmanaged<void*, void> release,
        void* context,
        nint* result);

    // Memory under a tensor (storage.cpp).
    [LibraryImport(Library)]
    internal static partial int evo_storage_resize(nint handle, long bytes);

    [LibraryImport(Library)]
    internal static partial int evo_tensor_untracked(nint handle, nint* result);

    // Gradients (autograd.cpp).
    [LibraryImport(Library)]
    internal static partial int evo_grad_mode();

    [LibraryImport(Library)]
    internal static partial void evo_set_grad_mode(int enabled);

    [LibraryImport(Library)]
    internal static partial int evo_inference_mode();

    [LibraryImport(Library)]
    internal static partial nint evo_open_inference_mode(int enabled);

    [LibraryImport(Library)]
    internal static partial void evo_close_inference_mode(nint guard);

    [LibraryImport(Library)]
    internal static partial int evo_anomaly();

    [LibraryImport(Library)]
    internal static partial void evo_set_anomaly(int flags);

    [LibraryImport(Library)]
    internal static partial int evo_requires_grad(nint handle);

    [LibraryImport(Library)]
    internal static partial int evo_set_requires_grad(nint handle, int value);

    [LibraryImport(Library)]
    internal static partial int evo_is_leaf(nint handle, int* answer);

    [LibraryImport(Library)]
    internal static partial int evo_retain_grad(nint handle);

    [LibraryImport(Library)]
    internal static partial int evo_grad(nint handle, nint* result);

    [LibraryImport(Library)]
    internal static partial int evo_set_grad(nint handle, nint gradient);

    [LibraryImport(Library)]
    internal static partial int evo_backward(
        nint* outputs,
        int outputCount,
        nint* gradients,
        int gradientCount,
        int retainGraph,
        int createGraph,
        nint* inputs,
        int inputCount);

    [LibraryImport(Library)]
    internal static partial int evo_gradients(
        nint* outputs,
        int outputCount,
        nint* inputs,
        int inputCount,
        nint* gradients,
        int gradientCount,
        int retainGraph,
        int createGraph,
        int allowUnused,
        nint* results);

    // Callbacks (hooks.cpp, function.cpp).
    [LibraryImport(Library)]
    internal static partial int evo_register_hook(
        nint handle,
        delegate* unmanaged<void*, nint, nint*, long*, int> hook,
        void* context,
        delegate* unmanaged<void*, void> free,
        uint* position);

    [LibraryImport(Library)]
    internal static partial int evo_remove_hook(nint handle, uint position);

    [LibraryImport(Library)]
    internal static partial int evo_register_accumulation_hook(
        nint handle,
        delegate* unmanaged<void*, nint, nint*, long*, int> hook,
        void* context,
        delegate* unmanaged<void*, void> free,
        nint* accumulator);

    [LibraryImport(Library)]
    internal static partial void evo_free_accumulator(nint accumulator);

    [LibraryImport(Library)]
    internal static partial int evo_function_apply(
        FunctionCalls* calls,
        void* state,
        nint* inputs,
        int inputCount,
        nint* outputs,
        int* outputCount);

    [LibraryImport(Library)]
    internal static partial int evo_context_save(nint context, nint* handles, int count);

    [LibraryImport(Library)]
    internal static partial int evo_context_saved(nint context, nint* handles, int capacity, int* count);

    [LibraryImport(Library)]
    internal static partial int evo_context_mark_dirty(nint context, nint* handles, int count);

    [LibraryImport(Library)]
    internal static partial int evo_context_mark_non_differentiable(nint context, nint* handles, int count);

    [LibraryImport(Library)]
    internal static partial void evo_context_set_materialize_grads(nint context, int value);

    // Random numbers (random.cpp).
    [LibraryImport(Library)]
    internal static partial int evo_default_generator(int deviceType, int deviceIndex, nint* result);

    [LibraryImport(Library)]
    internal static partial int evo_new_generator(int deviceType, int deviceIndex, ulong seed, nint* result);

    [LibraryImport(Library)]
    internal static partial void evo_generator_free(nint handle);

    [LibraryImport(Library)]
    internal static partial int evo_generator_set_seed(nint handle, ulong seed);

    [LibraryImport(Library)]
    internal static partial int evo_generator_new_seed(nint handle, ulong* seed);

    [LibraryImport(Library)]
    internal static partial int evo_generator_current_seed(nint handle, ulong* seed);

    [LibraryImport(Library)]
    internal static partial int evo_generator_state(nint handle, nint* result);

    [LibraryImport(Library)]
    internal static partial int evo_generator_set_state(nint handle, nint state);

    [LibraryImport(Library)]
    internal static partial int evo_manual_seed(ulong seed);

    // The run time (runtime.cpp, memory.cpp).
    [LibraryImport(Library)]
    internal static partial byte* evo_build_version();

    [LibraryImport(Library)]
    internal static partial byte* evo_build_folder();

    [LibraryImport(Library)]
    internal static partial byte* evo_loaded_file();

    [LibraryImport(Library)]
    internal static partial int evo_threads();

    [LibraryImport(Library)]
    internal static partial int evo_set_threads(int count);

    [LibraryImport(Library)]
    internal static partial int evo_set_own_threads(int count);

    [LibraryImport(Library)]
    internal static partial byte* evo_blas_config();

    [LibraryImport(Library)]
    internal static partial byte* evo_blas_core();

    [LibraryImport(Library)]
    internal static partial int evo_blas_threading();

    [LibraryImport(Library)]
    internal static partial int evo_has_mkl();

    [LibraryImport(Library)]
    internal static partial int evo_set_deterministic(int value);

    [LibraryImport(Library)]
    internal static partial int evo_deterministic();

    [LibraryImport(Library)]
    internal static partial int evo_cuda_devices();

    [LibraryImport(Library)]
    internal static partial int evo_cuda_kernels();

    [LibraryImport(Library)]
    internal static partial int evo_cuda_synchronize(int device);

    [LibraryImport(Library)]
    internal static partial int evo_cuda_memory(int device, long* current, long* peak, long* reserved);

    [LibraryImport(Library)]
    internal static partial int evo_cuda_reset_peak(int device);

    [LibraryImport(Library)]
    internal static partial long evo_memory_current();

    [LibraryImport(Library)]
    internal static partial long evo_memory_peak();

    [LibraryImport(Library)]
    internal static partial void evo_memory_reset_peak();

    [LibraryImport(Library)]
    internal static partial long evo_memory_extent();

    /// <summary>As EvoOperatorCall of native/profile.cpp.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal readonly struct OperatorCall
    {
        internal readonly long Begin, End, Operations, Bytes;
        internal readonly int Name, Thread;
    }

    [LibraryImport(Library)]
    internal static partial int evo_profile_start(int device);

    [LibraryImport(Library)]
    internal static partial int evo_profile_stop();

    [LibraryImport(Library)]
    internal static partial int evo_profile_thread();

    [LibraryImport(Library)]
    internal static partial long evo_profile_calls(OperatorCall** first);

    [LibraryImport(Library)]
    internal static partial byte* evo_profile_name(int number);

    [LibraryImport(Library)]
    internal static partial long evo_counted_operations(int work);

    [LibraryImport(Library)]
    internal static partial int evo_products_have_choice();

    [LibraryImport(Library)]
    internal static partial byte* evo_onednn_version();

    [LibraryImport(Library)]
    internal static partial int evo_products_choose(byte* choices, long* known, int count);

    [LibraryImport(Library)]
    internal static partial int evo_product_times(int form, long rows, long columns, long inner, double* seconds, int ways);
}
