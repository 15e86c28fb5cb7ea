namespace Evo.Data;

/// <summary>
/// InternEvo's token file: <c>X.bin</c> holds one JSON line <c>{"tokens": [...]}</c> a document, <c>X.bin.meta</c> a
/// NumPy table of where each begins and how many tokens it has. A negative id is context only: the model reads its
/// absolute value and learns nothing from it. Both files are mapped; safe to read from several threads.
/// </summary>
public sealed class TokenFile : TokenizedFile
{
    private readonly MappedFile file;
    private readonly NpyTable meta;
    private readonly int? vocabSize;

    /// <inheritdoc/>
    public override string Path => file.Path;

    /// <inheritdoc/>
    public override int DocumentCount => meta.Rows;

    /// <inheritdoc/>
    public override long FileBytes => file.Length;

    /// <inheritdoc/>
    public override bool LearnsZero => false;

    /// <summary>
    /// Opens a token file and checks every entry of its .meta, and the first document. Throws
    /// <see cref="DataException"/> where a file is missing or damaged, or ids are not of the vocabulary.
    /// </summary>
    /// <param name="path">The .bin file; its .meta lies beside it.</param>
    /// <param name="vocabSize">When given, every id that is read must be smaller.</param>
    public static new TokenFile Open(string path, int? vocabSize = null)
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
    public override int Length(int document) => (int)meta[document, meta.Columns - 1];

    /// <summary>Where the document's record begins in the .bin file, in bytes.</summary>
    public long Offset(int document) => meta[document, 0];

    /// <summary>Ids of a document from a place in it on, with their signs.</summary>
    public override void Read(int document, int from, Span<int> ids)
    {
        RequireInside(document, from, ids.Length);
        var length = Length(document);
        var start = Offset(document);
        var record = file.Span(start, (int)(End(document) - start));
        if (TokenRecord.Read(record, from, ids, ends: from + ids.Length == length) is var (found, at))
            throw new DataException(Path, $"{found}, at byte {start + at} in document {document}",
                $"a record must be {{\"tokens\": [...]}} with the {length} tokens that its .meta file says",
                "the file is damaged or does not belong to its .meta file: tokenize again");
        if (vocabSize is not { } size) return;
        foreach (var id in ids)
            if (id >= size || id <= -size) throw OutsideVocabulary(id, document, size);
    }

    /// <inheritdoc/>
    public override void AppendTableTo(System.Security.Cryptography.IncrementalHash hash) => meta.AppendTo(hash);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing) return;
        meta.Dispose();
        file.Dispose();
    }

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
