using System.Globalization;
using System.Text;

namespace Evo.Data;

/// <summary>Text out of a file that nobody vouches for, as a message may show it: short, and without anything that moves a terminal's cursor.</summary>
internal static class Shown
{
    private const int Most = 80;

    /// <summary>The text with control characters written as \u001b, cut after 80 characters.</summary>
    public static string Text(string text)
    {
        var shown = new StringBuilder();
        foreach (var c in text.AsSpan(0, Math.Min(text.Length, Most)))
            if (char.IsControl(c) || char.IsSurrogate(c) || char.GetUnicodeCategory(c) is UnicodeCategory.Format)
                shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else
                shown.Append(c);
        return text.Length > Most ? shown.Append('…').ToString() : shown.ToString();
    }
}
