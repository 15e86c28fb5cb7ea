namespace Evo.Data;

/// <summary>
/// InternEvo's token file: <c>X.bin</c> holds one JSON line <c>{"tokens": [...]}</c> a document, <c>X.bin.meta</c> a
/// NumPy table of where each begins and how many tokens it has. A negative id is context only: the model reads its
/// absolute value and learns nothing from it. Both files are mapped; safe to read from several threads.
/// </summary>
public sealed class TokenFile : IDisposable
{
    private readonly MappedFile file;
    private readonly NpyTable meta;
    private readonly int? vocabSize;

    /// <summary>The path of the .bin file.</summary>
    public string Path => file.Path;

    /// <summary>Documents in the file.</summary>
    public int DocumentCount => meta.Rows;

    /// <summary>Bytes of the .bin file.</summary>
    public long FileBytes => file.Length;

    /// <summary>
    /// Opens a token file and checks every entry of its .meta, and the first document. Throws
    /// <see cref="DataException"/> where a file is missing or damaged, or ids are not of the vocabulary.
    /// </summary>
    /// <param name="path">The .bin file; its .meta lies beside it.</param>
    /// <param name="vocabSize">When given, every id that is read must be smaller.</param>
    public static TokenFile Open(string path, int? vocabSize = null)
    {
        if (!File.Exists(path + ".meta") && File.Exists(path))
            throw new DataException(path, "there is no .meta file beside it", "InternEvo's token files come in pairs X.bin and X.bin.meta",
                "copy the .meta file too, or tokenize again");
        var file = new MappedFile(path);
        NpyTable? meta = null;
        try
        {
            meta = new NpyTable(path + ".meta");
            var opened = new TokenFile(file, meta, vocabSize);
            opened.Check();
            return opened;
        }
        catch
        {
            meta?.Dispose();
            file.Dispose();
            throw;
        }
    }

    private TokenFile(MappedFile file, NpyTable meta, int? vocabSize) => (this.file, this.meta, this.vocabSize) = (file, meta, vocabSize);

    /// <summary>Tokens of a document, as the .meta file says.</summary>
    public int Length(int document) => (int)meta[document, meta.Columns - 1];

    /// <summary>Where the document's record begins in the .bin file, in bytes.</summary>
    public long Offset(int document) => meta[document, 0];

    /// <summary>All ids of a document, with their signs.</summary>
    public int[] Read(int document)
    {
        var ids = new int[Length(document)];
        Read(document, 0, ids);
        return ids;
    }

    /// <summary>Ids of a document from a place in it on, with their signs.</summary>
    public void Read(int document, int from, Span<int> ids)
    {
        var length = Length(document);
        if (from < 0 || from > length - ids.Length)
            throw new ArgumentOutOfRangeException(nameof(from), $"{Path}: tokens {from} to {from + ids.Length} of document {document}, which has {length}");
        var start = Offset(document);
        var record = file.Span(start, (int)(End(document) - start));
        if (TokenRecord.Read(record, from, ids, ends: from + ids.Length == length) is var (found, at))
            throw new DataException(Path, $"{found}, at byte {start + at} in document {document}",
                $"a record must be {{\"tokens\": [...]}} with the {length} tokens that its .meta file says",
                "the file is damaged or does not belong to its .meta file: tokenize again");
        if (vocabSize is not { } size) return;
        foreach (var id in ids)
            if (id >= size || id <= -size)
                throw new DataException(Path, $"token id {id} in document {document} at byte {start}",
                    $"the vocabulary has {size} tokens, so ids are below {size}",
                    "the file was made with another tokenizer: tokenize again, or set the tokenizer and vocab_size that it was made with");
    }

    public void Dispose()
    {
        meta.Dispose();
        file.Dispose();
    }

    internal NpyTable Meta => meta;

    private long End(int document) => document + 1 < meta.Rows ? meta[document + 1, 0] : file.Length;

    private void Check()
    {
        const string next = "the files do not belong together or are damaged: tokenize again";
        for (var document = 0; document < meta.Rows; document++)
        {
            var (start, end, length) = (Offset(document), End(document), meta[document, meta.Columns - 1]);
            if (start < 0 && meta.Width == 4)
                throw new DataException(meta.Path, $"document {document} begins at byte {start}", "a 32-bit table reaches 2 GiB only",
                    "tokenize again: Evo writes 64-bit tables");
            if (start < 0 || start >= file.Length || end <= start || end - start > int.MaxValue)
                throw new DataException(meta.Path, $"document {document} begins at byte {start} and ends at {end} of a file with {file.Length}",
                    "documents must lie one after the other inside the .bin file, below 2 GiB each", next);
            if (length < 0 || length > (end - start) / 2) // a token takes a digit and a separator
                throw new DataException(meta.Path, $"document {document} has {length} tokens in {end - start} bytes",
                    "a token takes two bytes at the least", next);
        }
        if (meta.Rows == 0 && file.Length > 0)
            throw new DataException(meta.Path, $"no documents, beside a .bin file of {file.Length} bytes", "the table must list every document", next);
        if (meta.Rows > 0) Read(0);
    }
}
