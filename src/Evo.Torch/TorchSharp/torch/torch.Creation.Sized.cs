// Tensors of given sizes: zeros, ones, empty, full. The dtype and device default to the process's defaults; every overload ends in
// the one that takes a span of sizes.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>All zeros.</summary>
    public static Tensor zeros(ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Made(Aten.zeros(size, Or(dtype), null, Or(device)), requires_grad, names);

    /// <summary>All zeros.</summary>
    public static Tensor zeros(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        zeros(new ReadOnlySpan<long>(size), dtype, device, requires_grad, names);

    /// <summary>All zeros.</summary>
    public static Tensor zeros(int size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        zeros(stackalloc long[] { size }, dtype, device, requires_grad, names);

    /// <summary>All zeros.</summary>
    public static Tensor zeros(int rows, int columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        zeros(stackalloc long[] { rows, columns }, dtype, device, requires_grad, names);

    /// <summary>All zeros.</summary>
    public static Tensor zeros(int dim0, int dim1, int dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        zeros(stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, names);

    /// <summary>All zeros.</summary>
    public static Tensor zeros(int dim0, int dim1, int dim2, int dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        zeros(stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, names);

    /// <summary>All zeros.</summary>
    public static Tensor zeros(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        zeros(stackalloc long[] { size }, dtype, device, requires_grad, names);

    /// <summary>All zeros.</summary>
    public static Tensor zeros(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        zeros(stackalloc long[] { rows, columns }, dtype, device, requires_grad, names);

    /// <summary>All zeros.</summary>
    public static Tensor zeros(long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        zeros(stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, names);

    /// <summary>All zeros.</summary>
    public static Tensor zeros(long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        zeros(stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, names);

    /// <summary>All ones.</summary>
    public static Tensor ones(ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Made(Aten.ones(size, Or(dtype), null, Or(device)), requires_grad, names);

    /// <summary>All ones.</summary>
    public static Tensor ones(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        ones(new ReadOnlySpan<long>(size), dtype, device, requires_grad, names);

    /// <summary>All ones.</summary>
    public static Tensor ones(int size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        ones(stackalloc long[] { size }, dtype, device, requires_grad, names);

    /// <summary>All ones.</summary>
    public static Tensor ones(int rows, int columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        ones(stackalloc long[] { rows, columns }, dtype, device, requires_grad, names);

    /// <summary>All ones.</summary>
    public static Tensor ones(int dim0, int dim1, int dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        ones(stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, names);

    /// <summary>All ones.</summary>
    public static Tensor ones(int dim0, int dim1, int dim2, int dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        ones(stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, names);

    /// <summary>All ones.</summary>
    public static Tensor ones(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        ones(stackalloc long[] { size }, dtype, device, requires_grad, names);

    /// <summary>All ones.</summary>
    public static Tensor ones(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        ones(stackalloc long[] { rows, columns }, dtype, device, requires_grad, names);

    /// <summary>All ones.</summary>
    public static Tensor ones(long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        ones(stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, names);

    /// <summary>All ones.</summary>
    public static Tensor ones(long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        ones(stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, names);

    /// <summary>Whatever the memory held.</summary>
    public static Tensor empty(ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Made(Aten.empty_memory_format(size, Or(dtype), null, Or(device)), requires_grad, names);

    /// <summary>Whatever the memory held.</summary>
    public static Tensor empty(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        empty(new ReadOnlySpan<long>(size), dtype, device, requires_grad, names);

    /// <summary>Whatever the memory held.</summary>
    public static Tensor empty(int size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        empty(stackalloc long[] { size }, dtype, device, requires_grad, names);

    /// <summary>Whatever the memory held.</summary>
    public static Tensor empty(int rows, int columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        empty(stackalloc long[] { rows, columns }, dtype, device, requires_grad, names);

    /// <summary>Whatever the memory held.</summary>
    public static Tensor empty(int dim0, int dim1, int dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        empty(stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, names);

    /// <summary>Whatever the memory held.</summary>
    public static Tensor empty(int dim0, int dim1, int dim2, int dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        empty(stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, names);

    /// <summary>Whatever the memory held.</summary>
    public static Tensor empty(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        empty(stackalloc long[] { size }, dtype, device, requires_grad, names);

    /// <summary>Whatever the memory held.</summary>
    public static Tensor empty(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        empty(stackalloc long[] { rows, columns }, dtype, device, requires_grad, names);

    /// <summary>Whatever the memory held.</summary>
    public static Tensor empty(long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        empty(stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, names);

    /// <summary>Whatever the memory held.</summary>
    public static Tensor empty(long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        empty(stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, names);

    /// <summary>All equal to one value.</summary>
    public static Tensor full(ReadOnlySpan<long> size, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Made(Aten.full(size, value, dtype ?? (value.Type == ScalarType.Float64 ? get_default_dtype() : value.Type), null, Or(device)), requires_grad, names);

    /// <summary>All equal to one value.</summary>
    public static Tensor full(long[] size, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        full(new ReadOnlySpan<long>(size), value, dtype, device, requires_grad, names);

    /// <summary>All equal to one value.</summary>
    public static Tensor full(int size, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        full(stackalloc long[] { size }, value, dtype, device, requires_grad, names);

    /// <summary>All equal to one value.</summary>
    public static Tensor full(int rows, int columns, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        full(stackalloc long[] { rows, columns }, value, dtype, device, requires_grad, names);

    /// <summary>All equal to one value.</summary>
    public static Tensor full(int dim0, int dim1, int dim2, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        full(stackalloc long[] { dim0, dim1, dim2 }, value, dtype, device, requires_grad, names);

    /// <summary>All equal to one value.</summary>
    public static Tensor full(int dim0, int dim1, int dim2, int dim3, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        full(stackalloc long[] { dim0, dim1, dim2, dim3 }, value, dtype, device, requires_grad, names);

    /// <summary>All equal to one value.</summary>
    public static Tensor full(long size, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        full(stackalloc long[] { size }, value, dtype, device, requires_grad, names);

    /// <summary>All equal to one value.</summary>
    public static Tensor full(long rows, long columns, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        full(stackalloc long[] { rows, columns }, value, dtype, device, requires_grad, names);

    /// <summary>All equal to one value.</summary>
    public static Tensor full(long dim0, long dim1, long dim2, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        full(stackalloc long[] { dim0, dim1, dim2 }, value, dtype, device, requires_grad, names);

    /// <summary>All equal to one value.</summary>
    public static Tensor full(long dim0, long dim1, long dim2, long dim3, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        full(stackalloc long[] { dim0, dim1, dim2, dim3 }, value, dtype, device, requires_grad, names);
}
