using System.Text;

namespace Evo.Data;

/// <summary>
/// A text as sentencepiece models without a table of characters see it: spaces written U+2581, one more before the
/// text where the model asks for it, and U+FFFD for each byte that is no UTF-8.
/// </summary>
internal readonly ref struct SentencePieceText
{
    private static ReadOnlySpan<byte> Space => "\u2581"u8;

    private static ReadOnlySpan<byte> Replacement => "\uFFFD"u8;

    /// <summary>The text in UTF-8.</summary>
    public ReadOnlySpan<byte> Bytes { get; }

    /// <summary>Where in the given text each of the bytes begins, and one more for the end; empty when not asked for.</summary>
    public ReadOnlySpan<int> Places { get; }

    public SentencePieceText(ReadOnlySpan<byte> text, bool dummyPrefix, bool withPlaces)
    {
        var bytes = new List<byte>(text.Length + text.Length / 2 + Space.Length);
        var places = withPlaces ? new List<int>(bytes.Capacity + 1) : null;
        if (dummyPrefix) Write(bytes, places, Space, 0, 0);
        for (var at = 0; at < text.Length;)
        {
            var plain = text[at..].IndexOfAnyExceptInRange((byte)'!', (byte)'~');
            if (plain != 0)
            {
                if (plain < 0) plain = text.Length - at;
                Write(bytes, places, text.Slice(at, plain), at, plain);
                at += plain;
            }
            else if (text[at] == ' ')
            {
                Write(bytes, places, Space, at++, 1);
            }
            else if (Rune.DecodeFromUtf8(text[at..], out _, out var length) == System.Buffers.OperationStatus.Done)
            {
                Write(bytes, places, text.Slice(at, length), at, length);
                at += length;
            }
            else
            {
                Write(bytes, places, Replacement, at++, 1);
            }
        }
        places?.Add(text.Length);
        Bytes = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(bytes);
        Places = places is null ? [] : System.Runtime.InteropServices.CollectionsMarshal.AsSpan(places);
    }

    // Bytes that are there as they are have places of their own; what stands for something else begins where that does.
    private static void Write(List<byte> bytes, List<int>? places, ReadOnlySpan<byte> written, int at, int length)
    {
        bytes.AddRange(written);
        if (places is not null)
            for (var i = 0; i < written.Length; i++)
                places.Add(written.Length == length || i == 0 ? at + i : at + length);
    }
}
