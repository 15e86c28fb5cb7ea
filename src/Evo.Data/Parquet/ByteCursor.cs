using System.Buffers.Binary;

namespace Evo.Data.Parquet;

/// <summary>Walks over bytes that may lie: nothing outside of them is read, and every overrun is an <see cref="InvalidDataException"/>.</summary>
internal sealed class ByteCursor(ReadOnlyMemory<byte> bytes)
{
    /// <summary>Bytes passed.</summary>
    public int At { get; private set; }

    /// <summary>Bytes left.</summary>
    public int Left => bytes.Length - At;

    /// <summary>The next byte.</summary>
    public byte Byte() => Take(1)[0];

    /// <summary>The next four bytes, little-endian.</summary>
    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    /// <summary>The next bytes; a negative count overruns like one that is too large.</summary>
    public ReadOnlySpan<byte> Take(long count) => TakeMemory(count).Span;

    /// <summary>The next bytes, for keeping.</summary>
    public ReadOnlyMemory<byte> TakeMemory(long count)
    {
        if (count < 0 || count > Left) throw new InvalidDataException($"{count} bytes where {Left} are left");
        var taken = bytes.Slice(At, (int)count);
        At += (int)count;
        return taken;
    }

    /// <summary>A number of seven bits a byte, the lowest first (ULEB128), of at most 64 bits.</summary>
    public ulong Varint()
    {
        var value = 0ul;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Byte();
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return value;
        }
        throw new InvalidDataException("a number of more than 64 bits");
    }

    /// <summary>A number whose sign is its lowest bit.</summary>
    public long Zigzag()
    {
        var value = Varint();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    /// <summary>A count that cannot exceed what is given.</summary>
    public int Count(long most, string what)
    {
        var count = Varint();
        return count <= (ulong)most ? (int)count : throw new InvalidDataException($"{count} {what} where at most {most} can be");
    }
}
