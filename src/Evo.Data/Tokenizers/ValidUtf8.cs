using System.Text;

namespace Evo.Data;

/// <summary>Texts with bytes that are no UTF-8, for encoders that take only UTF-8: each such byte is a U+FFFD.</summary>
internal static class ValidUtf8
{
    public delegate void Encoder(ReadOnlySpan<byte> text, TokenBuffer tokens, EncodeMode mode);

    /// <summary>Encodes the mended text; the places of its tokens are those in the given one.</summary>
    public static void Encode(ReadOnlySpan<byte> text, TokenBuffer tokens, EncodeMode mode, Encoder encode)
    {
        var mended = new List<byte>(text.Length + 16);
        var places = new List<int>(text.Length + 16); // of each mended byte
        for (var at = 0; at < text.Length;)
        {
            var valid = Rune.DecodeFromUtf8(text[at..], out _, out var length) == System.Buffers.OperationStatus.Done;
            if (!valid) length = 1;
            var written = valid ? text.Slice(at, length) : "\uFFFD"u8;
            mended.AddRange(written);
            for (var i = 0; i < written.Length; i++) places.Add(at + Math.Min(i, length));
            at += length;
        }
        places.Add(text.Length);

        var made = new TokenBuffer(tokens.WithSpans);
        encode(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(mended), made, mode);
        for (var i = 0; i < made.Count; i++)
            if (tokens.WithSpans) tokens.Add(made.Ids[i], places[made.Spans[i].Start], places[made.Spans[i].End]);
            else tokens.Add(made.Ids[i], 0, 0);
    }
}
