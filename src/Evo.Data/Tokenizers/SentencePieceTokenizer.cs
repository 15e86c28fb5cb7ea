using System.Buffers;

namespace Evo.Data;

/// <summary>
/// A sentencepiece model (BPE or unigram), encoded and decoded by the sentencepiece library itself, so that ids are
/// those that every other user of the model gets.
/// </summary>
public sealed unsafe class SentencePieceTokenizer : Tokenizer
{
    private readonly SentencePieceModel model;
    private readonly string path;
    private readonly int size, unk, bos, eos, pad;
    private nint processor;

    /// <summary>Loads a <c>.model</c> file. Throws <see cref="DataException"/> where it is missing, damaged or no such file.</summary>
    public static SentencePieceTokenizer Load(string path)
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
        return new SentencePieceTokenizer(path, file);
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

    /// <summary>The id of the piece that is written so, or null.</summary>
    public int? PieceToId(string piece)
    {
        var id = model.Pieces.FindIndex(entry => entry.Text == piece);
        return id < 0 ? null : id;
    }

    public override void EncodeUtf8(ReadOnlySpan<byte> text, IBufferWriter<int> ids)
    {
        ObjectDisposedException.ThrowIf(processor == 0, this);
        int* found = null;
        long count;
        string? error;
        fixed (byte* bytes = text) error = NativeSentencePiece.Take(NativeSentencePiece.Encode(processor, bytes, text.Length, out found, out count));
        if (error is not null) throw new DataException(path, $"a text of {text.Length} bytes: {error}", "the sentencepiece library must encode it");
        try
        {
            ids.Write(new ReadOnlySpan<int>(found, checked((int)count)));
        }
        finally
        {
            NativeSentencePiece.Free(found);
        }
        GC.KeepAlive(this);
    }

    public override void DecodeUtf8(ReadOnlySpan<int> ids, IBufferWriter<byte> text)
    {
        ObjectDisposedException.ThrowIf(processor == 0, this);
        foreach (var id in ids) Checked(id);
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
