// How every tensor is made from values: defaults, checks and the copy of the bytes. Ranges, arrays and *_like are here too.

using System.Numerics;
using System.Runtime.InteropServices;
using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    private static ScalarType default_dtype = ScalarType.Float32;
    private static Device default_device = new(DeviceType.CPU);

    /// <summary>The floating-point dtype of tensors made without one; float32 at the start.</summary>
    public static ScalarType get_default_dtype() => default_dtype;

    /// <summary>Sets <see cref="get_default_dtype"/> for the whole process.</summary>
    /// <exception cref="ArgumentException">The dtype is not a floating-point one.</exception>
    public static void set_default_dtype(ScalarType dtype) =>
        default_dtype = is_floating_point(dtype) ? dtype : throw new ArgumentException($"Only a floating-point dtype can be the default, got {dtype}.");

    /// <summary>The device of tensors made without one; the CPU at the start.</summary>
    public static Device get_default_device() => default_device;

    /// <summary>Sets <see cref="get_default_device"/> for the whole process.</summary>
    public static void set_default_device(Device device) => default_device = device;

    /// <summary>Sets <see cref="get_default_device"/> for the whole process, given as "cpu" or "cuda:1".</summary>
    public static void set_default_device(string device) => default_device = new Device(device);

    private static ScalarType Or(ScalarType? dtype) => dtype ?? default_dtype;

    private static Device Or(Device? device) => device ?? default_device;

    private static Tensor Made(Tensor tensor, bool requires_grad, string[]? names)
    {
        if (names is not null) throw new NotSupportedException("Named dimensions are not supported.");
        return requires_grad ? tensor.requires_grad_() : tensor;
    }

    private static Tensor From<T>(ReadOnlySpan<T> values, ReadOnlySpan<long> shape, ScalarType? dtype, Device? device, bool requires_grad, string[]? names)
        where T : unmanaged
    {
        var count = 1L;
        foreach (var size in shape) count *= size;
        if (count != values.Length)
            throw new ArgumentException($"{values.Length} values do not fill a tensor of shape [{string.Join(", ", shape.ToArray())}], which has {count} elements.");
        var made = Aten.empty_memory_format(shape, ElementType(typeof(T)), null, CPU);
        if (count > 0) MemoryMarshal.AsBytes(values).CopyTo(made.bytes);
        return Made(made.to(dtype ?? made.dtype, Or(device), disposeAfter: true), requires_grad, names);
    }

    private static Tensor From<T>(T[] values, ReadOnlySpan<long> shape, ScalarType? dtype, Device? device, bool requires_grad, string[]? names)
        where T : unmanaged => From((ReadOnlySpan<T>)values, shape, dtype, device, requires_grad, names);

    internal static ScalarType ElementType(Type type) =>
        type == typeof(float) ? ScalarType.Float32
        : type == typeof(double) ? ScalarType.Float64
        : type == typeof(long) ? ScalarType.Int64
        : type == typeof(int) ? ScalarType.Int32
        : type == typeof(short) ? ScalarType.Int16
        : type == typeof(sbyte) ? ScalarType.Int8
        : type == typeof(byte) ? ScalarType.Byte
        : type == typeof(bool) ? ScalarType.Bool
        : type == typeof(Half) ? ScalarType.Float16
        : type == typeof(BFloat16) ? ScalarType.BFloat16
        : type == typeof((float, float)) ? ScalarType.ComplexFloat32
        : type == typeof(Complex) ? ScalarType.ComplexFloat64
        : throw new NotSupportedException($"{type.Name} is not the type of a tensor's elements.");

    /// <summary>A tensor of an array's shape (any number of dimensions) and values.</summary>
    /// <exception cref="NotSupportedException">The element type has no dtype.</exception>
    public static Tensor from_array(Array rawArray, Device? device = null) => from_array(rawArray, null, device);

    /// <summary>A tensor of an array's shape (any number of dimensions) and values, converted to a dtype.</summary>
    /// <exception cref="NotSupportedException">The element type has no dtype.</exception>
    public static Tensor from_array(Array rawArray, ScalarType? dtype, Device? device = null, bool requires_grad = false, string[]? names = null)
    {
        var shape = Enumerable.Range(0, rawArray.Rank).Select(dim => (long)rawArray.GetLength(dim)).ToArray();
        var made = Aten.empty_memory_format(shape, ElementType(rawArray.GetType().GetElementType()!), null, CPU);
        if (rawArray.Length > 0)
            MemoryMarshal.CreateReadOnlySpan(ref MemoryMarshal.GetArrayDataReference(rawArray), made.bytes.Length).CopyTo(made.bytes);
        return Made(made.to(dtype ?? made.dtype, Or(device), disposeAfter: true), requires_grad, names);
    }

    /// <summary>A tensor of an array's shape and values (always a copy).</summary>
    public static Tensor as_tensor(Array data, ScalarType? dtype = null, Device? device = null) => from_array(data, dtype, device);

    /// <summary>The tensor, of the dtype and on the device: itself where it is so already.</summary>
    public static Tensor as_tensor(Tensor data, ScalarType? dtype = null, Device? device = null) => data.to(dtype ?? data.dtype, device ?? data.device);

    /// <summary>0, 1, … up to, not including, stop. Of whole numbers, int64.</summary>
    public static Tensor arange(Scalar stop, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.arange(stop, dtype ?? RangeType(stop), null, Or(device)), requires_grad, null);

    /// <summary>start, start + 1, … up to, not including, stop. Of whole numbers, int64.</summary>
    public static Tensor arange(Scalar start, Scalar stop, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.arange_start(start, stop, dtype ?? RangeType(start, stop), null, Or(device)), requires_grad, null);

    /// <summary>start, start + step, … up to, not including, stop. Of whole numbers, int64.</summary>
    public static Tensor arange(Scalar start, Scalar stop, Scalar step, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.arange_start_step(start, stop, step, dtype ?? RangeType(start, stop, step), null, Or(device)), requires_grad, null);

    private static ScalarType RangeType(params ReadOnlySpan<Scalar> bounds)
    {
        foreach (var bound in bounds)
            if (!is_integral(bound.Type)) return default_dtype;
        return ScalarType.Int64;
    }

    /// <summary>Ones on the diagonal, zeros elsewhere; columns -1 means as many as rows.</summary>
    public static Tensor eye(long rows, long columns = -1, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Made(Aten.eye_m(rows, columns < 0 ? rows : columns, Or(dtype), null, Or(device)), requires_grad, names);

    /// <summary>Numbers at equal distances from start to end, both included.</summary>
    public static Tensor linspace(double start, double end, long steps, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.linspace(start, end, steps, Or(dtype), null, Or(device)), requires_grad, null);

    /// <summary>base to powers at equal distances from start to end, both included.</summary>
    public static Tensor logspace(double start, double end, long steps, double @base = 10, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Aten.logspace(start, end, steps, @base, Or(dtype), null, Or(device)), requires_grad, null);

    /// <summary>Whatever the memory held, with strides given outright.</summary>
    public static Tensor empty_strided(long[] size, long[] strides, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Made(Aten.empty_strided(size, strides, Or(dtype), null, Or(device)), requires_grad, names);
}
