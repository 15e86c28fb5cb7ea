namespace Evo.Data;

/// <summary>What one document of a .txt file is.</summary>
public enum TextUnit
{
    /// <summary>A line that is not empty, as InternEvo's tokenizer tool has it.</summary>
    Line,

    /// <summary>The whole file.</summary>
    File,
}

/// <summary>Which part of a file is a document.</summary>
public sealed record DocumentOptions
{
    /// <summary>
    /// The field of a JSON object, or the column of a table, that holds the text; columns inside structs are written
    /// <c>outer.inner</c>. Null for the whole JSON object, which conversations need.
    /// </summary>
    public string? Field { get; init; } = "text";

    /// <summary>What a document of a .txt file is.</summary>
    public TextUnit Unit { get; init; } = TextUnit.Line;

    /// <summary>About how many bytes a block has. Documents and places do not depend on it.</summary>
    public int BlockBytes { get; init; } = 1 << 20;
}

/// <summary>
/// Where reading goes on: before a document, or at the end of the file. In text <paramref name="Part"/> is a byte (of what a
/// compressed file holds) and <paramref name="Item"/> the number of lines or array elements before it; in tables they are a
/// record batch or row group, and a row of it. Two integers: a run that resumes keeps them.
/// </summary>
public readonly record struct DocumentPlace(long Part, long Item);

/// <summary>Takes a document: its text in UTF-8, valid only during the call, and the place after it.</summary>
public delegate void UseDocument(ReadOnlySpan<byte> text, DocumentPlace next);

/// <summary>A piece of a file, of whole documents. What is dear in reading it is done by <see cref="ForEach"/>, on any thread.</summary>
public abstract class DocumentBlock
{
    /// <summary>The place after the block.</summary>
    public required DocumentPlace Next { get; init; }

    /// <summary>Bytes of the file, as it lies on the disk, up to the end of the block: for progress, not for seeking.</summary>
    public required long FileBytes { get; init; }

    /// <summary>Gives every document of the block that is not empty, in order; throws <see cref="DataException"/> at one that is damaged.</summary>
    public abstract void ForEach(UseDocument use);
}

/// <summary>
/// The documents of one file, in order, from any place on: what tokenizing and streaming read. Which format a file has is told by
/// its name; every damage is a <see cref="DataException"/> that names the file and the place.
/// </summary>
public abstract class DocumentFile(string path) : IDisposable
{
    /// <summary>The path as it was given.</summary>
    public string Path { get; } = path;

    /// <summary>Bytes of the file on the disk.</summary>
    public abstract long Bytes { get; }

    /// <summary>Pieces of the file from a place on that an earlier reading gave, or from the start.</summary>
    public abstract IEnumerable<DocumentBlock> Blocks(DocumentPlace from = default);

    /// <summary>The documents from a place on, one after the other, none of them empty.</summary>
    public IEnumerable<(byte[] Text, DocumentPlace Next)> Documents(DocumentPlace from = default)
    {
        foreach (var block in Blocks(from))
        {
            var documents = new List<(byte[], DocumentPlace)>();
            block.ForEach((text, next) => documents.Add((text.ToArray(), next)));
            foreach (var document in documents) yield return document;
        }
    }

    /// <summary>Opens a file: .txt, .md, .jsonl and .json, plain or with .gz or .zst behind the name, .arrow and .feather, .parquet.</summary>
    /// <exception cref="DataException">It cannot be opened, its name says no known format, or its head is damaged.</exception>
    public static DocumentFile Open(string path, DocumentOptions? options = null)
    {
        options ??= new DocumentOptions();
        var kind = FormatOf(path);
        if (kind is not (".arrow" or ".parquet")) return new TextDocuments(path, kind, options);
        if (options.Field is not { } column)
            throw new DataException(path, $"a {kind} file", "conversations are read from .jsonl and .json files", "convert it, one JSON object a line");
        return kind == ".arrow" ? new ArrowDocuments(path, column, options.BlockBytes) : new ParquetDocuments(path, column, options.BlockBytes);
    }

    /// <summary>Whether the name is one of a format that <see cref="Open"/> reads.</summary>
    public static bool IsKnown(string path) => Format(path) is not null;

    /// <summary>The format without a compression: .txt, .jsonl, .json, .arrow or .parquet.</summary>
    internal static string FormatOf(string path)
    {
        if (Format(path) is { } known) return known;
        var other = System.IO.Path.GetExtension(path);
        throw new DataException(path, other.Length == 0 ? "a file without an extension" : $"a {other} file",
            "documents are read from .txt and .jsonl files (also .gz and .zst), .json, .arrow and .parquet", "convert it, or rename it");
    }

    private static string? Format(string path)
    {
        var extension = System.IO.Path.GetExtension(path).ToLowerInvariant();
        if (CompressedText.Is(extension)) return Format(path[..^extension.Length]) is { } inner and (".txt" or ".jsonl" or ".json") ? inner : null;
        return extension switch
        {
            ".txt" or ".text" or ".md" => ".txt",
            ".jsonl" or ".ndjson" => ".jsonl",
            ".json" or ".parquet" => extension,
            ".arrow" or ".feather" => ".arrow",
            _ => null,
        };
    }

    /// <inheritdoc/>
    public virtual void Dispose() => GC.SuppressFinalize(this);
}
