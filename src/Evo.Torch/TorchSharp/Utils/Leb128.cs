namespace TorchSharp.Utils;

/// <summary>
/// Unsigned LEB128 numbers, seven bits a byte, low bits first: what TorchSharp's files use for counts and sizes
/// (and what <see cref="BinaryWriter"/> itself uses for the lengths of strings).
/// </summary>
internal static class Leb128
{
    internal static void WriteLeb128(this BinaryWriter writer, long value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        writer.Write7BitEncodedInt64(value);
    }

    internal static long ReadLeb128(this BinaryReader reader)
    {
        var value = reader.Read7BitEncodedInt64();
        return value >= 0 ? value : throw new InvalidDataException($"A count or size in the file is negative ({value}).");
    }
}
