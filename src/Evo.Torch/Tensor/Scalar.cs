// A number as an argument of an operator.
using System.Numerics;
using Evo.Torch.Native;

namespace TorchSharp;

/// <summary>A number: an integer, a floating point number, a boolean or a complex number.</summary>
public sealed class Scalar : IDisposable
{
    internal readonly NativeValue Value;

    internal Scalar(NativeValue value) => Value = value;

    /// <summary>Int64, Float64, Bool or ComplexFloat64: numbers are carried at full width.</summary>
    public torch.ScalarType Type => Value.Tag switch
    {
        NativeTag.Int => torch.ScalarType.Int64,
        NativeTag.Bool => torch.ScalarType.Bool,
        NativeTag.Complex => torch.ScalarType.ComplexFloat64,
        _ => torch.ScalarType.Float64,
    };

    public static implicit operator Scalar(byte value) => new(NativeValue.Of((long)value));

    public static implicit operator Scalar(sbyte value) => new(NativeValue.Of((long)value));

    public static implicit operator Scalar(short value) => new(NativeValue.Of((long)value));

    public static implicit operator Scalar(int value) => new(NativeValue.Of((long)value));

    public static implicit operator Scalar(long value) => new(NativeValue.Of(value));

    public static implicit operator Scalar(Half value) => new(NativeValue.Of((double)value));

    public static implicit operator Scalar(BFloat16 value) => new(NativeValue.Of((double)value.ToSingle()));

    public static implicit operator Scalar(float value) => new(NativeValue.Of((double)value));

    public static implicit operator Scalar(double value) => new(NativeValue.Of(value));

    public static implicit operator Scalar(bool value) => new(NativeValue.Of(value));

    public static implicit operator Scalar((float, float) value) => new(NativeValue.Of(value.Item1, value.Item2));

    public static implicit operator Scalar(Complex value) => new(NativeValue.Of(value.Real, value.Imaginary));

    /// <summary>Nothing is held; TorchSharp's programs call it.</summary>
    public void Dispose()
    {
    }

    public override string ToString() => Value.Tag switch
    {
        NativeTag.Int => Value.First.ToString(System.Globalization.CultureInfo.InvariantCulture),
        NativeTag.Bool => Value.First != 0 ? "true" : "false",
        NativeTag.Complex => AsComplex().ToString(System.Globalization.CultureInfo.InvariantCulture),
        _ => AsDouble().ToString(System.Globalization.CultureInfo.InvariantCulture),
    };

    internal double AsDouble() => Value.Tag switch
    {
        NativeTag.Int or NativeTag.Bool => Value.First,
        NativeTag.Complex when Value.Second << 1 != 0 => throw new InvalidOperationException("a complex number is not a real one"),
        _ => BitConverter.Int64BitsToDouble(Value.First),
    };

    internal long AsInt64() => Value.Tag switch
    {
        NativeTag.Int or NativeTag.Bool => Value.First,
        _ => checked((long)AsDouble()),
    };

    internal Complex AsComplex() => Value.Tag == NativeTag.Complex
        ? new(BitConverter.Int64BitsToDouble(Value.First), BitConverter.Int64BitsToDouble(Value.Second))
        : new(AsDouble(), 0);
}

/// <summary>Conversions between numbers of .NET and <see cref="Scalar"/>s; narrowing ones throw when the value does not fit.</summary>
public static class ScalarExtensionMethods
{
    public static Scalar ToScalar(this byte value) => value;

    public static Scalar ToScalar(this sbyte value) => value;

    public static Scalar ToScalar(this short value) => value;

    public static Scalar ToScalar(this int value) => value;

    public static Scalar ToScalar(this long value) => value;

    public static Scalar ToScalar(this Half value) => value;

    public static Scalar ToScalar(this BFloat16 value) => value;

    public static Scalar ToScalar(this float value) => value;

    public static Scalar ToScalar(this double value) => value;

    public static Scalar ToScalar(this bool value) => value;

    public static Scalar ToScalar(this (float, float) value) => value;

    public static Scalar ToScalar(this Complex value) => value;

    public static Scalar ToBFloat16Scalar(this float value) => new BFloat16(value);

    public static BFloat16 ToBFloat16(this Scalar value) => new((float)value.AsDouble());

    public static Half ToHalf(this Scalar value) => (Half)value.AsDouble();

    public static float ToSingle(this Scalar value) => (float)value.AsDouble();

    public static double ToDouble(this Scalar value) => value.AsDouble();

    public static sbyte ToSByte(this Scalar value) => checked((sbyte)value.AsInt64());

    public static byte ToByte(this Scalar value) => checked((byte)value.AsInt64());

    public static short ToInt16(this Scalar value) => checked((short)value.AsInt64());

    public static int ToInt32(this Scalar value) => checked((int)value.AsInt64());

    public static long ToInt64(this Scalar value) => value.AsInt64();

    public static bool ToBoolean(this Scalar value) => value.AsComplex() != Complex.Zero;

    public static (float Real, float Imaginary) ToComplexFloat32(this Scalar value)
    {
        var number = value.AsComplex();
        return ((float)number.Real, (float)number.Imaginary);
    }

    public static Complex ToComplexFloat64(this Scalar value) => value.AsComplex();
}
