using System.Buffers;
using System.Text;

namespace Evo.Data;

/// <summary>
/// Text to token ids and back. Encoding adds no beginning or end of its own unless asked: <see cref="BosId"/> and
/// <see cref="EosId"/> are there for whoever wants them. Safe to use from several threads at once.
/// </summary>
public abstract class Tokenizer : IDisposable
{
    /// <summary>How many ids there are: 0 to VocabSize - 1.</summary>
    public abstract int VocabSize { get; }

    /// <summary>The beginning of a document, where the vocabulary has such a token.</summary>
    public abstract int? BosId { get; }

    /// <summary>The end of a document, where the vocabulary has such a token.</summary>
    public abstract int? EosId { get; }

    /// <summary>The filling of unused places, where the vocabulary has such a token.</summary>
    public abstract int? PadId { get; }

    /// <summary>What stands for text outside the vocabulary, where the vocabulary has such a token.</summary>
    public abstract int? UnkId { get; }

    /// <summary>
    /// Appends the tokens of a text in UTF-8 to a buffer. Bytes that are no UTF-8 count as U+FFFD, one for each.
    /// </summary>
    protected internal abstract void Encode(ReadOnlySpan<byte> text, TokenBuffer tokens, EncodeMode mode);

    /// <summary>Appends the ids of a text in UTF-8. Bytes that are no UTF-8 count as U+FFFD, one for each.</summary>
    public void EncodeUtf8(ReadOnlySpan<byte> text, IBufferWriter<int> ids, EncodeMode mode = EncodeMode.Text)
    {
        var tokens = new TokenBuffer(withSpans: false);
        Encode(text, tokens, mode);
        ids.Write(tokens.Ids);
    }

    /// <summary>Appends the tokens of a text in UTF-8, each with the bytes that it stands for.</summary>
    public void EncodeUtf8(ReadOnlySpan<byte> text, IBufferWriter<TokenSpan> spans, EncodeMode mode = EncodeMode.Text)
    {
        var tokens = new TokenBuffer(withSpans: true);
        Encode(text, tokens, mode);
        spans.Write(tokens.Spans);
    }

    /// <summary>
    /// Appends the text of ids in UTF-8; marks have none unless asked for. Throws
    /// <see cref="ArgumentOutOfRangeException"/> at an id outside the vocabulary.
    /// </summary>
    public abstract void DecodeUtf8(ReadOnlySpan<int> ids, IBufferWriter<byte> text, bool special = false);

    /// <summary>The piece of the vocabulary with that id, as the vocabulary writes it.</summary>
    public abstract string IdToPiece(int id);

    /// <summary>The id of the piece that is written so, or null.</summary>
    public abstract int? PieceToId(string piece);

    /// <summary>The ids of a text.</summary>
    public IReadOnlyList<int> EncodeToIds(ReadOnlySpan<char> text, EncodeMode mode = EncodeMode.Text)
    {
        var ids = new ArrayBufferWriter<int>();
        EncodeUtf8(Utf8(text), ids, mode);
        return ids.WrittenSpan.ToArray();
    }

    /// <inheritdoc cref="EncodeToIds(ReadOnlySpan{char}, EncodeMode)"/>
    public IReadOnlyList<int> EncodeToIds(string text, EncodeMode mode = EncodeMode.Text) => EncodeToIds(text.AsSpan(), mode);

    /// <summary>The tokens of a text, each with the characters that it stands for.</summary>
    public IReadOnlyList<EncodedToken> EncodeToTokens(string text, EncodeMode mode = EncodeMode.Text)
    {
        var spans = new ArrayBufferWriter<TokenSpan>();
        EncodeUtf8(Utf8(text), spans, mode);
        var tokens = new EncodedToken[spans.WrittenCount];
        var places = new Utf16Places(text);
        for (var i = 0; i < tokens.Length; i++)
        {
            var (id, start, end) = spans.WrittenSpan[i];
            tokens[i] = new(id, IdToPiece(id), places.Covering(start, end));
        }
        return tokens;
    }

    /// <summary>How many ids a text has.</summary>
    public int CountTokens(string text, EncodeMode mode = EncodeMode.Text) => EncodeToIds(text.AsSpan(), mode).Count;

    /// <summary>The text of ids. Bytes that make no character, as at the cut end of one, become U+FFFD.</summary>
    public string Decode(IEnumerable<int> ids, bool special = false)
    {
        var text = new ArrayBufferWriter<byte>();
        DecodeUtf8(ids as int[] ?? ids.ToArray(), text, special);
        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    /// <summary>How conversations are written for the model, where the tokenizer's files say so.</summary>
    public virtual JinjaTemplate? ChatTemplate => null;

    /// <summary>The texts of the marks, which <see cref="EncodeMode.ParseSpecial"/> finds in a text.</summary>
    public virtual IReadOnlyCollection<string> SpecialTexts => [];

    public abstract void Dispose();

    private static byte[] Utf8(ReadOnlySpan<char> text)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(text)];
        Encoding.UTF8.GetBytes(text, bytes);
        return bytes;
    }
}
