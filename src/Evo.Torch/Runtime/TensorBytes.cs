// Raw memory of tensors: no copies, and so no conversions.
using System.Runtime.InteropServices;
using Evo.Torch.Native;
using TorchSharp;

namespace Evo.Torch;

/// <summary>
/// Views of the bytes of contiguous tensors on the processor, and tensors over memory of the caller. A view is valid
/// as long as the tensor is: keep the tensor referenced and undisposed while using it.
/// </summary>
public static unsafe class TensorBytes
{
    /// <summary>The size of a tensor's elements in bytes.</summary>
    public static long Length(torch.Tensor tensor)
    {
        var facts = tensor.Facts();
        return facts.Elements * facts.ElementSize;
    }

    /// <summary>All bytes of a tensor.</summary>
    /// <exception cref="InvalidOperationException">Not on the processor, not contiguous, or 2 GB and more.</exception>
    public static Span<byte> Of(torch.Tensor tensor)
    {
        var length = Length(tensor);
        return length <= int.MaxValue
            ? new(Pointer(tensor), (int)length)
            : throw new InvalidOperationException($"a tensor of {length} bytes is too large for one span; use Slice");
    }

    /// <summary>Some bytes of a tensor.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Outside of the tensor.</exception>
    public static Span<byte> Slice(torch.Tensor tensor, long offset, int length)
    {
        var total = Length(tensor);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, total - offset);
        return new(Pointer(tensor) + offset, length);
    }

    /// <summary>The elements of a tensor.</summary>
    /// <exception cref="ArgumentException">T is not the .NET type of the dtype.</exception>
    public static Span<T> Elements<T>(torch.Tensor tensor)
        where T : unmanaged
    {
        tensor.ValidateType(typeof(T));
        return MemoryMarshal.Cast<byte, T>(Of(tensor));
    }

    /// <summary>The address of a tensor's first byte.</summary>
    /// <exception cref="InvalidOperationException">Not on the processor, or not contiguous.</exception>
    public static byte* Pointer(torch.Tensor tensor)
    {
        if (!tensor.is_cpu())
        {
            throw new InvalidOperationException($"the tensor is on {tensor.device}; its bytes can be seen on the processor only");
        }

        return tensor.is_contiguous()
            ? (byte*)tensor.DataPointer()
            : throw new InvalidOperationException("the tensor is not contiguous; call contiguous() first");
    }

    /// <summary>A tensor over memory of the caller, which must stay valid and unmoved until the tensor and all views of it are gone.</summary>
    public static torch.Tensor Over(void* memory, ReadOnlySpan<long> shape, torch.ScalarType dtype)
    {
        nint handle;
        fixed (long* sizes = shape)
        {
            NativeFailure.Check(
                NativeMethods.evo_tensor_from_memory(memory, sizes, shape.Length, (int)dtype, null, null, &handle), "from_blob");
        }

        return new(handle);
    }

    /// <summary>A tensor over an array of .NET, without a copy: the array is pinned until the tensor and all its views are gone.</summary>
    /// <exception cref="ArgumentException">The array holds fewer elements than the shape, or another type.</exception>
    public static torch.Tensor Over<T>(T[] array, ReadOnlySpan<long> shape, torch.ScalarType dtype)
        where T : unmanaged
    {
        long elements = 1;
        foreach (var size in shape)
        {
            elements = checked(elements * size);
        }

        if (torch.Tensor.ElementType(dtype) != typeof(T) || elements > array.Length)
        {
            throw new ArgumentException(
                $"an array of {array.Length} {typeof(T).Name} cannot hold {elements} elements of {dtype}", nameof(array));
        }

        var pin = GCHandle.Alloc(array, GCHandleType.Pinned);
        nint handle;
        fixed (long* sizes = shape)
        {
            var status = NativeMethods.evo_tensor_from_memory(
                (void*)pin.AddrOfPinnedObject(), sizes, shape.Length, (int)dtype, &Unpin, (void*)GCHandle.ToIntPtr(pin), &handle);
            if (status != 0)
            {
                pin.Free();
                NativeFailure.Throw(status, "from_blob");
            }
        }

        return new(handle);
    }

    [UnmanagedCallersOnly]
    private static void Unpin(void* context) => GCHandle.FromIntPtr((nint)context).Free();
}
