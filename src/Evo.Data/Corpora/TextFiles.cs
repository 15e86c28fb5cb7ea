using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Evo.Data;

/// <summary>What one document of a .txt file is.</summary>
public enum TextUnit
{
    /// <summary>A line that is not empty, as InternEvo's tokenizer tool has it.</summary>
    Line,

    /// <summary>The whole file.</summary>
    File,
}

/// <summary>
/// Documents in text files: the lines of a <c>.txt</c> (or the whole of it), or one field of the objects of a
/// <c>.jsonl</c>, one a line. Text must be UTF-8; a byte order mark and carriage returns at line ends are dropped.
/// </summary>
public static class TextFiles
{
    /// <summary>The documents of a file, one after the other, none of them empty.</summary>
    /// <param name="path">A .txt or a .jsonl file.</param>
    /// <param name="field">The field that holds the text of a .jsonl line.</param>
    /// <param name="unit">What a document of a .txt file is.</param>
    /// <exception cref="DataException">A file cannot be read, or a line of it is not what it should be.</exception>
    public static IEnumerable<string> Documents(string path, string field = "text", TextUnit unit = TextUnit.Line)
    {
        foreach (var chunk in Chunks(path, unit))
        {
            var texts = new List<string>();
            chunk.ForEach(field, text => texts.Add(Encoding.UTF8.GetString(text)));
            foreach (var text in texts) yield return text;
        }
    }

    /// <summary>A file in pieces of about a megabyte, each ending with a line.</summary>
    internal static IEnumerable<TextChunk> Chunks(string path, TextUnit unit, int chunkBytes = 1 << 20)
    {
        var isJson = KindOf(path);
        using var stream = OpenRead(path);
        if (unit == TextUnit.File && !isJson)
        {
            yield return new TextChunk(path, isJson: false, ReadAll(path, stream), line: 0, whole: true);
            yield break;
        }
        var line = 1L;
        var rest = Array.Empty<byte>();
        while (true)
        {
            var buffer = new byte[rest.Length + chunkBytes];
            rest.CopyTo(buffer, 0);
            var read = Fill(path, stream, buffer.AsSpan(rest.Length));
            var filled = rest.Length + read;
            var ended = read < chunkBytes;
            var end = ended ? filled : buffer.AsSpan(0, filled).LastIndexOf((byte)'\n') + 1;
            rest = buffer[end..filled];
            if (end > 0)
            {
                var chunk = new TextChunk(path, isJson, buffer.AsMemory(0, end), line, whole: false);
                line += buffer.AsSpan(0, end).Count((byte)'\n');
                yield return chunk;
            }
            if (ended) yield break;
        }
    }

    /// <summary>Bytes of a file, which must exist.</summary>
    internal static long Size(string path)
    {
        try
        {
            return new FileInfo(path).Length;
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(path, "read", error);
        }
    }

    private static bool KindOf(string path) => Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".jsonl" => true,
        ".txt" or ".text" or ".md" => false,
        var other => throw new DataException(path, other.Length == 0 ? "a file without an extension" : $"a {other} file",
            "text is read from .txt and .jsonl files", "convert it, or rename it"),
    };

    private static FileStream OpenRead(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(path, "read", error);
        }
    }

    private static int Fill(string path, FileStream stream, Span<byte> buffer)
    {
        try
        {
            return stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(path, "read", error);
        }
    }

    private static Memory<byte> ReadAll(string path, FileStream stream)
    {
        if (stream.Length > Array.MaxLength)
            throw new DataException(path, $"one document of {stream.Length} bytes", "a document is below 2 GiB", "read it by lines");
        var bytes = new byte[stream.Length];
        return bytes.AsMemory(0, Fill(path, stream, bytes));
    }
}

/// <summary>A piece of a text file: whole lines, or the whole file as one document.</summary>
internal sealed class TextChunk(string path, bool isJson, ReadOnlyMemory<byte> bytes, long line, bool whole)
{
    private byte[] unescaped = [];

    /// <summary>A document's text in UTF-8.</summary>
    public delegate void Use(ReadOnlySpan<byte> text);

    /// <summary>Bytes of the file in this piece.</summary>
    public int ByteCount => bytes.Length;

    /// <summary>Gives every document of the piece that is not empty.</summary>
    public void ForEach(string field, Use use)
    {
        var rest = bytes.Span;
        if (line <= 1 && rest.StartsWith(Encoding.UTF8.Preamble)) rest = rest[3..];
        if (whole)
        {
            if (!Utf8.IsValid(rest)) throw NotUtf8(path);
            if (!rest.Trim(" \r\n\t"u8).IsEmpty) use(rest);
            return;
        }
        for (var number = line; !rest.IsEmpty; number++)
        {
            var end = rest.IndexOf((byte)'\n');
            var text = (end < 0 ? rest : rest[..end]).TrimEnd((byte)'\r');
            rest = end < 0 ? default : rest[(end + 1)..];
            if (text.Trim(" \t"u8).IsEmpty) continue;
            if (!Utf8.IsValid(text)) throw NotUtf8($"{path}:{number}");
            if (isJson) text = Field(text, field, number);
            if (!text.IsEmpty) use(text);
        }
    }

    private ReadOnlySpan<byte> Field(ReadOnlySpan<byte> json, string field, long number)
    {
        var reader = new Utf8JsonReader(json);
        List<string> others = [];
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                throw new DataException($"{path}:{number}", "a line that is no JSON object", "each line of a .jsonl file must be one");
            ReadOnlySpan<byte> found = default;
            var isThere = false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var wanted = reader.ValueTextEquals(field);
                if (!wanted && !isThere) others.Add(reader.GetString()!);
                reader.Read();
                if (!wanted || isThere)
                {
                    reader.Skip();
                    continue;
                }
                if (reader.TokenType != JsonTokenType.String)
                    throw new DataException($"{path}:{number}", $"field '{field}' is no string", "it must hold the text");
                if (unescaped.Length < reader.ValueSpan.Length) unescaped = new byte[reader.ValueSpan.Length * 2];
                found = unescaped.AsSpan(0, reader.CopyString(unescaped));
                isThere = true;
            }
            reader.Read(); // throws where something follows the object
            if (isThere) return found;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new DataException($"{path}:{number}", $"not valid JSON: {error.Message}", "each line of a .jsonl file must be one object", null, error);
        }
        throw new DataException($"{path}:{number}", $"no field '{field}' among {(others.Count == 0 ? "none" : string.Join(", ", others.Take(8)))}",
            "every line must hold the text in that field", "name the field that holds the text");
    }

    private static DataException NotUtf8(string where) =>
        new(where, "bytes that are not UTF-8", "text must be UTF-8", "convert it, for example with: iconv -f LATIN1 -t UTF-8");
}
