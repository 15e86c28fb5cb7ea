using Evo.Core;

namespace Evo.Data;

/// <summary>The element types of safetensors files, by the names that stand in their headers.</summary>
public enum SafeTensorType
{
    BOOL, F4, F6_E2M3, F6_E3M2, U8, I8, F8_E5M2, F8_E4M3, F8_E8M0, F8_E4M3FNUZ, F8_E5M2FNUZ,
    I16, U16, F16, BF16, I32, U32, F32, C64, F64, I64, U64,
}

/// <summary>Sizes of the element types, and their correspondence with the types that Evo computes in.</summary>
public static class SafeTensorTypes
{
    /// <summary>Bits of one element.</summary>
    public static int Bits(this SafeTensorType type) => type switch
    {
        SafeTensorType.F4 => 4,
        SafeTensorType.F6_E2M3 or SafeTensorType.F6_E3M2 => 6,
        SafeTensorType.BOOL or SafeTensorType.U8 or SafeTensorType.I8 or SafeTensorType.F8_E5M2 or SafeTensorType.F8_E4M3
            or SafeTensorType.F8_E8M0 or SafeTensorType.F8_E4M3FNUZ or SafeTensorType.F8_E5M2FNUZ => 8,
        SafeTensorType.I16 or SafeTensorType.U16 or SafeTensorType.F16 or SafeTensorType.BF16 => 16,
        SafeTensorType.I32 or SafeTensorType.U32 or SafeTensorType.F32 => 32,
        _ => 64,
    };

    /// <summary>The type that Evo computes in, or null where it has none.</summary>
    public static DType? ToDType(this SafeTensorType type) => type switch
    {
        SafeTensorType.F64 => DType.F64,
        SafeTensorType.F32 => DType.F32,
        SafeTensorType.F16 => DType.F16,
        SafeTensorType.BF16 => DType.BF16,
        SafeTensorType.I64 => DType.I64,
        SafeTensorType.I32 => DType.I32,
        SafeTensorType.U8 => DType.U8,
        SafeTensorType.BOOL => DType.Bool,
        _ => null,
    };

    /// <summary>The file's type for a type that Evo computes in.</summary>
    public static SafeTensorType ToSafeTensorType(this DType type) => type switch
    {
        DType.F64 => SafeTensorType.F64,
        DType.F32 => SafeTensorType.F32,
        DType.F16 => SafeTensorType.F16,
        DType.BF16 => SafeTensorType.BF16,
        DType.I64 => SafeTensorType.I64,
        DType.I32 => SafeTensorType.I32,
        DType.U8 => SafeTensorType.U8,
        DType.Bool => SafeTensorType.BOOL,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "not an element type"),
    };

    /// <summary>Bytes of a tensor of this type and shape, or null where that overflows, or is no whole number of bytes.</summary>
    public static long? ByteCount(this SafeTensorType type, IReadOnlyList<long> shape)
    {
        var elements = 1L;
        try
        {
            foreach (var size in shape)
            {
                if (size < 0) return null;
                elements = checked(elements * size);
            }
            var bits = checked(elements * type.Bits());
            return bits % 8 == 0 ? bits / 8 : null;
        }
        catch (OverflowException)
        {
            return null;
        }
    }
}
