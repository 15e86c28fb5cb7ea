using System.Buffers;
using System.IO.Compression;
using Snappier;

namespace Evo.Data.Parquet;

/// <summary>The head of a page.</summary>
/// <param name="Kind">0 data, 2 dictionary, 3 data in the second layout.</param>
/// <param name="DefinitionBytes">In the second layout: bytes of levels before the values, never compressed.</param>
internal sealed record ParquetPageHead(
    int Kind, int UncompressedBytes, int CompressedBytes, int Values, int Encoding, int LevelEncoding, int DefinitionBytes, int RepetitionBytes, bool Compressed)
{
    /// <summary>Kinds of pages.</summary>
    public const int Data = 0, Dictionary = 2, DataV2 = 3;

    /// <summary>Reads a head and says how many bytes it takes.</summary>
    public static (ParquetPageHead Head, int Bytes) Read(ReadOnlyMemory<byte> bytes)
    {
        var cursor = new ByteCursor(bytes);
        var at = new ThriftStruct(cursor);
        var head = new ParquetPageHead(-1, -1, -1, 0, 0, 3, 0, 0, true);
        while (at.Next())
            head = at.Field switch
            {
                1 => head with { Kind = at.Int32() },
                2 => head with { UncompressedBytes = at.Int32() },
                3 => head with { CompressedBytes = at.Int32() },
                5 => DataHead(at.Inner(), head),
                7 => DataHead(at.Inner(), head),
                8 => DataV2Head(at.Inner(), head),
                _ => head,
            };
        return (head, cursor.At);
    }

    // Data and dictionary pages share the numbers of these fields.
    private static ParquetPageHead DataHead(ThriftStruct at, ParquetPageHead head)
    {
        var isDictionary = head.Kind == Dictionary;
        while (at.Next())
            head = at.Field switch
            {
                1 => head with { Values = at.Int32() },
                2 => head with { Encoding = at.Int32() },
                3 when !isDictionary => head with { LevelEncoding = at.Int32() },
                _ => head,
            };
        return head;
    }

    private static ParquetPageHead DataV2Head(ThriftStruct at, ParquetPageHead head)
    {
        while (at.Next())
            head = at.Field switch
            {
                1 => head with { Values = at.Int32() },
                4 => head with { Encoding = at.Int32() },
                5 => head with { DefinitionBytes = at.Int32() },
                6 => head with { RepetitionBytes = at.Int32() },
                7 => head with { Compressed = at.Bool() },
                _ => head,
            };
        return head;
    }
}

/// <summary>What pages are compressed with.</summary>
internal static class ParquetCodec
{
    private static readonly string[] Names = ["none", "snappy", "gzip", "LZO", "brotli", "LZ4 (deprecated)", "zstd", "LZ4"];

    /// <summary>Whether pages of a codec can be read.</summary>
    public static bool IsKnown(int codec) => codec is 0 or 1 or 2 or 4 or 6;

    /// <summary>A codec's name.</summary>
    public static string Name(int codec) => codec >= 0 && codec < Names.Length ? Names[codec] : $"codec {codec}";

    /// <summary>The bytes that compressed ones stand for; they must be exactly so many.</summary>
    public static ReadOnlyMemory<byte> Decompress(int codec, ReadOnlyMemory<byte> bytes, int length)
    {
        if (codec == 0) return bytes.Length == length ? bytes : throw Wrong(bytes.Length, length);
        if (length < 0 || length > CompressedText.MostOf(bytes.Length))
            throw new InvalidDataException($"a page of {bytes.Length} bytes that would become {length}");
        // Snappy says its own size first: it is believed only when it agrees.
        if (codec == 1 && Snappy.GetUncompressedLength(bytes.Span) is var said && said != length) throw Wrong(said, length);
        var whole = GC.AllocateUninitializedArray<byte>(length);
        var got = codec switch
        {
            1 => Snappy.Decompress(bytes.Span, whole),
            2 => Gunzip(bytes, whole),
            4 => BrotliDecoder.TryDecompress(bytes.Span, whole, out var written) ? written : -1,
            _ => Unzstd(bytes.Span, whole),
        };
        return got == length ? whole : throw Wrong(got, length);
    }

    private static int Unzstd(ReadOnlySpan<byte> bytes, byte[] into)
    {
        using var zstd = new ZstdSharp.Decompressor();
        return zstd.TryUnwrap(bytes, into, out var written) ? written : -1;
    }

    private static int Gunzip(ReadOnlyMemory<byte> bytes, byte[] into)
    {
        using var stream = new GZipStream(new MemoryStream(bytes.ToArray(), writable: false), CompressionMode.Decompress);
        var read = stream.ReadAtLeast(into, into.Length, throwOnEndOfStream: false);
        return stream.ReadByte() < 0 ? read : -1;
    }

    private static InvalidDataException Wrong(int found, int wanted) => new($"a page of {(found < 0 ? "damaged data" : $"{found} bytes")} that should be {wanted} bytes");
}
