namespace Evo.Data;

/// <summary>
/// Documents in text: the lines of a .txt (or the whole of it), or the objects of a .jsonl or of the list in a .json. Text must be
/// UTF-8; a byte order mark and carriage returns at line ends are dropped.
/// </summary>
internal sealed class TextDocuments(string path, string format, DocumentOptions options) : DocumentFile(path)
{
    private readonly bool compressed = CompressedText.Is(System.IO.Path.GetExtension(path).ToLowerInvariant());

    /// <inheritdoc/>
    public override long Bytes => TextFiles.Size(Path);

    /// <inheritdoc/>
    public override IEnumerable<DocumentBlock> Blocks(DocumentPlace from = default)
    {
        if (format == ".txt" && options.Field is null)
            throw new DataException(Path, "a text file", "conversations are read from .jsonl and .json files", "convert it, one JSON object a line");
        return format == ".json" ? JsonArray.Blocks(Path, Whole(), options.Field, from, options.BlockBytes)
            : format == ".txt" && options.Unit == TextUnit.File ? WholeFile(from)
            : Lines(from);
    }

    private IEnumerable<DocumentBlock> WholeFile(DocumentPlace from)
    {
        if (from.Item > 0) yield break;
        var bytes = Whole();
        yield return new WholeText(Path, bytes) { Next = new DocumentPlace(bytes.Length, 1), FileBytes = Bytes };
    }

    private IEnumerable<DocumentBlock> Lines(DocumentPlace from)
    {
        using var file = OpenRead();
        using var stream = StreamFrom(file, from.Part);
        var most = MostBytes(file);
        var place = from;
        var rest = Array.Empty<byte>();
        while (true)
        {
            // A line longer than a block doubles what is read at once, so that no byte is copied often.
            var wanted = Math.Max(options.BlockBytes, rest.Length);
            if ((long)rest.Length + wanted > most)
                throw new DataException($"{Path}:{place.Item + 1}", $"a line of more than {rest.Length} bytes",
                    $"a document of this file may have {most}", "the file is damaged, or is no text");
            var buffer = GC.AllocateUninitializedArray<byte>(rest.Length + wanted);
            rest.CopyTo(buffer, 0);
            var read = Fill(stream, buffer.AsSpan(rest.Length));
            var filled = rest.Length + read;
            var ended = read < wanted;
            var end = ended ? filled : buffer.AsSpan(0, filled).LastIndexOf((byte)'\n') + 1;
            rest = buffer[end..filled];
            if (end > 0)
            {
                var lines = buffer.AsSpan(0, end).Count((byte)'\n') + (buffer[end - 1] == '\n' ? 0 : 1);
                var next = new DocumentPlace(place.Part + end, place.Item + lines);
                yield return new TextLines(Path, format == ".jsonl", options.Field, buffer.AsMemory(0, end), place)
                {
                    Next = next,
                    FileBytes = compressed ? file.Position : next.Part,
                };
                place = next;
            }
            if (ended) yield break;
        }
    }

    private Memory<byte> Whole()
    {
        using var file = OpenRead();
        using var stream = StreamFrom(file, 0);
        var most = MostBytes(file);
        var bytes = new byte[compressed ? 1 << 20 : Math.Min(file.Length, most) + 1];
        for (var filled = 0; ;)
        {
            filled += Fill(stream, bytes.AsSpan(filled));
            if (filled < bytes.Length) return bytes.AsMemory(0, filled);
            if (filled >= most)
                throw new DataException(Path, $"more than {most} bytes", "a file that is read as a whole must be smaller", "write it as lines");
            Array.Resize(ref bytes, (int)Math.Min(most + 1, 2L * filled));
        }
    }

    private long MostBytes(FileStream file) => Math.Min(Array.MaxLength - 1, compressed ? CompressedText.MostOf(file.Length) : long.MaxValue);

    private FileStream OpenRead()
    {
        try
        {
            return new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(Path, "read", error);
        }
    }

    /// <summary>The text from a byte on. What is compressed has no way to a place but through all before it.</summary>
    private Stream StreamFrom(FileStream file, long start)
    {
        if (!compressed)
        {
            if (start > file.Length)
                throw new DataException(Path, $"{file.Length} bytes", $"reading goes on at byte {start}", "the file has changed since: begin anew");
            file.Position = start;
            return file;
        }
        var stream = CompressedText.Over(Path, file);
        var passed = new byte[1 << 16];
        for (var left = start; left > 0;)
        {
            var read = Fill(stream, passed.AsSpan(0, (int)Math.Min(left, passed.Length)));
            if (read == 0)
                throw new DataException(Path, $"{start - left} bytes of text", $"reading goes on at byte {start}", "the file has changed since: begin anew");
            left -= read;
        }
        return stream;
    }

    private int Fill(Stream stream, Span<byte> buffer)
    {
        try
        {
            return stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        }
        catch (Exception error) when (CompressedText.IsDamage(error))
        {
            throw new DataException(Path, $"damaged compressed data: {error.Message}", "it must decompress to its end", "copy the file again", error);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(Path, "read", error);
        }
    }
}
