// What is known of dtypes and devices without a tensor, and small statements about tensors.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>The limits of a floating-point dtype.</summary>
    public struct FInfo
    {
        /// <summary>Bits of a number.</summary>
        public int bits;

        /// <summary>The distance from 1 to the next larger number.</summary>
        public double eps;

        /// <summary>The largest number.</summary>
        public double max;

        /// <summary>The smallest number: -max.</summary>
        public double min;

        /// <summary>The same as smallest_normal.</summary>
        public double tiny;

        /// <summary>The smallest positive number with a full mantissa.</summary>
        public double smallest_normal;

        /// <summary>Ten to minus the number of decimal digits.</summary>
        public double resolution;
    }

    /// <summary>The limits of the default dtype.</summary>
    public static FInfo finfo() => finfo(default_dtype);

    /// <summary>The limits of a floating-point dtype (of complex numbers, of their parts).</summary>
    /// <exception cref="ArgumentException">The dtype is not a floating-point one.</exception>
    public static FInfo finfo(ScalarType dtype) => dtype switch
    {
        ScalarType.BFloat16 => Limits(16, 7, 8, 1e-2),
        ScalarType.Float16 => Limits(16, 10, 5, 1e-3),
        ScalarType.Float32 or ScalarType.ComplexFloat32 => Limits(32, 23, 8, 1e-6),
        ScalarType.Float64 or ScalarType.ComplexFloat64 => Limits(64, 52, 11, 1e-15),
        _ => throw new ArgumentException($"'finfo' only supports floating points types, got {dtype}."),
    };

    private static FInfo Limits(int bits, int mantissa, int exponent, double resolution)
    {
        var bias = (1 << (exponent - 1)) - 1;
        var max = (2 - Math.Pow(2, -mantissa)) * Math.Pow(2, bias);
        var tiny = Math.Pow(2, 1 - bias);
        return new FInfo { bits = bits, eps = Math.Pow(2, -mantissa), max = max, min = -max, tiny = tiny, smallest_normal = tiny, resolution = resolution };
    }

    /// <summary>The largest number of an integer dtype.</summary>
    /// <exception cref="ArgumentException">The dtype is not an integer one.</exception>
    public static long max_int_value(ScalarType type) => type switch
    {
        ScalarType.Byte => byte.MaxValue,
        ScalarType.Int8 => sbyte.MaxValue,
        ScalarType.Int16 => short.MaxValue,
        ScalarType.Int32 => int.MaxValue,
        ScalarType.Int64 => long.MaxValue,
        _ => throw new ArgumentException($"{type} is not an integer dtype."),
    };

    /// <summary>Whether the tensor's dtype is an integer one.</summary>
    public static bool is_integral(Tensor t) => is_integral(t.dtype);

    /// <summary>Whether the tensor's dtype is one of real floating point.</summary>
    public static bool is_floating_point(Tensor input) => is_floating_point(input.dtype);

    /// <summary>Whether the tensor's dtype is complex.</summary>
    public static bool is_complex(Tensor input) => is_complex(input.dtype);

    /// <summary>Whether the object is a tensor.</summary>
    public static bool is_tensor(object obj) => obj is Tensor;

    /// <summary>The dtype of the sum of two tensors.</summary>
    public static ScalarType result_type(Tensor tensor1, Tensor tensor2) =>
        SumType(tensor1.dtype, tensor1.ndim == 0, tensor2.dtype, tensor2.ndim == 0);

    /// <summary>The dtype of the sum of two tensors of these dtypes.</summary>
    public static ScalarType promote_types(ScalarType type1, ScalarType type2) => SumType(type1, false, type2, false);

    private static ScalarType SumType(ScalarType type1, bool bare1, ScalarType type2, bool bare2)
    {
        using var one = Aten.zeros(bare1 ? [] : [1], type1, null, CPU);
        using var two = Aten.zeros(bare2 ? [] : [1], type2, null, CPU);
        using var sum = one.add(two);
        return sum.dtype;
    }

    /// <summary>Whether values of one dtype may be stored in the other by PyTorch's rules.</summary>
    public static bool can_cast(ScalarType from, ScalarType to) =>
        !(is_complex(from) && !is_complex(to))
        && !(is_floating_point(from) && is_integral(to))
        && !(from != ScalarType.Bool && to == ScalarType.Bool);

    /// <summary>The common shape of several, by the rules of broadcasting.</summary>
    /// <exception cref="ArgumentException">The shapes do not go together.</exception>
    public static Size broadcast_shapes(params long[][] shapes)
    {
        var common = new long[shapes.Length == 0 ? 0 : shapes.Max(shape => shape.Length)];
        Array.Fill(common, 1);
        foreach (var shape in shapes)
            for (var i = 1; i <= shape.Length; i++)
            {
                var (have, want) = (common[^i], shape[^i]);
                if (want == 1 || want == have) continue;
                if (have != 1)
                    throw new ArgumentException($"Shapes {string.Join(" and ", shapes.Select(s => $"[{string.Join(", ", s)}]"))} do not broadcast: sizes {have} and {want} meet.");
                common[^i] = want;
            }
        return new Size(common);
    }

    /// <summary>Fails unless the condition holds.</summary>
    /// <exception cref="ArgumentException">The condition is false.</exception>
    public static void _assert(bool condition, string message)
    {
        if (!condition) throw new ArgumentException(message);
    }

    /// <summary>Fails unless the condition holds.</summary>
    /// <exception cref="ArgumentException">The condition is false.</exception>
    public static void _assert(Func<bool> condition, string message) => _assert(condition(), message);

    /// <summary>The device of a description such as "cpu" or "cuda:1".</summary>
    public static Device device(string description) => new(description);

    /// <summary>A device by the name of its kind.</summary>
    public static Device device(string deviceType, int index = -1) => new(deviceType, index);

    /// <summary>A device by its kind.</summary>
    public static Device device(DeviceType deviceType, int index = -1) => new(deviceType, index);

    /// <summary>A CUDA device by number.</summary>
    public static Device device(int index) => new(index);
}
