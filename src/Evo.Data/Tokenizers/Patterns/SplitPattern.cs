namespace Evo.Data;

/// <summary>What a text is split by: matches that follow each other from the left, each as the pattern prefers.</summary>
internal abstract class SplitPattern
{
    /// <summary>Finds the first match that begins at a place or after it in valid UTF-8; false where there is none.</summary>
    public abstract bool Next(ReadOnlySpan<byte> text, int from, out int start, out int end);
}

/// <summary>A fixed text.</summary>
internal sealed class LiteralPattern(byte[] literal) : SplitPattern
{
    public override bool Next(ReadOnlySpan<byte> text, int from, out int start, out int end)
    {
        var at = literal.Length == 0 ? -1 : text[from..].IndexOf(literal);
        (start, end) = (from + at, from + at + literal.Length);
        return at >= 0;
    }
}

/// <summary>Runs of characters that satisfy a condition, one by one or together.</summary>
internal sealed class RunePattern(Func<int, bool> condition, bool runs) : SplitPattern
{
    public override bool Next(ReadOnlySpan<byte> text, int from, out int start, out int end)
    {
        for (start = from; start < text.Length; start = end)
        {
            if (!condition(RuneClasses.At(text, start, out var length)))
            {
                end = start + length;
                continue;
            }
            end = start + length;
            while (runs && end < text.Length && condition(RuneClasses.At(text, end, out length))) end += length;
            return true;
        }
        end = start;
        return false;
    }
}
