using System.Globalization;

namespace Evo.Data;

/// <summary>
/// What Hugging Face's tokenizers take for punctuation: ASCII's, symbols included, and the categories P* of Unicode 8, whose tables they
/// carry along (the crate unicode_categories), whatever has come since.
/// </summary>
internal static class Punctuation
{
    // Where the tables of .NET, of Unicode 16, say the opposite: first and last of each range.
    private static readonly (int First, int Last)[] Otherwise =
    [
        (0x61D, 0x61D), (0x9FD, 0x9FD), (0xA76, 0xA76), (0xC77, 0xC77), (0xC84, 0xC84), (0x166D, 0x166D), (0x1B4E, 0x1B4F), (0x1B7D, 0x1B7F),
        (0x2E43, 0x2E4F), (0x2E52, 0x2E5D), (0x10D6E, 0x10D6E), (0x10EAD, 0x10EAD), (0x10F55, 0x10F59), (0x10F86, 0x10F89), (0x111C9, 0x111C9),
        (0x113D4, 0x113D5), (0x113D7, 0x113D8), (0x1144B, 0x1144F), (0x1145A, 0x1145B), (0x1145D, 0x1145D), (0x11660, 0x1166C),
        (0x116B9, 0x116B9), (0x1183B, 0x1183B), (0x11944, 0x11946), (0x119E2, 0x119E2), (0x11A3F, 0x11A46), (0x11A9A, 0x11A9C),
        (0x11A9E, 0x11AA2), (0x11B00, 0x11B09), (0x11BE1, 0x11BE1), (0x11C41, 0x11C45), (0x11C70, 0x11C71), (0x11EF7, 0x11EF8),
        (0x11F43, 0x11F4F), (0x11FFF, 0x11FFF), (0x12FF1, 0x12FF2), (0x16D6D, 0x16D6F), (0x16E97, 0x16E9A), (0x16FE2, 0x16FE2),
        (0x1E5FF, 0x1E5FF), (0x1E95E, 0x1E95F),
    ];

    /// <summary>Whether a character is one.</summary>
    public static bool Is(int rune) =>
        rune < 128 ? char.IsPunctuation((char)rune) || char.IsSymbol((char)rune) : IsToday(rune) != IsOtherwise(rune);

    private static bool IsToday(int rune) =>
        RuneClasses.CategoryOf(rune) is >= UnicodeCategory.ConnectorPunctuation and <= UnicodeCategory.OtherPunctuation;

    private static bool IsOtherwise(int rune)
    {
        var (low, high) = (0, Otherwise.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (Otherwise[middle].Last < rune) low = middle + 1;
            else high = middle;
        }
        return low < Otherwise.Length && Otherwise[low].First <= rune;
    }
}
