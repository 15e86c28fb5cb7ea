// One argument or result of an operator as it crosses to C++; evo_torch.h has the same layout and numbers.
using System.Runtime.InteropServices;
using System.Text;
using TorchSharp;

namespace Evo.Torch.Native;

internal enum NativeTag
{
    None = 0,
    Tensor = 1,
    Int = 2,
    Double = 3,
    Bool = 4,
    String = 5,
    IntList = 6,
    DoubleList = 7,
    BoolList = 8,
    TensorList = 9,
    OptionalTensorList = 10,
    Complex = 11,
    Device = 12,
    Generator = 13,
    Default = 14,
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeValue
{
    public NativeTag Tag;
    public int Length;
    public long First;
    public long Second;

    /// <summary>Asks the native side for the default that the schema declares.</summary>
    public static NativeValue SchemaDefault => new() { Tag = NativeTag.Default };

    public static NativeValue Of(torch.Tensor tensor, string name)
    {
        if (tensor is null)
        {
            throw new ArgumentNullException(name);
        }

        return new() { Tag = NativeTag.Tensor, First = tensor.Handle };
    }

    public static NativeValue OfOptional(torch.Tensor? tensor) =>
        tensor is null ? default : new() { Tag = NativeTag.Tensor, First = tensor.Handle };

    public static NativeValue Of(Scalar scalar, string name) =>
        scalar is null ? throw new ArgumentNullException(name) : scalar.Value;

    public static NativeValue Of(Scalar? scalar) => scalar is null ? default : scalar.Value;

    public static NativeValue OfOrDefault(Scalar? scalar) => scalar is null ? SchemaDefault : scalar.Value;

    public static NativeValue Of(long value) => new() { Tag = NativeTag.Int, First = value };

    public static NativeValue Of(long? value) => value is { } v ? Of(v) : default;

    public static NativeValue Of(double value) =>
        new() { Tag = NativeTag.Double, First = BitConverter.DoubleToInt64Bits(value) };

    public static NativeValue Of(double? value) => value is { } v ? Of(v) : default;

    public static NativeValue Of(bool value) => new() { Tag = NativeTag.Bool, First = value ? 1 : 0 };

    public static NativeValue Of(bool? value) => value is { } v ? Of(v) : default;

    public static NativeValue Of(double real, double imaginary) => new()
    {
        Tag = NativeTag.Complex,
        First = BitConverter.DoubleToInt64Bits(real),
        Second = BitConverter.DoubleToInt64Bits(imaginary),
    };

    public static NativeValue Of(torch.ScalarType type) => Of((long)type);

    public static NativeValue Of(torch.ScalarType? type) => type is { } t ? Of((long)t) : default;

    public static NativeValue Of(torch.Device? device) =>
        device is null ? default : new() { Tag = NativeTag.Device, First = (long)device.type, Second = device.index };

    public static NativeValue Of(torch.Generator? generator) =>
        generator is null ? default : new() { Tag = NativeTag.Generator, First = generator.Handle };

    public static NativeValue OfList(NativeTag tag, void* elements, int length) =>
        new() { Tag = tag, Length = length, First = (nint)elements };

    /// <summary>The bytes of a string with a zero behind them; an empty array for null.</summary>
    public static byte[] Utf8(string? text)
    {
        if (text is null)
        {
            return [];
        }

        var bytes = new byte[Encoding.UTF8.GetByteCount(text) + 1];
        Encoding.UTF8.GetBytes(text, bytes);
        return bytes;
    }

    /// <summary>Writes the handles of a list of tensors; null elements only where the operator allows them.</summary>
    public static void Handles(torch.Tensor?[] tensors, Span<nint> handles, bool mayBeNull, string name)
    {
        for (var k = 0; k < tensors.Length; k++)
        {
            handles[k] = tensors[k] switch
            {
                { } tensor => tensor.Handle,
                null when mayBeNull => 0,
                _ => throw new ArgumentNullException($"{name}[{k}]"),
            };
        }
    }

    /// <summary>Takes over the tensor of a result.</summary>
    public readonly torch.Tensor TakeTensor() => Tag switch
    {
        NativeTag.Tensor when First != 0 => new torch.Tensor((nint)First),

        // An undefined tensor, as operators give for outputs that were not asked for.
        NativeTag.Tensor or NativeTag.None => null!,
        _ => throw Unexpected("a tensor"),
    };

    public readonly torch.Tensor[] TakeTensors()
    {
        if (Tag != NativeTag.TensorList)
        {
            throw Unexpected("a list of tensors");
        }

        var handles = (nint*)First;
        try
        {
            var tensors = new torch.Tensor[Length];
            for (var k = 0; k < tensors.Length; k++)
            {
                tensors[k] = handles[k] == 0 ? null! : new torch.Tensor(handles[k]);
            }

            return tensors;
        }
        finally
        {
            NativeMethods.evo_free(handles);
        }
    }

    public readonly long TakeInt() => Tag == NativeTag.Int ? First : throw Unexpected("an integer");

    public readonly double TakeDouble() =>
        Tag == NativeTag.Double ? BitConverter.Int64BitsToDouble(First) : throw Unexpected("a floating point number");

    public readonly bool TakeBool() => Tag == NativeTag.Bool ? First != 0 : throw Unexpected("a boolean");

    public readonly Scalar TakeScalar() => Tag is NativeTag.Int or NativeTag.Double or NativeTag.Bool or NativeTag.Complex
        ? new Scalar(this)
        : throw Unexpected("a number");

    private readonly InvalidOperationException Unexpected(string wanted) =>
        new($"the operator gave a value of kind {Tag} where {wanted} was expected");
}
