namespace Evo.Data;

/// <summary>
/// Byte-pair encoding of one piece of text: while any two neighbours merge, the pair of the lowest rank does, the
/// leftmost of equals. Holds the arrays of the work, so one is made for a document and used for all its pieces.
/// </summary>
internal sealed class Merger
{
    // Up to here the lowest rank is found by looking at all (measured: the queue is faster from about 100 on).
    private const int Short = 64;

    private int[] symbols = new int[Short], starts = new int[Short + 1], ranks = new int[Short], merged = new int[Short];
    private int[] next = [], previous = [];
    private PriorityQueue<int, long>? queue;

    /// <summary>How many symbols there are.</summary>
    public int Count { get; private set; }

    /// <summary>The symbols; after <see cref="Merge"/> those that are left.</summary>
    public ReadOnlySpan<int> Symbols => symbols.AsSpan(0, Count);

    /// <summary>Where each symbol begins, and at the end where the last one ends.</summary>
    public ReadOnlySpan<int> Starts => starts.AsSpan(0, Count + 1);

    /// <summary>Forgets the symbols; the next text begins at that place.</summary>
    public void Clear(int start = 0)
    {
        Count = 0;
        starts[0] = start;
    }

    /// <summary>Appends a symbol that ends at that place.</summary>
    public void Add(int symbol, int end)
    {
        if (Count == symbols.Length)
        {
            Array.Resize(ref symbols, 2 * Count);
            Array.Resize(ref ranks, 2 * Count);
            Array.Resize(ref merged, 2 * Count);
            Array.Resize(ref starts, 2 * Count + 1);
        }
        symbols[Count++] = symbol;
        starts[Count] = end;
    }

    /// <summary>Merges until nothing merges any more.</summary>
    public void Merge(MergeTable table)
    {
        if (Count < 2) return;
        for (var i = 0; i < Count - 1; i++) ranks[i] = table.Find(symbols[i], symbols[i + 1], out merged[i]);
        ranks[Count - 1] = MergeTable.Never;
        if (Count <= Short) MergeShort(table);
        else MergeLong(table);
    }

    private void MergeShort(MergeTable table)
    {
        while (true)
        {
            var (best, at) = (MergeTable.Never, -1);
            for (var i = 0; i < Count - 1; i++)
                if (ranks[i] < best) (best, at) = (ranks[i], i);
            if (at < 0) return;
            symbols[at] = merged[at];
            var rest = Count - at - 2;
            Array.Copy(symbols, at + 2, symbols, at + 1, rest);
            Array.Copy(ranks, at + 2, ranks, at + 1, rest);
            Array.Copy(merged, at + 2, merged, at + 1, rest);
            Array.Copy(starts, at + 2, starts, at + 1, rest + 1);
            Count--;
            ranks[at] = at + 1 < Count ? table.Find(symbols[at], symbols[at + 1], out merged[at]) : MergeTable.Never;
            if (at > 0) ranks[at - 1] = table.Find(symbols[at - 1], symbols[at], out merged[at - 1]);
        }
    }

    // The same with a queue of (rank, place) and a linked list. An entry whose pair has changed since is told by its
    // rank; one whose new pair has the same rank does, at the same turn, what the new pair's own entry would.
    private void MergeLong(MergeTable table)
    {
        if (next.Length < symbols.Length) (next, previous) = (new int[symbols.Length], new int[symbols.Length]);
        queue ??= new();
        queue.Clear();
        for (var i = 0; i < Count; i++)
        {
            next[i] = i + 1 < Count ? i + 1 : -1;
            previous[i] = i - 1;
            if (ranks[i] != MergeTable.Never) queue.Enqueue(i, Turn(i));
        }
        while (queue.TryDequeue(out var at, out var turn))
        {
            if (turn != Turn(at) || ranks[at] == MergeTable.Never) continue;
            var gone = next[at];
            symbols[at] = merged[at];
            ranks[gone] = MergeTable.Never;
            next[at] = next[gone];
            if (next[gone] >= 0) previous[next[gone]] = at;
            Rank(at);
            if (previous[at] >= 0) Rank(previous[at]);
        }
        var kept = 0;
        var end = starts[Count];
        for (var i = 0; i >= 0; i = next[i], kept++) (symbols[kept], starts[kept]) = (symbols[i], starts[i]);
        Count = kept;
        starts[Count] = end;

        void Rank(int i)
        {
            ranks[i] = next[i] < 0 ? MergeTable.Never : table.Find(symbols[i], symbols[next[i]], out merged[i]);
            if (ranks[i] != MergeTable.Never) queue.Enqueue(i, Turn(i));
        }
    }

    private long Turn(int at) => ((long)ranks[at] << 32) | (uint)at;
}
