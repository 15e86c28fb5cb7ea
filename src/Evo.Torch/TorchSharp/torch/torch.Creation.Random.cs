// Tensors of given sizes: rand, randn. The dtype and device default to the process's defaults; every overload ends in
// the one that takes a span of sizes.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Uniform in [0, 1).</summary>
    public static Tensor rand(ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        Made(Aten.rand_generator(size, generator, Or(dtype), null, Or(device)), requires_grad, names);

    /// <summary>Uniform in [0, 1).</summary>
    public static Tensor rand(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        rand(new ReadOnlySpan<long>(size), dtype, device, requires_grad, generator, names);

    /// <summary>Uniform in [0, 1).</summary>
    public static Tensor rand(int size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        rand(stackalloc long[] { size }, dtype, device, requires_grad, generator, names);

    /// <summary>Uniform in [0, 1).</summary>
    public static Tensor rand(int rows, int columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        rand(stackalloc long[] { rows, columns }, dtype, device, requires_grad, generator, names);

    /// <summary>Uniform in [0, 1).</summary>
    public static Tensor rand(int dim0, int dim1, int dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        rand(stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, generator, names);

    /// <summary>Uniform in [0, 1).</summary>
    public static Tensor rand(int dim0, int dim1, int dim2, int dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        rand(stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, generator, names);

    /// <summary>Uniform in [0, 1).</summary>
    public static Tensor rand(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        rand(stackalloc long[] { size }, dtype, device, requires_grad, generator, names);

    /// <summary>Uniform in [0, 1).</summary>
    public static Tensor rand(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        rand(stackalloc long[] { rows, columns }, dtype, device, requires_grad, generator, names);

    /// <summary>Uniform in [0, 1).</summary>
    public static Tensor rand(long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        rand(stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, generator, names);

    /// <summary>Uniform in [0, 1).</summary>
    public static Tensor rand(long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        rand(stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, generator, names);

    /// <summary>Normal with mean 0 and standard deviation 1.</summary>
    public static Tensor randn(ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        Made(Aten.randn_generator(size, generator, Or(dtype), null, Or(device)), requires_grad, names);

    /// <summary>Normal with mean 0 and standard deviation 1.</summary>
    public static Tensor randn(long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        randn(new ReadOnlySpan<long>(size), dtype, device, requires_grad, generator, names);

    /// <summary>Normal with mean 0 and standard deviation 1.</summary>
    public static Tensor randn(int size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        randn(stackalloc long[] { size }, dtype, device, requires_grad, generator, names);

    /// <summary>Normal with mean 0 and standard deviation 1.</summary>
    public static Tensor randn(int rows, int columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        randn(stackalloc long[] { rows, columns }, dtype, device, requires_grad, generator, names);

    /// <summary>Normal with mean 0 and standard deviation 1.</summary>
    public static Tensor randn(int dim0, int dim1, int dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        randn(stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, generator, names);

    /// <summary>Normal with mean 0 and standard deviation 1.</summary>
    public static Tensor randn(int dim0, int dim1, int dim2, int dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        randn(stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, generator, names);

    /// <summary>Normal with mean 0 and standard deviation 1.</summary>
    public static Tensor randn(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        randn(stackalloc long[] { size }, dtype, device, requires_grad, generator, names);

    /// <summary>Normal with mean 0 and standard deviation 1.</summary>
    public static Tensor randn(long rows, long columns, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        randn(stackalloc long[] { rows, columns }, dtype, device, requires_grad, generator, names);

    /// <summary>Normal with mean 0 and standard deviation 1.</summary>
    public static Tensor randn(long dim0, long dim1, long dim2, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        randn(stackalloc long[] { dim0, dim1, dim2 }, dtype, device, requires_grad, generator, names);

    /// <summary>Normal with mean 0 and standard deviation 1.</summary>
    public static Tensor randn(long dim0, long dim1, long dim2, long dim3, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        randn(stackalloc long[] { dim0, dim1, dim2, dim3 }, dtype, device, requires_grad, generator, names);
}
