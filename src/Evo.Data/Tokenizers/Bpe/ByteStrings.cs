using System.Buffers.Binary;
using System.Numerics;

namespace Evo.Data;

/// <summary>Numbers of short byte strings, found without making an object of what is looked up.</summary>
internal sealed class ByteStrings
{
    private readonly byte[] bytes;
    private readonly int[] starts; // of each entry in bytes; one more for the end
    private readonly int[] values;
    private readonly (uint Hash, int Entry)[] slots;

    /// <summary>The longest string in it.</summary>
    public int LongestLength { get; }

    /// <summary>Makes the table; of equal strings the first holds.</summary>
    public ByteStrings(IReadOnlyCollection<(byte[] Text, int Value)> entries)
    {
        bytes = new byte[entries.Sum(entry => (long)entry.Text.Length)];
        starts = new int[entries.Count + 1];
        values = new int[entries.Count];
        slots = new (uint, int)[BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, entries.Count * 2))];
        Array.Fill(slots, (0u, -1));
        var count = 0;
        foreach (var (text, value) in entries)
        {
            text.CopyTo(bytes, starts[count]);
            starts[count + 1] = starts[count] + text.Length;
            values[count] = value;
            LongestLength = Math.Max(LongestLength, text.Length);
            var hash = Hash(text);
            var at = Place(text, hash);
            if (slots[at].Entry < 0) slots[at] = (hash, count);
            count++;
        }
    }

    /// <summary>The number of a string, or -1.</summary>
    public int Find(ReadOnlySpan<byte> text)
    {
        if (text.Length > LongestLength) return -1;
        var entry = slots[Place(text, Hash(text))].Entry;
        return entry < 0 ? -1 : values[entry];
    }

    private int Place(ReadOnlySpan<byte> text, uint hash)
    {
        for (var at = (int)hash & (slots.Length - 1); ; at = (at + 1) & (slots.Length - 1))
        {
            var (other, entry) = slots[at];
            if (entry < 0 || (other == hash && text.SequenceEqual(bytes.AsSpan(starts[entry], starts[entry + 1] - starts[entry])))) return at;
        }
    }

    // Eight bytes at a time; the odd constant and the final shift spread every byte over the bits that are used.
    private static uint Hash(ReadOnlySpan<byte> text)
    {
        var hash = (ulong)text.Length;
        for (; text.Length >= 8; text = text[8..]) hash = (hash ^ BinaryPrimitives.ReadUInt64LittleEndian(text)) * 0x9E3779B97F4A7C15 >> 7 ^ hash << 29;
        var rest = 0ul;
        foreach (var value in text) rest = rest << 8 | value;
        hash = (hash ^ rest) * 0x9E3779B97F4A7C15;
        return (uint)(hash >> 32 ^ hash >> 15);
    }
}
