namespace Evo.Data;

/// <summary>Where an encoder puts its tokens: ids, and the bytes that each stands for where somebody wants them.</summary>
public sealed class TokenBuffer
{
    private readonly bool withSpans;
    private int[] ids = new int[64];
    private TokenSpan[] spans;

    /// <summary>An empty buffer.</summary>
    public TokenBuffer(bool withSpans)
    {
        this.withSpans = withSpans;
        spans = withSpans ? new TokenSpan[64] : [];
    }

    /// <summary>How many tokens there are.</summary>
    public int Count { get; private set; }

    /// <summary>Whether <see cref="Spans"/> are kept.</summary>
    public bool WithSpans => withSpans;

    /// <summary>The ids.</summary>
    public ReadOnlySpan<int> Ids => ids.AsSpan(0, Count);

    /// <summary>The tokens with their places; empty when they were not asked for.</summary>
    public ReadOnlySpan<TokenSpan> Spans => withSpans ? spans.AsSpan(0, Count) : [];

    /// <summary>Appends a token that stands for the bytes from start to end.</summary>
    public void Add(int id, int start, int end)
    {
        if (Count == ids.Length)
        {
            Array.Resize(ref ids, 2 * Count);
            if (withSpans) Array.Resize(ref spans, 2 * Count);
        }
        if (withSpans) spans[Count] = new(id, start, end);
        ids[Count++] = id;
    }

    /// <summary>Lets the last token reach to that end.</summary>
    internal void ExtendLast(int end)
    {
        if (withSpans) spans[Count - 1] = spans[Count - 1] with { End = end };
    }

    /// <summary>Moves the places of the tokens from that one on by so many bytes.</summary>
    internal void Shift(int first, int bytes)
    {
        if (!withSpans) return;
        for (var i = first; i < Count; i++) spans[i] = new(spans[i].Id, spans[i].Start + bytes, spans[i].End + bytes);
    }
}
