using System.Buffers;
using System.Text;

namespace Evo.Data;

/// <summary>
/// Text to token ids and back. Encoding adds no beginning or end of its own: <see cref="BosId"/> and
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

    /// <summary>Appends the ids of a text in UTF-8.</summary>
    public abstract void EncodeUtf8(ReadOnlySpan<byte> text, IBufferWriter<int> ids);

    /// <summary>Appends the text of ids in UTF-8. Throws <see cref="ArgumentOutOfRangeException"/> at an id outside the vocabulary.</summary>
    public abstract void DecodeUtf8(ReadOnlySpan<int> ids, IBufferWriter<byte> text);

    /// <summary>The piece of the vocabulary with that id, as the vocabulary writes it.</summary>
    public abstract string IdToPiece(int id);

    /// <summary>The ids of a text.</summary>
    public IReadOnlyList<int> EncodeToIds(string text)
    {
        var ids = new ArrayBufferWriter<int>();
        EncodeUtf8(Encoding.UTF8.GetBytes(text), ids);
        return ids.WrittenSpan.ToArray();
    }

    /// <summary>How many ids a text has.</summary>
    public int CountTokens(string text) => EncodeToIds(text).Count;

    /// <summary>The text of ids. Bytes that make no character, as at the cut end of one, become U+FFFD.</summary>
    public string Decode(IEnumerable<int> ids)
    {
        var text = new ArrayBufferWriter<byte>();
        DecodeUtf8(ids as int[] ?? ids.ToArray(), text);
        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    public abstract void Dispose();
}
