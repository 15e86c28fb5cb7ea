using System.Text;

namespace Evo.Data;

/// <summary>Which character of a string each byte of its UTF-8 belongs to.</summary>
internal readonly struct Utf16Places
{
    private readonly int[] charAt; // the first UTF-16 character of the one that the byte is in; one entry more for the end

    public Utf16Places(string text)
    {
        var places = new List<int>(text.Length + 1);
        for (var at = 0; at < text.Length;)
        {
            // A lone surrogate is written as U+FFFD, which is what DecodeFromUtf16 makes of it too.
            Rune.DecodeFromUtf16(text.AsSpan(at), out var rune, out var length);
            for (var i = 0; i < rune.Utf8SequenceLength; i++) places.Add(at);
            at += length;
        }
        places.Add(text.Length);
        charAt = [.. places];
    }

    /// <summary>The whole characters that the bytes touch.</summary>
    public Range Covering(int start, int end)
    {
        var after = end;
        if (end > start)
            while (after < charAt.Length - 1 && charAt[after] == charAt[end - 1]) after++;
        return charAt[start]..Math.Max(charAt[start], charAt[after]);
    }
}
