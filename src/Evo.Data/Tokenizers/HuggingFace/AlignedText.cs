using System.Runtime.InteropServices;

namespace Evo.Data;

/// <summary>
/// A text on its way to the model: its bytes as the steps before have made them, the parts it is split into, and for
/// each byte, where somebody asks, the bytes of the original text that it stands for.
/// </summary>
internal sealed class AlignedText
{
    private List<byte> bytes;
    private List<(int Start, int End)>? origins;
    private readonly int end; // of the original

    /// <summary>A text in valid UTF-8 that begins at a place of the original.</summary>
    public AlignedText(ReadOnlySpan<byte> text, int place, bool aligned)
    {
        bytes = [.. text];
        end = place + text.Length;
        IsFirst = place == 0;
        if (aligned) origins = [.. Enumerable.Range(place, text.Length).Select(at => (at, at + 1))];
        Parts = [(0, text.Length)];
    }

    private AlignedText(List<byte> bytes, List<(int, int)>? origins, int end, bool isFirst)
    {
        (this.bytes, this.origins, this.end, IsFirst) = (bytes, origins, end, isFirst);
        Parts = [(0, bytes.Count)];
    }

    public ReadOnlySpan<byte> Bytes => CollectionsMarshal.AsSpan(bytes);

    /// <summary>What the text is split into so far; what lies between parts is dropped.</summary>
    public List<(int Start, int End)> Parts { get; set; }

    /// <summary>Whether the original text begins here.</summary>
    public bool IsFirst { get; }

    /// <summary>Some of the bytes, as a text of its own.</summary>
    public AlignedText Slice(int from, int to) =>
        new(bytes.GetRange(from, to - from), origins?.GetRange(from, to - from), origins is null ? end : EndOf(from, to), IsFirst && from == 0);

    /// <summary>Where in the original that which stands from one byte to another begins; 0 when nobody asked.</summary>
    public int StartOf(int from, int to) => origins is null ? 0 : from < origins.Count ? origins[from].Start : end;

    /// <summary>Where it ends.</summary>
    public int EndOf(int from, int to) => origins is null ? 0 : to > from ? origins[to - 1].End : StartOf(from, to);

    /// <summary>Makes the text anew, part by part.</summary>
    public void Rewrite(Action<Writer, int, int> writePart)
    {
        var writer = new Writer(this);
        var parts = new List<(int, int)>(Parts.Count);
        foreach (var (start, to) in Parts)
        {
            var from = writer.Bytes.Count;
            writePart(writer, start, to);
            if (writer.Bytes.Count > from) parts.Add((from, writer.Bytes.Count));
        }
        (bytes, origins, Parts) = (writer.Bytes, writer.Origins, parts);
    }

    /// <summary>The new text of <see cref="Rewrite"/>.</summary>
    public sealed class Writer(AlignedText old)
    {
        public List<byte> Bytes { get; } = new(old.bytes.Count + 16);

        public List<(int, int)>? Origins { get; } = old.origins is null ? null : new(old.bytes.Count + 16);

        /// <summary>Takes over bytes as they are.</summary>
        public void Keep(int from, int to)
        {
            Bytes.AddRange(old.Bytes[from..to]);
            Origins?.AddRange(CollectionsMarshal.AsSpan(old.origins)[from..to]);
        }

        /// <summary>Writes new bytes for those from one to another, or before that one where there are none.</summary>
        public void Put(ReadOnlySpan<byte> written, int from, int to)
        {
            Bytes.AddRange(written);
            if (Origins is null) return;
            var origin = (old.StartOf(from, to), old.EndOf(from, to));
            for (var i = 0; i < written.Length; i++) Origins.Add(origin);
        }
    }
}
