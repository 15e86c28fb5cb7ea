using System.Security.Cryptography;

namespace Evo.Data;

/// <summary>
/// The lines of the .jsonl and .txt files under a folder, or of one file: a document is the text in one field of a .jsonl line,
/// or a whole line of a .txt file. A place is a byte of the file, where a line begins.
/// </summary>
public sealed class LineTexts : ITextSource
{
    private readonly string field;
    private readonly List<string> paths;

    /// <inheritdoc/>
    public string Path { get; }

    /// <inheritdoc/>
    public IReadOnlyList<FileFingerprint> Files { get; }

    /// <summary>Finds the files. Throws <see cref="DataException"/> where there are none.</summary>
    /// <param name="path">A folder, searched with its subfolders, or a file.</param>
    /// <param name="field">The field of a .jsonl line that holds the text.</param>
    public LineTexts(string path, string field = "text")
    {
        (Path, this.field) = (path, field);
        try
        {
            paths = File.Exists(path) ? [path]
                : [.. Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Where(IsText).Order(StringComparer.Ordinal)];
            if (paths.Count == 0)
                throw new DataException(path, "no .jsonl or .txt file in this folder or below it", "streaming data is read from text", "check the path and data.type");
            Files = [.. paths.Select(file => new FileFingerprint(file == path ? System.IO.Path.GetFileName(file) : System.IO.Path.GetRelativePath(path, file), TextFiles.Size(file), Sample(file)))];
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(path, "read", error);
        }
    }

    /// <inheritdoc/>
    public IEnumerable<SourceText> Read(int file, long from)
    {
        var path = paths[file];
        var isJson = IsJson(path);
        using var stream = Open(path, from);
        var buffer = new byte[1 << 20];
        var (begin, end, at, ended) = (0, 0, from, false);
        while (!ended || begin < end)
        {
            var line = buffer.AsSpan(begin, end - begin).IndexOf((byte)'\n');
            if (line < 0 && !ended)
            {
                // The rest of a line moves to the front, and more is read behind it.
                buffer.AsSpan(begin, end - begin).CopyTo(buffer);
                (begin, end) = (0, end - begin);
                if (end == buffer.Length) Array.Resize(ref buffer, Longer(path, at, buffer.Length));
                var read = Fill(path, stream, buffer.AsSpan(end));
                (end, ended) = (end + read, read == 0);
                continue;
            }
            var length = line < 0 ? end - begin : line + 1;
            var text = Document(path, isJson, at, buffer.AsMemory(begin, length));
            (begin, at) = (begin + length, at + length);
            if (text is not null) yield return new SourceText(text, at);
        }
    }

    private byte[]? Document(string path, bool isJson, long at, ReadOnlyMemory<byte> line)
    {
        byte[]? found = null;
        var where = at == 0 ? path : $"{path}, from byte {at} on, line";
        new TextChunk(where, isJson, line, line: at == 0 ? 1 : 2, whole: false).ForEach(field, text => found = text.ToArray());
        return found;
    }

    private static bool IsJson(string path) => path.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase);

    private static bool IsText(string path) => IsJson(path) || path.EndsWith(".txt", StringComparison.OrdinalIgnoreCase);

    private static int Longer(string path, long at, int length) => length < 1 << 30 ? length * 2
        : throw new DataException(path, $"a line of more than {length} bytes from byte {at} on", "a line is shorter than 1 GiB", "split the document");

    private static FileStream Open(string path, long from)
    {
        try
        {
            var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
            stream.Position = from;
            return stream;
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(path, "read", error);
        }
    }

    private static int Fill(string path, FileStream stream, Span<byte> into)
    {
        try
        {
            return stream.Read(into);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(path, "read", error);
        }
    }

    // A hash of 16 pieces of 64 KiB, spread evenly over the file: of all of it where it is small.
    private static string Sample(string path)
    {
        const int pieces = 16, size = 1 << 16;
        using var map = new MappedFile(path);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        if (map.Length <= pieces * size) hash.AppendData(map.Span(0, (int)map.Length));
        else
            for (var piece = 0L; piece < pieces; piece++) hash.AppendData(map.Span((map.Length - size) / (pieces - 1) * piece, size));
        return Convert.ToHexStringLower(hash.GetCurrentHash())[..32];
    }
}
