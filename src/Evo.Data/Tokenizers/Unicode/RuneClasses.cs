using System.Globalization;
using System.Text;

namespace Evo.Data;

/// <summary>What the split patterns of tokenizers ask about a character.</summary>
[Flags]
internal enum RuneClass : byte
{
    None = 0,

    /// <summary>\p{L}.</summary>
    Letter = 1,

    /// <summary>\p{N}.</summary>
    Number = 2,

    /// <summary>\s: the characters with Unicode's White_Space.</summary>
    Space = 4,

    /// <summary>\p{M}.</summary>
    Mark = 8,

    /// <summary>What the engines take for a part of a word and is neither letter nor mark: decimal digits and connectors.</summary>
    WordOther = 16,
}

/// <summary>Classes of characters, from the tables of the runtime, and how they stand in UTF-8.</summary>
internal static class RuneClasses
{
    private static readonly byte[] Bmp = Table();

    /// <summary>The character that begins at a place of valid UTF-8, and how many bytes it has.</summary>
    public static int At(ReadOnlySpan<byte> text, int at, out int length)
    {
        int first = text[at];
        if (first < 0x80)
        {
            length = 1;
            return first;
        }
        Rune.DecodeFromUtf8(text[at..], out var rune, out length);
        return rune.Value;
    }

    /// <summary>Where the character before a place begins.</summary>
    public static int Before(ReadOnlySpan<byte> text, int at)
    {
        at--;
        while ((text[at] & 0xC0) == 0x80) at--;
        return at;
    }

    public static RuneClass Of(int rune) => rune < 0x10000 ? (RuneClass)Bmp[rune] : Ask(rune);

    public static bool IsSpace(int rune) => (Of(rune) & RuneClass.Space) != 0;

    /// <summary>\w of Oniguruma, which runs the split patterns of tokenizer.json: some numbers of Latin-1 are in it.</summary>
    public static bool IsWord(int rune) => IsAnyWord(rune) || rune is 0xB2 or 0xB3 or 0xB9 or 0xBC or 0xBD or 0xBE;

    /// <summary>\w of Rust's regex, by which single words and Whitespace go: with the two joiners.</summary>
    public static bool IsRustWord(int rune) => IsAnyWord(rune) || rune is 0x200C or 0x200D;

    // Letters, marks, decimal digits, connectors, numbers that are letters, letters in circles.
    private static bool IsAnyWord(int rune) =>
        (Of(rune) & (RuneClass.Letter | RuneClass.Mark | RuneClass.WordOther)) != 0
        || rune is (>= 0x24B6 and <= 0x24E9) or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189)
        || (rune > 0x7F && CategoryOf(rune) == UnicodeCategory.LetterNumber);

    /// <summary>Category of a character; a surrogate alone counts as one.</summary>
    public static UnicodeCategory CategoryOf(int rune) => CharUnicodeInfo.GetUnicodeCategory(rune);

    private static RuneClass Ask(int rune) => CategoryOf(rune) switch
    {
        <= UnicodeCategory.OtherLetter => RuneClass.Letter,
        UnicodeCategory.DecimalDigitNumber => RuneClass.Number | RuneClass.WordOther,
        UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => RuneClass.Number,
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark => RuneClass.Mark,
        UnicodeCategory.ConnectorPunctuation => RuneClass.WordOther,
        _ => rune < 0x10000 && char.IsWhiteSpace((char)rune) ? RuneClass.Space : RuneClass.None,
    };

    private static byte[] Table()
    {
        var table = new byte[0x10000];
        for (var rune = 0; rune < table.Length; rune++) table[rune] = (byte)Ask(rune);
        return table;
    }
}
