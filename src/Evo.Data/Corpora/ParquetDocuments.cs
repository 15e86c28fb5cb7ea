using Evo.Data.Parquet;

namespace Evo.Data;

/// <summary>
/// Documents in a column of a Parquet file, page by page. Our own reader of the one column: the managed library
/// for the format loops for ever on cut files and takes memory as a damaged length asks, the native one brings 160 MB.
/// </summary>
internal sealed class ParquetDocuments : DocumentFile
{
    // A page of a million rows is a large one; a damaged or hostile one may say any number, at no cost to its writer.
    private const int MostRowsPerPage = 1 << 24;
    private const long MostTextPerPage = 1L << 30;

    private readonly PositionedFile file;
    private readonly ParquetFooter footer;
    private readonly ParquetColumn column;
    private readonly int blockBytes;

    public ParquetDocuments(string path, string columnName, int blockBytes) : base(path)
    {
        this.blockBytes = blockBytes;
        file = new PositionedFile(path);
        try
        {
            footer = Guarded(() => ParquetFooter.Read(FooterBytes()), "the footer");
            column = Guarded(() => ParquetColumn.Find(path, footer.Schema, columnName), "the schema");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override long Bytes => file.Length;

    /// <inheritdoc/>
    public override IEnumerable<DocumentBlock> Blocks(DocumentPlace from = default)
    {
        for (var group = (int)Math.Min(from.Part, footer.RowGroups.Count); group < footer.RowGroups.Count; group++)
        {
            var blocks = new TableBlocks(Path, "row group", blockBytes, new DocumentPlace(group, group == from.Part ? from.Item : 0));
            foreach (var block in Group(group, blocks)) yield return block;
        }
    }

    private IEnumerable<DocumentBlock> Group(int group, TableBlocks blocks)
    {
        var place = $"row group {group}";
        var rows = footer.RowGroups[group].Rows;
        var chunk = footer.RowGroups[group].Chunks.FirstOrDefault(chunk => chunk.Path == column.Path)
            ?? throw Damaged(place, $"no column '{column.Path}'");
        var (at, end) = Extent(chunk, place, rows);
        IReadOnlyList<ReadOnlyMemory<byte>>? dictionary = null;
        for (var left = rows; left > 0;)
        {
            var (head, start) = Head(at, end, place);
            var bytes = file.Bytes(start, head.CompressedBytes);
            at = start + head.CompressedBytes;
            if (head.Kind == ParquetPageHead.Dictionary)
            {
                dictionary = Guarded(() => ParquetTexts.Dictionary(ParquetCodec.Decompress(chunk.Codec, bytes, head.UncompressedBytes), head.Values), place);
                continue;
            }
            if (head.Kind is not (ParquetPageHead.Data or ParquetPageHead.DataV2)) continue;
            if (head.Values <= 0 || head.Values > Math.Min(left, MostRowsPerPage))
                throw Damaged(place, $"a page of {head.Values} rows where {left} are left, and {MostRowsPerPage} may be in one");
            left -= head.Values;
            var page = Guarded(() => Values(chunk.Codec, head, bytes, dictionary), place);
            var text = 0L;
            for (var row = 0; row < head.Values;)
            {
                row = Guarded(() => Gather(page, row, head.Values, blocks, ref text), place);
                if (blocks.IsFull && blocks.Take(at) is { } block) yield return block;
            }
        }
        if (blocks.Take(at) is { } last) yield return last;
    }

    /// <summary>Adds rows of a page until a block is full; returns the row after them.</summary>
    private int Gather((HybridRuns? Levels, ParquetTexts Texts) page, int row, int rows, TableBlocks blocks, ref long text)
    {
        while (row < rows && !blocks.IsFull)
        {
            var value = page.Levels is null || page.Levels.Next() == column.OptionalLevels ? page.Texts.Next() : default;
            if ((text += value.Length) > MostTextPerPage) throw new InvalidDataException($"a page of more than {MostTextPerPage} bytes of text");
            blocks.Add(value);
            row++;
        }
        return row;
    }

    private (HybridRuns? Levels, ParquetTexts Texts) Values(
        int codec, ParquetPageHead head, ReadOnlyMemory<byte> bytes, IReadOnlyList<ReadOnlyMemory<byte>>? dictionary)
    {
        var width = System.Numerics.BitOperations.Log2((uint)column.OptionalLevels) + 1;
        HybridRuns? levels = null;
        if (head.Kind == ParquetPageHead.DataV2)
        {
            var cursor = new ByteCursor(bytes);
            cursor.Take(head.RepetitionBytes);
            var packed = cursor.TakeMemory(head.DefinitionBytes);
            if (column.OptionalLevels > 0) levels = new HybridRuns(packed, width);
            bytes = cursor.TakeMemory(cursor.Left);
            if (head.Compressed)
                bytes = ParquetCodec.Decompress(codec, bytes, head.UncompressedBytes - head.DefinitionBytes - head.RepetitionBytes);
        }
        else
        {
            bytes = ParquetCodec.Decompress(codec, bytes, head.UncompressedBytes);
            if (column.OptionalLevels > 0)
            {
                if (head.LevelEncoding != 3) throw new InvalidDataException($"levels in encoding {head.LevelEncoding}, which is not read");
                var cursor = new ByteCursor(bytes);
                levels = new HybridRuns(cursor.TakeMemory(cursor.Int32()), width);
                bytes = cursor.TakeMemory(cursor.Left);
            }
        }
        return (levels, ParquetTexts.Of(head.Encoding, bytes, head.Values, dictionary));
    }

    /// <summary>The head of the page at a byte, and where the page itself begins. Heads hold statistics, and with them texts of any length.</summary>
    private (ParquetPageHead Head, long Start) Head(long at, long end, string place)
    {
        for (var window = 1L << 12; ; window <<= 4)
        {
            var there = (int)Math.Min(Math.Min(window, end - at), Array.MaxLength);
            if (there <= 0) throw Damaged(place, "its pages end before its rows do");
            try
            {
                var (head, bytes) = ParquetPageHead.Read(file.Bytes(at, there));
                if (head.CompressedBytes < 0 || head.CompressedBytes > end - at - bytes)
                    throw Damaged(place, $"a page of {head.CompressedBytes} bytes at byte {at}, with {end - at - bytes} left");
                return (head, at + bytes);
            }
            catch (InvalidDataException) when (window < end - at && there < Array.MaxLength)
            {
            }
            catch (InvalidDataException error)
            {
                throw Damaged(place, $"the head of the page at byte {at}: {error.Message}", error);
            }
        }
    }

    private (long Start, long End) Extent(ParquetChunk chunk, string place, long rows)
    {
        if (chunk.Elsewhere) throw new DataException($"{Path}: {place}", "a column in another file", "all of a file must be in it", "write it again as one file");
        if (!ParquetCodec.IsKnown(chunk.Codec))
            throw new DataException($"{Path}: {place}", $"pages compressed with {ParquetCodec.Name(chunk.Codec)}",
                "none, snappy, gzip, brotli and zstd are read", "write it again with one of them");
        if (rows != chunk.Values) throw Damaged(place, $"{chunk.Values} values in {rows} rows");
        var start = chunk.DictionaryOffset > 0 && chunk.DictionaryOffset < chunk.DataOffset ? chunk.DictionaryOffset : chunk.DataOffset;
        if (start < 4 || chunk.CompressedBytes < 0 || chunk.CompressedBytes > file.Length - start)
            throw Damaged(place, $"a column of {chunk.CompressedBytes} bytes at byte {start} in a file of {file.Length}");
        return (start, start + chunk.CompressedBytes);
    }

    private byte[] FooterBytes()
    {
        if (file.Length < 12 || !file.Bytes(0, 4).AsSpan().SequenceEqual("PAR1"u8))
            throw new DataException(Path, "no 'PAR1' at its beginning", "a Parquet file begins and ends with it", "copy the file again, or name it for what it is");
        var tail = new ByteCursor(file.Bytes(file.Length - 8, 8));
        var length = tail.Int32();
        var magic = tail.Take(4);
        if (magic.SequenceEqual("PARE"u8)) throw new DataException(Path, "an encrypted footer", "only plain files are read", "write it again without encryption");
        if (!magic.SequenceEqual("PAR1"u8))
            throw new DataException(Path, "no 'PAR1' at its end", "a Parquet file begins and ends with it", "copy the file again: it is cut");
        if (length <= 0 || length > file.Length - 12) throw Damaged("the footer", $"{length} bytes long in a file of {file.Length}");
        return file.Bytes(file.Length - 8 - length, length);
    }

    private T Guarded<T>(Func<T> read, string place)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (error is InvalidDataException or ZstdSharp.ZstdException)
        {
            throw Damaged(place, error.Message, error);
        }
    }

    private DataException Damaged(string place, string found, Exception? error = null) =>
        new($"{Path}: {place}", found, "it must be as the Parquet format has it", "copy or write the file again", error);

    /// <inheritdoc/>
    public override void Dispose()
    {
        file.Dispose();
        base.Dispose();
    }
}
