// Random integers, permutations, and single random numbers.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Integers from low up to, not including, high; int64 unless a dtype is given.</summary>
    public static Tensor randint(long low, long high, Size size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        Made(Aten.randint_low_generator(low, high, size.Shape, generator, dtype ?? ScalarType.Int64, null, Or(device)), requires_grad, names);

    /// <summary>Integers from 0 up to, not including, high.</summary>
    public static Tensor randint(long high, Size size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        randint(0L, high, size, dtype, device, requires_grad, generator, names);

    /// <summary>Integers from low up to, not including, high.</summary>
    public static Tensor randint(long low, long high, long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        randint(low, high, new Size(size), dtype, device, requires_grad, generator, names);

    /// <summary>Integers from 0 up to, not including, high.</summary>
    public static Tensor randint(long high, long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        randint(0L, high, new Size(size), dtype, device, requires_grad, generator, names);

    /// <summary>Integers from low up to, not including, high.</summary>
    public static Tensor randint(int low, int high, int[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        randint(low, high, new Size(size), dtype, device, requires_grad, generator, names);

    /// <summary>Integers from 0 up to, not including, high.</summary>
    public static Tensor randint(int high, int[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        randint(0L, high, new Size(size), dtype, device, requires_grad, generator, names);

    /// <summary>The numbers 0 … n - 1 in random order; int64 unless a dtype is given.</summary>
    public static Tensor randperm(long n, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) =>
        Made(Aten.randperm_generator(n, generator, dtype ?? ScalarType.Int64, null, Or(device)), requires_grad, null);

    /// <summary>Draws from normal distributions with the given means and standard deviations.</summary>
    public static Tensor normal(Tensor mean, Tensor std, Generator? generator = null) => Aten.normal_Tensor_Tensor(mean, std, generator);

    /// <summary>Draws of the given shape from one normal distribution.</summary>
    public static Tensor normal(double mean, double std, ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null, string[]? names = null) =>
        Made(Aten.normal_float_float(mean, std, size, generator, Or(dtype), null, Or(device)), requires_grad, names);

    /// <summary>One number, uniform in [0, 1).</summary>
    public static double rand_float(Generator? generator = null)
    {
        using var one = rand(1, generator: generator);
        return one.ToDouble();
    }

    /// <summary>One number, normal with mean 0 and standard deviation 1.</summary>
    public static double randn_float(Generator? generator = null)
    {
        using var one = randn(1, generator: generator);
        return one.ToDouble();
    }

    /// <summary>True or false with equal chance.</summary>
    public static bool randint_bool(Generator? generator = null) => randint_long(0, 2, generator) == 1;

    /// <summary>One integer from 0 up to, not including, high.</summary>
    public static int randint_int(int high, Generator? generator = null) => (int)randint_long(0, high, generator);

    /// <summary>One integer from low up to, not including, high.</summary>
    public static int randint_int(int low, int high, Generator? generator = null) => (int)randint_long(low, high, generator);

    /// <summary>One integer from 0 up to, not including, high.</summary>
    public static long randint_long(long high, Generator? generator = null) => randint_long(0, high, generator);

    /// <summary>One integer from low up to, not including, high.</summary>
    public static long randint_long(long low, long high, Generator? generator = null)
    {
        using var one = randint(low, high, new long[] { 1 }, generator: generator);
        return one.ToInt64();
    }
}
