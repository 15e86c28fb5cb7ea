// torch.tensor of an array or of memory, by element type and shape.

using System.Numerics;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(BFloat16[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<BFloat16>(rawArray, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(BFloat16[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<BFloat16>(rawArray, stackalloc long[] { rawArray.Length }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(Complex[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<Complex>(rawArray, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(Complex[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<Complex>(rawArray, stackalloc long[] { rawArray.Length }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(Half[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<Half>(rawArray, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(Half[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<Half>(rawArray, stackalloc long[] { rawArray.Length }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(short[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<short>(rawArray, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(short[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<short>(rawArray, stackalloc long[] { rawArray.Length }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(Memory<BFloat16> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<BFloat16>(rawArray.Span, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(Memory<Complex> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<Complex>(rawArray.Span, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(Memory<Half> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<Half>(rawArray.Span, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(Memory<short> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<short>(rawArray.Span, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(Memory<sbyte> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<sbyte>(rawArray.Span, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(Memory<byte> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<byte>(rawArray.Span, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(Memory<double> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<double>(rawArray.Span, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(Memory<float> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<float>(rawArray.Span, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(Memory<int> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<int>(rawArray.Span, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(Memory<long> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<long>(rawArray.Span, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(sbyte[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<sbyte>(rawArray, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(sbyte[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<sbyte>(rawArray, stackalloc long[] { rawArray.Length }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor((float, float)[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<(float, float)>(rawArray, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor((float, float)[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<(float, float)>(rawArray, stackalloc long[] { rawArray.Length }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(bool[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<bool>(rawArray, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(bool[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<bool>(rawArray, stackalloc long[] { rawArray.Length }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(byte[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<byte>(rawArray, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(byte[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<byte>(rawArray, stackalloc long[] { rawArray.Length }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(double[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<double>(rawArray, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(double[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<double>(rawArray, stackalloc long[] { rawArray.Length }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(float[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<float>(rawArray, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(float[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<float>(rawArray, stackalloc long[] { rawArray.Length }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(int[] rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<int>(rawArray, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(int[] rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<int>(rawArray, stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(int[] rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<int>(rawArray, stackalloc long[] { rawArray.Length }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(long[] dataArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<long>(dataArray, dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(long[] dataArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<long>(dataArray, stackalloc long[] { dataArray.Length }, dtype, device, requires_grad, names);
}
