namespace Evo.Data.Parquet;

/// <summary>
/// Small numbers in Parquet's hybrid of runs: a number so many times, or a group of eight packed bit by bit. Read one at a time, so a
/// run of a billion costs nothing until it is used.
/// </summary>
internal sealed class HybridRuns
{
    private readonly int width;
    private readonly ByteCursor cursor;
    private ReadOnlyMemory<byte> packed;
    private long left, bit;
    private int value;

    /// <summary>Numbers of so many bits each, 0 to 32.</summary>
    public HybridRuns(ReadOnlyMemory<byte> bytes, int width)
    {
        if (width is < 0 or > 32) throw new InvalidDataException($"numbers of {width} bits");
        (this.width, cursor) = (width, new ByteCursor(bytes));
    }

    /// <summary>The next number; throws where the bytes hold no more.</summary>
    public int Next()
    {
        if (width == 0) return 0;
        while (left == 0)
        {
            var head = cursor.Varint();
            var count = head >> 1;
            if (count > int.MaxValue) throw new InvalidDataException($"a run of {count} numbers");
            if ((head & 1) == 1)
            {
                // The last group may be cut to the bytes that are there.
                packed = cursor.TakeMemory(Math.Min((long)count * width, cursor.Left));
                left = packed.Length * 8L / width;
                bit = 0;
                if (left == 0) throw new InvalidDataException("packed numbers without bytes");
            }
            else
            {
                packed = default;
                left = (long)count;
                value = 0;
                var bytes = cursor.Take((width + 7) / 8);
                for (var i = bytes.Length - 1; i >= 0; i--) value = value << 8 | bytes[i];
            }
        }
        left--;
        if (packed.IsEmpty) return value;
        var number = (int)Bits.Read(packed.Span, bit, width);
        bit += width;
        return number;
    }
}

/// <summary>Numbers packed bit by bit, the lowest first.</summary>
internal static class Bits
{
    /// <summary>The number of so many bits (0 to 64) that begins at a bit.</summary>
    public static ulong Read(ReadOnlySpan<byte> bytes, long at, int width)
    {
        var number = 0ul;
        for (var got = 0; got < width;)
        {
            var taken = Math.Min(8 - (int)((at + got) & 7), width - got);
            var part = (ulong)(bytes[(int)((at + got) >> 3)] >> (int)((at + got) & 7)) & ((1ul << taken) - 1);
            number |= part << got;
            got += taken;
        }
        return number;
    }
}
