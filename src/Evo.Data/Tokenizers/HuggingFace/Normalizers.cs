using System.Text;

namespace Evo.Data;

/// <summary>Unicode's normal forms.</summary>
internal sealed class NormalFormStep(NormalForm form) : TextStep
{
    public override void Apply(AlignedText text)
    {
        if (Ascii.IsValid(text.Bytes)) return;
        text.Rewrite((writer, from, to) =>
        {
            for (var at = from; at < to;)
            {
                var segment = SegmentAt(text.Bytes, at, to, out var end);
                var (given, made) = (segment, segment.Count == 1 && segment[0] < 0x80 ? segment : form.Of(segment));
                if (given.SequenceEqual(made)) writer.Keep(at, end);
                else writer.Put(Encoding.UTF8.GetBytes(string.Concat(made.Select(char.ConvertFromUtf32))), at, end);
                at = end;
            }
        });
    }

    // What is normalized together: up to the next character that begins afresh.
    private static List<int> SegmentAt(ReadOnlySpan<byte> bytes, int at, int to, out int end)
    {
        var segment = new List<int>(2);
        for (end = at; end < to;)
        {
            var rune = RuneClasses.At(bytes, end, out var length);
            if (segment.Count > 0 && NormalForm.BeginsAfresh(rune)) break;
            segment.Add(rune);
            end += length;
        }
        return segment;
    }
}

/// <summary>Another text for each character, or none.</summary>
internal sealed class RuneStep(Func<Rune, string> map) : TextStep
{
    /// <summary>Lower case, character by character: only U+0130 becomes two.</summary>
    public static RuneStep Lowercase { get; } = new(rune => rune.Value == 0x130 ? "i\u0307" : Rune.ToLowerInvariant(rune).ToString());

    /// <summary>Without marks, which a normal form D has set apart.</summary>
    public static RuneStep StripAccents { get; } = new(rune => NormalForm.IsMark(rune.Value) ? "" : rune.ToString());

    public override void Apply(AlignedText text) => text.Rewrite((writer, from, to) =>
    {
        var buffer = new byte[8];
        for (var at = from; at < to;)
        {
            Rune.DecodeFromUtf8(text.Bytes[at..], out var rune, out var length);
            var written = buffer.AsSpan(0, Encoding.UTF8.GetBytes(map(rune), buffer));
            if (written.SequenceEqual(text.Bytes.Slice(at, length))) writer.Keep(at, at + length);
            else writer.Put(written, at, at + length);
            at += length;
        }
    });
}

/// <summary>Without spaces at the ends.</summary>
internal sealed class StripStep(bool left, bool right) : TextStep
{
    public override void Apply(AlignedText text) => text.Rewrite((writer, from, to) =>
    {
        while (left && from < to && RuneClasses.IsSpace(RuneClasses.At(text.Bytes, from, out var length))) from += length;
        while (right && from < to && RuneClasses.Before(text.Bytes, to) is var last && RuneClasses.IsSpace(RuneClasses.At(text.Bytes, last, out _))) to = last;
        writer.Keep(from, to);
    });
}
