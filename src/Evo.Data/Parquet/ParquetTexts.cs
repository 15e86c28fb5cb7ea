namespace Evo.Data.Parquet;

/// <summary>The texts of a page, one after the other, in the encodings that Parquet has for byte arrays.</summary>
/// <remarks>Source: apache/parquet-format, Encodings.md.</remarks>
internal abstract class ParquetTexts
{
    /// <summary>The next text; valid until the one after it.</summary>
    public abstract ReadOnlySpan<byte> Next();

    /// <summary>Reads a page's values.</summary>
    /// <param name="encoding">The encoding's number.</param>
    /// <param name="bytes">The page after its levels.</param>
    /// <param name="most">How many texts there can be.</param>
    /// <param name="dictionary">The texts of the chunk's dictionary page, if it has one.</param>
    public static ParquetTexts Of(int encoding, ReadOnlyMemory<byte> bytes, int most, IReadOnlyList<ReadOnlyMemory<byte>>? dictionary) => encoding switch
    {
        0 => new Plain(bytes),
        2 or 8 => new Indexed(bytes, dictionary ?? throw new InvalidDataException("a page that needs a dictionary, of which there is none")),
        6 => new Lengths(bytes, most),
        7 => new Prefixed(bytes, most),
        _ => throw new InvalidDataException($"encoding {encoding}, which is none of text"),
    };

    /// <summary>The texts of a dictionary page.</summary>
    public static IReadOnlyList<ReadOnlyMemory<byte>> Dictionary(ReadOnlyMemory<byte> bytes, int count)
    {
        if (count < 0 || count > bytes.Length / 4) throw new InvalidDataException($"a dictionary of {count} texts in {bytes.Length} bytes");
        var cursor = new ByteCursor(bytes);
        var texts = new ReadOnlyMemory<byte>[count];
        for (var i = 0; i < count; i++) texts[i] = cursor.TakeMemory(cursor.Int32());
        return texts;
    }

    private sealed class Plain(ReadOnlyMemory<byte> bytes) : ParquetTexts
    {
        private readonly ByteCursor cursor = new(bytes);

        public override ReadOnlySpan<byte> Next() => cursor.Take(cursor.Int32());
    }

    private sealed class Indexed : ParquetTexts
    {
        private readonly IReadOnlyList<ReadOnlyMemory<byte>> texts;
        private readonly HybridRuns runs;

        public Indexed(ReadOnlyMemory<byte> bytes, IReadOnlyList<ReadOnlyMemory<byte>> texts)
        {
            this.texts = texts;
            // A page of nulls alone may have no byte, not even the width.
            runs = bytes.IsEmpty ? new HybridRuns(bytes, 0) : new HybridRuns(bytes[1..], bytes.Span[0]);
        }

        public override ReadOnlySpan<byte> Next()
        {
            var index = runs.Next();
            return (uint)index < (uint)texts.Count ? texts[index].Span : throw new InvalidDataException($"text {index} of a dictionary of {texts.Count}");
        }
    }

    private sealed class Lengths : ParquetTexts
    {
        private readonly ByteCursor cursor;
        private readonly int[] lengths;
        private int at;

        public Lengths(ReadOnlyMemory<byte> bytes, int most)
        {
            cursor = new ByteCursor(bytes);
            lengths = DeltaNumbers.Read(cursor, most);
        }

        public override ReadOnlySpan<byte> Next() =>
            at < lengths.Length ? cursor.Take(lengths[at++]) : throw new InvalidDataException($"only {lengths.Length} texts");
    }

    private sealed class Prefixed : ParquetTexts
    {
        private readonly ByteCursor cursor;
        private readonly int[] shared, lengths;
        private byte[] last = [];
        private int length, at;

        public Prefixed(ReadOnlyMemory<byte> bytes, int most)
        {
            cursor = new ByteCursor(bytes);
            shared = DeltaNumbers.Read(cursor, most);
            lengths = DeltaNumbers.Read(cursor, most);
            if (shared.Length != lengths.Length) throw new InvalidDataException($"{shared.Length} beginnings and {lengths.Length} ends of texts");
        }

        public override ReadOnlySpan<byte> Next()
        {
            if (at == shared.Length) throw new InvalidDataException($"only {shared.Length} texts");
            var (kept, added) = (shared[at], lengths[at++]);
            if (kept > length) throw new InvalidDataException($"a text that shares {kept} bytes with one of {length}");
            var rest = cursor.Take(added);
            if (kept + rest.Length > last.Length) Array.Resize(ref last, Math.Max(kept + rest.Length, 2 * last.Length));
            rest.CopyTo(last.AsSpan(kept));
            length = kept + rest.Length;
            return last.AsSpan(0, length);
        }
    }
}
