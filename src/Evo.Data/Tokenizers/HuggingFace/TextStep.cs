namespace Evo.Data;

/// <summary>One normalizer or pre-tokenizer: it changes a text or splits it further.</summary>
internal abstract class TextStep
{
    public abstract void Apply(AlignedText text);
}

/// <summary>Several, one after the other.</summary>
internal sealed class StepSequence(IReadOnlyList<TextStep> steps) : TextStep
{
    public override void Apply(AlignedText text)
    {
        foreach (var step in steps) step.Apply(text);
    }
}

/// <summary>Which splits become parts, and what the matches of a pattern belong to.</summary>
internal enum SplitBehavior
{
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}

/// <summary>Splits each part at the matches of a pattern, or at what lies between them.</summary>
internal sealed class SplitStep(SplitPattern pattern, SplitBehavior behavior, bool invert = false) : TextStep
{
    public override void Apply(AlignedText text)
    {
        var parts = new List<(int Start, int End)>(text.Bytes.Length / 4);
        var pieces = new List<(int Start, int End, bool Matched)>();
        foreach (var (from, to) in text.Parts)
        {
            Pieces(text.Bytes[from..to], from, pieces);
            Gather(pieces, parts);
        }
        text.Parts = parts;
    }

    private void Pieces(ReadOnlySpan<byte> part, int offset, List<(int, int, bool)> pieces)
    {
        pieces.Clear();
        var at = 0;
        while (pattern.Next(part, at, out var start, out var end))
        {
            if (start > at) pieces.Add((offset + at, offset + start, invert));
            pieces.Add((offset + start, offset + end, !invert));
            at = end;
        }
        if (at < part.Length) pieces.Add((offset + at, offset + part.Length, invert));
    }

    private void Gather(List<(int Start, int End, bool Matched)> pieces, List<(int Start, int End)> parts)
    {
        var first = parts.Count;
        for (var i = 0; i < pieces.Count; i++)
        {
            var (start, end, matched) = pieces[i];
            var before = i > 0 && pieces[i - 1].Matched;
            var joins = behavior switch
            {
                SplitBehavior.MergedWithPrevious => matched && !before,
                SplitBehavior.MergedWithNext => !matched && before,
                SplitBehavior.Contiguous => matched == before,
                _ => false,
            };
            if (behavior == SplitBehavior.Removed && matched) continue;
            if (joins && parts.Count > first) parts[^1] = (parts[^1].Start, end);
            else parts.Add((start, end));
        }
    }
}

/// <summary>Puts a text before each part: always, unless the part begins with it, or so only at the beginning of the text.</summary>
internal sealed class PrependStep(byte[] text, bool unlessThere, bool onlyFirst) : TextStep
{
    public override void Apply(AlignedText whole)
    {
        var old = whole.Bytes.ToArray();
        whole.Rewrite((writer, from, to) =>
        {
            if (to > from && !(unlessThere && old.AsSpan(from, to - from).StartsWith(text)) && (!onlyFirst || (whole.IsFirst && from == 0)))
                writer.Put(text, from, from);
            writer.Keep(from, to);
        });
    }
}

/// <summary>Writes another text for each match of a pattern.</summary>
internal sealed class ReplaceStep(SplitPattern pattern, byte[] content) : TextStep
{
    public override void Apply(AlignedText text)
    {
        if (!pattern.Next(text.Bytes, 0, out _, out _)) return;
        text.Rewrite((writer, from, to) =>
        {
            var part = text.Bytes[from..to];
            var at = 0;
            while (pattern.Next(part, at, out var start, out var end))
            {
                writer.Keep(from + at, from + start);
                writer.Put(content, from + start, from + end);
                at = end;
            }
            writer.Keep(from + at, to);
        });
    }
}
