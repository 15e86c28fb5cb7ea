using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Evo.Data;

/// <summary>
/// Megatron's token file: <c>X.bin</c> holds ids back to back, little-endian, <c>X.idx</c> their type, the length and place of
/// each sequence, and which sequences make a document. All ids are learned, 0 too. Both files are mapped; safe to read from
/// several threads.
/// </summary>
/// <remarks>
/// The index: 9 bytes <c>MMIDIDX\0\0</c>, u64 version 1, u8 type, u64 sequences S, u64 entries D of the documents' list, S × i32
/// lengths, S × i64 byte offsets, D × i64 first sequences with S at the end, and perhaps S × i8 modes, which are not read.
/// </remarks>
public sealed class MegatronFile : TokenizedFile
{
    private const int HeaderBytes = 34;
    private const string Next = "the files do not belong together or are damaged: copy or make them again";

    private readonly MappedFile file, index;
    private readonly int? vocabSize;
    private readonly byte type;
    private readonly int width, sequences, documents;

    /// <inheritdoc/>
    public override string Path => file.Path;

    /// <inheritdoc/>
    public override long FileBytes => file.Length;

    /// <inheritdoc/>
    public override int DocumentCount => documents;

    /// <inheritdoc/>
    public override bool LearnsZero => true;

    /// <summary>The path of the index of a .bin file.</summary>
    public static string IndexOf(string path) => System.IO.Path.ChangeExtension(path, ".idx");

    /// <summary>Opens a pair and checks every entry of its index. Throws <see cref="DataException"/> where a file is missing or damaged.</summary>
    /// <param name="path">The .bin file; its .idx lies beside it.</param>
    /// <param name="vocabSize">When given, every id that is read must be smaller.</param>
    public static new MegatronFile Open(string path, int? vocabSize = null)
    {
        var file = new MappedFile(path);
        MappedFile? index = null;
        try
        {
            index = new MappedFile(IndexOf(path));
            return new MegatronFile(file, index, vocabSize);
        }
        catch
        {
            index?.Dispose();
            file.Dispose();
            throw;
        }
    }

    private MegatronFile(MappedFile file, MappedFile index, int? vocabSize)
    {
        (this.file, this.index, this.vocabSize) = (file, index, vocabSize);
        (type, width, sequences, documents) = ReadHeader();
        Check();
    }

    /// <inheritdoc/>
    public override int Length(int document)
    {
        var (start, end) = BytesOf(document);
        return (int)((end - start) / width);
    }

    /// <inheritdoc/>
    public override void Read(int document, int from, Span<int> ids)
    {
        RequireInside(document, from, ids.Length);
        var first = BytesOf(document).Start + (long)from * width;
        for (var i = 0; i < ids.Length; i++)
        {
            var id = Id(file.Span(first + (long)i * width, width));
            if (id is < 0 or > int.MaxValue)
                throw new DataException(Path, $"token id {id} in document {document}", "ids are from 0 to 2^31 - 1", Next);
            if (id >= vocabSize) throw OutsideVocabulary(id, document, vocabSize.Value);
            ids[i] = (int)id;
        }
    }

    /// <inheritdoc/>
    public override void AppendTableTo(IncrementalHash hash)
    {
        const int piece = 1 << 24;
        for (var at = 0L; at < index.Length; at += piece) hash.AppendData(index.Span(at, (int)Math.Min(piece, index.Length - at)));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing) return;
        index.Dispose();
        file.Dispose();
    }

    private long Id(ReadOnlySpan<byte> bytes) => type switch
    {
        1 => bytes[0],
        2 => (sbyte)bytes[0],
        3 => BinaryPrimitives.ReadInt16LittleEndian(bytes),
        4 => BinaryPrimitives.ReadInt32LittleEndian(bytes),
        5 => BinaryPrimitives.ReadInt64LittleEndian(bytes),
        _ => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
    };

    // The tables follow the header without gaps, so their numbers are not aligned.
    private int SequenceLength(int sequence) => BinaryPrimitives.ReadInt32LittleEndian(index.Span(HeaderBytes + 4L * sequence, 4));

    private long SequenceStart(int sequence) => BinaryPrimitives.ReadInt64LittleEndian(index.Span(HeaderBytes + 4L * sequences + 8L * sequence, 8));

    private long FirstSequence(int document) => BinaryPrimitives.ReadInt64LittleEndian(index.Span(HeaderBytes + 12L * sequences + 8L * document, 8));

    private (long Start, long End) BytesOf(int document)
    {
        var (first, next) = ((int)FirstSequence(document), (int)FirstSequence(document + 1));
        return first == next ? (0, 0) : (SequenceStart(first), SequenceStart(next - 1) + (long)SequenceLength(next - 1) * width);
    }

    private (byte Type, int Width, int Sequences, int Documents) ReadHeader()
    {
        DataException Bad(string found, string rule) => new(index.Path, found, rule, Next);
        var magic = index.Span(0, (int)Math.Min(9, index.Length));
        if (magic.StartsWith("TNTIDX"u8))
            throw new DataException(index.Path, "it is in Megatron's older format (TNTIDX)", "the format MMIDIDX is read", "tokenize again with a newer Megatron");
        if (!magic.SequenceEqual("MMIDIDX\0\0"u8)) throw Bad("it does not begin with MMIDIDX", "an .idx file must be Megatron's index");
        if (index.Length < HeaderBytes) throw Bad($"the file has {index.Length} bytes", $"the header alone has {HeaderBytes}");
        var header = index.Span(0, HeaderBytes);
        var version = BinaryPrimitives.ReadUInt64LittleEndian(header[9..]);
        if (version != 1) throw Bad($"format version {version}", "version 1 is read");
        var bytes = header[17] switch { 1 or 2 => 1, 3 or 8 => 2, 4 => 4, 5 => 8, _ => 0 };
        if (bytes == 0) throw Bad($"element type {header[17]}", "ids are whole numbers: types 1 to 5 and 8");
        var (count, entries) = (BinaryPrimitives.ReadUInt64LittleEndian(header[18..]), BinaryPrimitives.ReadUInt64LittleEndian(header[26..]));
        if (count > int.MaxValue || entries > int.MaxValue) throw Bad($"{count} sequences in {entries} - 1 documents", "a file has fewer than 2^31");
        var needed = HeaderBytes + 12 * (long)count + 8 * (long)entries;
        if (entries == 0 || index.Length != needed && index.Length != needed + (long)count)
            throw Bad($"{count} sequences and a list of {entries} documents need {needed} bytes but the file has {index.Length}", "the index must hold its tables and nothing else");
        return (header[17], bytes, (int)count, (int)entries - 1);
    }

    private void Check()
    {
        for (var sequence = 0; sequence < sequences; sequence++)
        {
            var (start, length) = (SequenceStart(sequence), SequenceLength(sequence));
            if (length < 0 || start < 0 || start > file.Length - (long)length * width)
                throw new DataException(index.Path, $"sequence {sequence} has {length} tokens from byte {start} on, of a .bin file of {file.Length}",
                    "sequences must lie inside the .bin file", Next);
        }
        var previous = 0L;
        for (var document = 0; document <= documents; document++)
        {
            var first = FirstSequence(document);
            if (first < previous || first > sequences || document == 0 && first != 0 || document == documents && first != sequences)
                throw new DataException(index.Path, $"document {document} begins with sequence {first} of {sequences}", "the list must rise from 0 to the number of sequences", Next);
            for (var sequence = (int)previous + 1; sequence < first; sequence++)
                if (SequenceStart(sequence) != SequenceStart(sequence - 1) + (long)SequenceLength(sequence - 1) * width)
                    throw new DataException(index.Path, $"sequence {sequence} of document {document - 1} begins at byte {SequenceStart(sequence)}",
                        "the sequences of a document must follow each other in the .bin file", Next);
            if (first > previous && BytesOf(document - 1) is var (start, end) && (end - start) / width > int.MaxValue)
                throw new DataException(index.Path, $"document {document - 1} has {(end - start) / width} tokens", "a document has fewer than 2^31", "split it");
            previous = first;
        }
    }
}
