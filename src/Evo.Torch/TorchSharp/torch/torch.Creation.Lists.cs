// torch.tensor of a list, by element type and shape.

using System.Numerics;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<BFloat16> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<BFloat16>(rawArray.ToArray(), dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<BFloat16> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<BFloat16>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<BFloat16> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<BFloat16>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<BFloat16> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<BFloat16>(rawArray.ToArray(), stackalloc long[] { rows, columns }, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(IList<BFloat16> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<BFloat16>(rawArray.ToArray(), stackalloc long[] { rawArray.Count }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<Complex> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<Complex>(rawArray.ToArray(), dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<Complex> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<Complex>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<Complex> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<Complex>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<Complex> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<Complex>(rawArray.ToArray(), stackalloc long[] { rows, columns }, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(IList<Complex> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<Complex>(rawArray.ToArray(), stackalloc long[] { rawArray.Count }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<Half> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<Half>(rawArray.ToArray(), dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<Half> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<Half>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<Half> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<Half>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<Half> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<Half>(rawArray.ToArray(), stackalloc long[] { rows, columns }, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(IList<Half> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<Half>(rawArray.ToArray(), stackalloc long[] { rawArray.Count }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<short> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<short>(rawArray.ToArray(), dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<short> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<short>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<short> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<short>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<short> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<short>(rawArray.ToArray(), stackalloc long[] { rows, columns }, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(IList<short> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<short>(rawArray.ToArray(), stackalloc long[] { rawArray.Count }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<sbyte> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<sbyte>(rawArray.ToArray(), dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<sbyte> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<sbyte>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<sbyte> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<sbyte>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<sbyte> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<sbyte>(rawArray.ToArray(), stackalloc long[] { rows, columns }, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(IList<sbyte> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<sbyte>(rawArray.ToArray(), stackalloc long[] { rawArray.Count }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<(float, float)> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<(float, float)>(rawArray.ToArray(), dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<(float, float)> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<(float, float)>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<(float, float)> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<(float, float)>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<(float, float)> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<(float, float)>(rawArray.ToArray(), stackalloc long[] { rows, columns }, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(IList<(float, float)> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<(float, float)>(rawArray.ToArray(), stackalloc long[] { rawArray.Count }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<bool> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<bool>(rawArray.ToArray(), dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<bool> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<bool>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<bool> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<bool>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<bool> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<bool>(rawArray.ToArray(), stackalloc long[] { rows, columns }, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(IList<bool> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<bool>(rawArray.ToArray(), stackalloc long[] { rawArray.Count }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<byte> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<byte>(rawArray.ToArray(), dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<byte> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<byte>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<byte> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<byte>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<byte> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<byte>(rawArray.ToArray(), stackalloc long[] { rows, columns }, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(IList<byte> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<byte>(rawArray.ToArray(), stackalloc long[] { rawArray.Count }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<double> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<double>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<double> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<double>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<double> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<double>(rawArray.ToArray(), stackalloc long[] { rows, columns }, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(IList<double> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<double>(rawArray.ToArray(), stackalloc long[] { rawArray.Count }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<float> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<float>(rawArray.ToArray(), dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<float> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<float>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<float> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<float>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<float> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<float>(rawArray.ToArray(), stackalloc long[] { rows, columns }, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(IList<float> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<float>(rawArray.ToArray(), stackalloc long[] { rawArray.Count }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<int> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<int>(rawArray.ToArray(), dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<int> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<int>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<int> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<int>(rawArray.ToArray(), stackalloc long[] { rows, columns }, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(IList<int> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<int>(rawArray.ToArray(), stackalloc long[] { rawArray.Count }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<long> rawArray, ReadOnlySpan<long> dimensions, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<long>(rawArray.ToArray(), dimensions, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<long> rawArray, long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<long>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<long> rawArray, long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<long>(rawArray.ToArray(), stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, names);

    /// <summary>A tensor of the given shape with the values in row-major order.</summary>
    public static Tensor tensor(IList<long> rawArray, long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<long>(rawArray.ToArray(), stackalloc long[] { rows, columns }, dtype, device, requires_grad, names);

    /// <summary>A tensor of one dimension with the given values.</summary>
    public static Tensor tensor(IList<long> rawArray, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        From<long>(rawArray.ToArray(), stackalloc long[] { rawArray.Count }, dtype, device, requires_grad, names);
}
