namespace Evo.Data.Parquet;

/// <summary>Lengths in Parquet's DELTA_BINARY_PACKED encoding: differences to the number before, packed in blocks.</summary>
internal static class DeltaNumbers
{
    /// <summary>Reads all numbers, none of them negative, of which there are at most so many, and goes to the byte after them.</summary>
    public static int[] Read(ByteCursor cursor, int most)
    {
        var blockSize = cursor.Count(1 << 20, "numbers a block");
        var miniblocks = cursor.Count(1 << 10, "parts of a block");
        var count = cursor.Count(most, "lengths");
        var value = cursor.Zigzag();
        if (miniblocks == 0 || blockSize % miniblocks != 0 || blockSize / miniblocks % 32 != 0)
            throw new InvalidDataException($"blocks of {blockSize} numbers in {miniblocks} parts");
        var perPart = blockSize / miniblocks;
        // A part takes at least a byte for its width, so the count cannot exceed what the bytes hold by more than that.
        if (count > (cursor.Left + 1L) * perPart + 1) throw new InvalidDataException($"{count} lengths in {cursor.Left} bytes");
        var numbers = new int[count];
        var at = 0;
        if (count > 0) numbers[at++] = Checked(value);
        while (at < count)
        {
            var least = cursor.Zigzag();
            var widths = cursor.Take(miniblocks);
            for (var part = 0; part < miniblocks && at < count; part++)
            {
                var width = widths[part];
                if (width > 64) throw new InvalidDataException($"differences of {width} bits");
                var packed = cursor.Take((long)width * perPart / 8);
                for (var i = 0; i < perPart && at < count; i++)
                {
                    value = unchecked(value + least + (long)Bits.Read(packed, (long)i * width, width));
                    numbers[at++] = Checked(value);
                }
            }
        }
        return numbers;
    }

    private static int Checked(long length) =>
        length is >= 0 and <= int.MaxValue ? (int)length : throw new InvalidDataException($"a text of {length} bytes");
}
