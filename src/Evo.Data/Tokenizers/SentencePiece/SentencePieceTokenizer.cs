using System.Buffers;
using System.Text;

namespace Evo.Data;

/// <summary>
/// A sentencepiece model (BPE or unigram). Ids are those of the sentencepiece library, which every other user of the
/// model gets: the library itself encodes, or for most BPE models an encoder of our own to the same ids.
/// </summary>
public sealed unsafe class SentencePieceTokenizer : Tokenizer
{
    private readonly SentencePieceModel model;
    private readonly string path;
    private readonly int size, unk, bos, eos, pad;
    private readonly Dictionary<string, int> idOf = [];
    private readonly PrefixTree controls;
    private readonly SentencePieceBpe? managed;
    private nint processor;

    /// <summary>Loads a <c>.model</c> file. Throws <see cref="DataException"/> where it is missing, damaged or no such file.</summary>
    public static SentencePieceTokenizer Load(string path) => Load(path, new HashSet<int>());

    /// <summary>Loads a <c>.model</c> file some of whose user-defined pieces are marks of a chat format, so that no text becomes them.</summary>
    internal static SentencePieceTokenizer Load(string path, IReadOnlySet<int> marks)
    {
        byte[] file;
        try
        {
            file = File.ReadAllBytes(path);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(path, "read", error);
        }
        return new SentencePieceTokenizer(path, marks.Count == 0 ? file : SentencePieceModel.WithMarks(path, file, marks));
    }

    /// <summary>Loads a model from the bytes of its file; the name is for messages.</summary>
    public SentencePieceTokenizer(string name, ReadOnlySpan<byte> file)
    {
        path = name;
        model = SentencePieceModel.Read(name, file);
        string? error;
        fixed (byte* bytes = file) error = NativeSentencePiece.Take(NativeSentencePiece.Load(bytes, file.Length, out processor));
        if (error is not null)
            throw new DataException(name, error, "the sentencepiece library must accept the model", "check that this is a sentencepiece .model file, and whole");
        var ids = stackalloc int[5];
        NativeSentencePiece.Ids(processor, ids);
        (size, unk, bos, eos, pad) = (ids[0], ids[1], ids[2], ids[3], ids[4]);
        for (var id = 0; id < size; id++) idOf.TryAdd(model.Pieces[id].Text, id);
        int[] marks = [.. Enumerable.Range(0, size).Where(id => model.Pieces[id].Type == PieceType.Control)];
        SpecialTexts = [.. marks.Select(IdToPiece)];
        controls = new(marks.Select(id => (Encoding.UTF8.GetBytes(model.Pieces[id].Text), id)));
        Hindrance = SentencePieceBpe.Hindrance(model);
        if (Hindrance is null) managed = new(model, unk);
    }

    ~SentencePieceTokenizer() => Unload();

    public override int VocabSize => size;

    public override int? BosId => bos < 0 ? null : bos;

    public override int? EosId => eos < 0 ? null : eos;

    public override int? PadId => pad < 0 ? null : pad;

    public override int? UnkId => unk < 0 ? null : unk;

    /// <summary>The algorithm: <c>unigram</c>, <c>bpe</c>, <c>word</c> or <c>char</c>.</summary>
    public string Algorithm => model.ModelType switch { 1 => "unigram", 2 => "bpe", 3 => "word", 4 => "char", var other => $"type {other}" };

    /// <summary>Whether characters outside the vocabulary become byte pieces, so that every text survives a round trip.</summary>
    public bool ByteFallback => model.ByteFallback;

    /// <summary>Whether a space is put before the text when encoding and one is dropped when decoding.</summary>
    public bool AddsDummyPrefix => model.AddDummyPrefix;

    public override string IdToPiece(int id) => model.Pieces[Checked(id)].Text;

    /// <summary>The score of a piece: a log probability (unigram) or minus the rank of its merge (BPE).</summary>
    public float IdToScore(int id) => model.Pieces[Checked(id)].Score;

    /// <summary>What a piece is for.</summary>
    public PieceType IdToType(int id) => model.Pieces[Checked(id)].Type;

    public override IReadOnlyCollection<string> SpecialTexts { get; }

    /// <summary>Why the library encodes by this model; null when the faster encoder does.</summary>
    public string? Hindrance { get; }

    public override int? PieceToId(string piece) => idOf.TryGetValue(piece, out var id) ? id : null;

    /// <summary>Encodes; marks that are asked for are the model's control pieces, and none is ever added.</summary>
    protected internal override void Encode(ReadOnlySpan<byte> text, TokenBuffer tokens, EncodeMode mode)
    {
        var from = 0;
        while (mode.HasFlag(EncodeMode.ParseSpecial) && controls.Find(text, from, out var start, out var length) is var mark and >= 0)
        {
            EncodePlain(text[from..start], from, tokens);
            from = start + length;
            tokens.Add(mark, start, from);
        }
        EncodePlain(text[from..], from, tokens);
    }

    private void EncodePlain(ReadOnlySpan<byte> text, int from, TokenBuffer tokens)
    {
        var first = tokens.Count;
        if (managed is not null) managed.Encode(text, tokens);
        else EncodeByLibrary(text, tokens);
        if (from > 0) tokens.Shift(first, from);
    }

    /// <summary>Encodes by the sentencepiece library, whatever the model: what the faster encoder is held against.</summary>
    public void EncodeByLibrary(ReadOnlySpan<byte> text, TokenBuffer tokens)
    {
        ObjectDisposedException.ThrowIf(processor == 0, this);
        fixed (byte* bytes = text)
            if (tokens.WithSpans) AddSpans(bytes, text.Length, tokens);
            else AddIds(bytes, text.Length, tokens);
        GC.KeepAlive(this);
    }

    private void AddIds(byte* text, int length, TokenBuffer tokens)
    {
        Accept(NativeSentencePiece.Take(NativeSentencePiece.Encode(processor, text, length, out var found, out var count)), length);
        try
        {
            foreach (var id in new ReadOnlySpan<int>(found, checked((int)count))) tokens.Add(id, 0, 0);
        }
        finally
        {
            NativeSentencePiece.Free(found);
        }
    }

    // The library's own message: SentencePieceText { 2 pieces { 2 id, 4 begin, 5 end } }.
    private void AddSpans(byte* text, int length, TokenBuffer tokens)
    {
        Accept(NativeSentencePiece.Take(NativeSentencePiece.EncodeSpans(processor, text, length, out var found, out var count)), length);
        try
        {
            var fields = new ProtobufFields(path, new ReadOnlySpan<byte>(found, checked((int)count)));
            while (fields.Next())
            {
                if (fields is not { Number: 2, Wire: 2 }) continue;
                var (id, begin, end) = (0, 0, 0);
                var piece = new ProtobufFields(path, fields.Bytes);
                while (piece.Next())
                {
                    if (piece is { Number: 2, Wire: 0 }) id = (int)piece.Value;
                    else if (piece is { Number: 4, Wire: 0 }) begin = (int)piece.Value;
                    else if (piece is { Number: 5, Wire: 0 }) end = (int)piece.Value;
                }
                tokens.Add(id, begin, end);
            }
        }
        finally
        {
            NativeSentencePiece.Free(found);
        }
    }

    private void Accept(string? error, int length)
    {
        if (error is not null) throw new DataException(path, $"a text of {length} bytes: {error}", "the sentencepiece library must encode it");
    }

    /// <summary>Decodes; control pieces have no text unless asked for, an unknown token is the model's mark for it.</summary>
    public override void DecodeUtf8(ReadOnlySpan<int> ids, IBufferWriter<byte> text, bool special = false)
    {
        ObjectDisposedException.ThrowIf(processor == 0, this);
        foreach (var id in ids) Checked(id);
        if (special)
        {
            // The library leaves marks out, so it gets what stands between them.
            for (var at = 0; at < ids.Length; at++)
            {
                if (IdToType(ids[at]) != PieceType.Control) continue;
                DecodePlain(ids[..at], text);
                text.Write(Encoding.UTF8.GetBytes(IdToPiece(ids[at])));
                ids = ids[(at + 1)..];
                at = -1;
            }
        }
        DecodePlain(ids, text);
    }

    private void DecodePlain(ReadOnlySpan<int> ids, IBufferWriter<byte> text)
    {
        byte* found = null;
        long length;
        string? error;
        fixed (int* start = ids) error = NativeSentencePiece.Take(NativeSentencePiece.Decode(processor, start, ids.Length, out found, out length));
        if (error is not null) throw new DataException(path, $"{ids.Length} ids: {error}", "the sentencepiece library must decode them");
        try
        {
            text.Write(new ReadOnlySpan<byte>(found, checked((int)length)));
        }
        finally
        {
            NativeSentencePiece.Free(found);
        }
        GC.KeepAlive(this);
    }

    public override void Dispose()
    {
        Unload();
        GC.SuppressFinalize(this);
    }

    private void Unload()
    {
        var loaded = Interlocked.Exchange(ref processor, 0);
        if (loaded != 0) NativeSentencePiece.Unload(loaded);
    }

    private int Checked(int id) => id >= 0 && id < size ? id : throw new ArgumentOutOfRangeException(
        nameof(id), $"{path}: token id {id}; ids are 0 to {size - 1}");
}
