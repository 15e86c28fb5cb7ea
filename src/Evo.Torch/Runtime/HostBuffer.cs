// Memory of the processor that GPUs copy to and from.
using Evo.Torch.Native;
using TorchSharp;
using static TorchSharp.torch;
using Unmanaged = System.Runtime.InteropServices.NativeMemory;

namespace Evo.Torch;

/// <summary>
/// Memory of the processor that is filled from a device. For a GPU it is page-locked where the system allows as much: the GPU then writes
/// to it by itself, where other memory is filled through a buffer of the driver's, piece by piece.
/// </summary>
public sealed unsafe class HostBuffer : IDisposable
{
    private readonly Tensor? locked;
    private byte* address;

    /// <param name="bytes">How many.</param>
    /// <param name="device">What fills it.</param>
    public HostBuffer(long bytes, Device device)
    {
        locked = device.type == DeviceType.CUDA ? Locked(bytes) : null;
        address = locked is null ? (byte*)Unmanaged.AlignedAlloc((nuint)Math.Max(bytes, 64), 64) : TensorBytes.Pointer(locked);
    }

    /// <summary>The first byte; vectors of every width begin well.</summary>
    /// <exception cref="ObjectDisposedException">It has been freed.</exception>
    public byte* Address
    {
        get
        {
            ObjectDisposedException.ThrowIf(address is null, this);
            return address;
        }
    }

    /// <summary>Whether it is page-locked.</summary>
    public bool IsLocked => locked is not null;

    /// <summary>
    /// A tensor of the processor on a device; itself where it is there. To a GPU it goes through page-locked memory, and nobody waits for
    /// it but what reads it there.
    /// </summary>
    public static Tensor Send(Tensor host, Device device)
    {
        if (device.type != DeviceType.CUDA)
            return device.type == host.device_type ? host : host.to(device);
        using var between = Aten.empty_memory_format(host.shape, host.dtype, null, CPU, pin_memory: true);
        between.copy_(host);
        // libtorch keeps what it locked until the copy is over, whoever lets go of it.
        return Aten._to_copy(between, null, null, device, null, non_blocking: true);
    }

    /// <summary>As <see cref="Send"/>, into a tensor that is there already.</summary>
    public static void SendInto(Tensor host, Tensor there)
    {
        if (there.device_type != DeviceType.CUDA)
        {
            there.copy_(host);
            return;
        }

        using var between = Aten.empty_memory_format(host.shape, host.dtype, null, CPU, pin_memory: true);
        between.copy_(host);
        there.copy_(between, nonBlocking: true);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (locked is null)
            Unmanaged.AlignedFree(address);
        locked?.Dispose();
        address = null;
    }

    private static Tensor? Locked(long bytes)
    {
        try
        {
            return Aten.empty_memory_format([Math.Max(bytes, 64)], ScalarType.Byte, null, CPU, pin_memory: true).DetachFromDisposeScope();
        }
        catch (TorchException)
        {
            // No more of the machine's memory can be locked: any other does the same, slower.
            return null;
        }
    }
}
