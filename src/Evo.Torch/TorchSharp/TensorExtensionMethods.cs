using System.Globalization;
using System.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>Numbers out of tensors and into them, and tensors as text.</summary>
public static partial class TensorExtensionMethods
{
    /// <summary>The tensor as a parameter; the tensor is not to be used afterwards.</summary>
    public static Parameter AsParameter(this Tensor tensor) => new(tensor);

    /// <summary>Bytes of one element.</summary>
    public static int ElementSize(this ScalarType type) => type switch
    {
        ScalarType.Byte or ScalarType.Int8 or ScalarType.Bool or ScalarType.QInt8 or ScalarType.QUInt8 => 1,
        ScalarType.Int16 or ScalarType.Float16 or ScalarType.BFloat16 => 2,
        ScalarType.Int32 or ScalarType.Float32 or ScalarType.QInt32 => 4,
        ScalarType.Int64 or ScalarType.Float64 or ScalarType.ComplexFloat32 => 8,
        ScalarType.ComplexFloat64 => 16,
        _ => throw new ArgumentException($"{type} is not a dtype."),
    };

    /// <summary>The shape in 32-bit numbers.</summary>
    public static ReadOnlySpan<int> IntShape(this Tensor tensor) => Array.ConvertAll(tensor.shape, size => checked((int)size));

    /// <summary>The product of the sizes.</summary>
    public static long TotalSize(this IEnumerable<long> shape) => shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>The array's values in a shape (always a copy).</summary>
    public static Tensor ToTensor<T>(this T[] rawArray, long[] dimensions, bool doCopy = false, bool requires_grad = false)
    {
        using var flat = from_array(rawArray);
        var shaped = flat.reshape(dimensions);
        return requires_grad ? shaped.requires_grad_() : shaped;
    }

    /// <summary>A tensor without dimensions.</summary>
    public static Tensor ToTensor<T>(this T scalar, Device? device = null, bool requires_grad = false) where T : struct
    {
        using var one = from_array(new[] { scalar }, device);
        var bare = one.reshape();
        return requires_grad ? bare.requires_grad_() : bare;
    }

    /// <summary>The single element.</summary>
    public static bool ToBoolean(this Tensor value) => One<bool>(value, ScalarType.Bool);

    /// <summary>The single element.</summary>
    public static byte ToByte(this Tensor value) => One<byte>(value, ScalarType.Byte);

    /// <summary>The single element.</summary>
    public static sbyte ToSByte(this Tensor value) => One<sbyte>(value, ScalarType.Int8);

    /// <summary>The single element.</summary>
    public static short ToInt16(this Tensor value) => One<short>(value, ScalarType.Int16);

    /// <summary>The single element.</summary>
    public static int ToInt32(this Tensor value) => One<int>(value, ScalarType.Int32);

    /// <summary>The single element.</summary>
    public static long ToInt64(this Tensor value) => One<long>(value, ScalarType.Int64);

    /// <summary>The single element.</summary>
    public static Half ToHalf(this Tensor value) => One<Half>(value, ScalarType.Float16);

    /// <summary>The single element.</summary>
    public static BFloat16 ToBFloat16(this Tensor value) => One<BFloat16>(value, ScalarType.BFloat16);

    /// <summary>The single element.</summary>
    public static float ToSingle(this Tensor value) => One<float>(value, ScalarType.Float32);

    /// <summary>The single element.</summary>
    public static double ToDouble(this Tensor value) => One<double>(value, ScalarType.Float64);

    /// <summary>The single element.</summary>
    public static (float Real, float Imaginary) ToComplexFloat32(this Tensor value) => One<(float, float)>(value, ScalarType.ComplexFloat32);

    /// <summary>The single element.</summary>
    public static Complex ToComplexFloat64(this Tensor value) => One<Complex>(value, ScalarType.ComplexFloat64);

    /// <summary>The single element.</summary>
    public static (float Real, float Imaginary) ToComplex32(this Tensor value) => value.ToComplexFloat32();

    /// <summary>The single element.</summary>
    public static Complex ToComplex64(this Tensor value) => value.ToComplexFloat64();

    private static T One<T>(Tensor tensor, ScalarType type) where T : unmanaged
    {
        if (tensor.dtype == type) return tensor.item<T>();
        using var converted = tensor.to_type(type);
        return converted.item<T>();
    }

    /// <summary>Shape, dtype and device.</summary>
    public static string metastr(this Tensor tensor) => tensor.ToString(TensorStringStyle.Metadata);

    /// <summary>As text in the style of Julia.</summary>
    public static string jlstr(this Tensor tensor, string? fltFormat = null, int? width = null, string? newLine = null, CultureInfo? cultureInfo = null) =>
        tensor.ToString(TensorStringStyle.Julia, fltFormat, width, cultureInfo, newLine);

    /// <summary>As text in the style of NumPy.</summary>
    public static string npstr(this Tensor tensor, string? fltFormat = "g5", int? width = 100, string? newLine = null, CultureInfo? cultureInfo = null) =>
        tensor.ToString(TensorStringStyle.Numpy, fltFormat, width, cultureInfo, newLine);

    /// <summary>As text in the style of C#.</summary>
    public static string cstr(this Tensor tensor, string? fltFormat = "g5", int? width = 100, string? newLine = null, CultureInfo? cultureInfo = null) =>
        tensor.ToString(TensorStringStyle.CSharp, fltFormat, width, cultureInfo, newLine);

    /// <summary>As text.</summary>
    public static string str(this Tensor tensor, string? fltFormat = null, int? width = null, string? newLine = null, CultureInfo? cultureInfo = null, TensorStringStyle style = TensorStringStyle.Default) =>
        tensor.ToString(style, fltFormat, width, cultureInfo, newLine);

    /// <summary>Writes the tensor to the console, and gives it back.</summary>
    public static Tensor print(this Tensor t, string? fltFormat = "g5", int? width = 100, string? newLine = null, CultureInfo? cultureInfo = null, TensorStringStyle style = TensorStringStyle.Default)
    {
        Console.WriteLine(t.ToString(style, fltFormat, width, cultureInfo, newLine));
        return t;
    }
}
