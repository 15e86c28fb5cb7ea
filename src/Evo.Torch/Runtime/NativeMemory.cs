// How much is alive on the native side.
using Evo.Torch.Native;

namespace Evo.Torch;

/// <summary>Counters of native tensors and of their memory on the processor, for the whole process.</summary>
public static class NativeMemory
{
    private static long live;

    /// <summary>Tensor objects of .NET that hold a native handle: a training step must not change it.</summary>
    public static long LiveTensors => Interlocked.Read(ref live);

    /// <summary>Bytes that tensors on the processor occupy now, whoever holds them (.NET, a graph, libtorch).</summary>
    public static long BytesAllocated => NativeMethods.evo_memory_current();

    /// <summary>The most bytes since the start or the last <see cref="ResetPeak"/>.</summary>
    public static long PeakBytes => NativeMethods.evo_memory_peak();

    /// <summary>Begins a new measurement of <see cref="PeakBytes"/>.</summary>
    public static void ResetPeak() => NativeMethods.evo_memory_reset_peak();

    /// <summary>
    /// Bytes of the machine's memory that large tensors (64 KiB and more) have taken on the processor: the most that were alive at one
    /// time, and the places between them that were of no use. It never falls.
    /// </summary>
    public static long ExtentBytes => NativeMethods.evo_memory_extent();

    /// <summary>
    /// Bytes of tensors on a CUDA device now and at most, and bytes that libtorch holds of the device; null where the
    /// native library was built without CUDA's headers.
    /// </summary>
    /// <exception cref="TorchException">No such device.</exception>
    public static unsafe (long Allocated, long Peak, long Reserved)? OfCuda(int device)
    {
        long current, peak, reserved;
        NativeFailure.Check(NativeMethods.evo_cuda_memory(device, &current, &peak, &reserved), "cuda memory");
        return current < 0 ? null : (current, peak, reserved);
    }

    /// <summary>Begins a new measurement of a CUDA device's peak.</summary>
    public static void ResetPeakOfCuda(int device) =>
        NativeFailure.Check(NativeMethods.evo_cuda_reset_peak(device), "cuda memory");

    internal static long Opened() => Interlocked.Increment(ref live);

    internal static void Closed() => Interlocked.Decrement(ref live);
}
