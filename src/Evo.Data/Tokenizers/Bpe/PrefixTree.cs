namespace Evo.Data;

/// <summary>A set of byte strings that are looked for in a text: which one, the longest, begins at a place.</summary>
internal sealed class PrefixTree
{
    private readonly Dictionary<(int Node, byte Next), int> edges = [];
    private readonly List<int> values = [-1]; // of each node
    private readonly bool[] begins = new bool[256];

    /// <summary>Makes the tree; of equal strings the first holds, and an empty one is never found.</summary>
    public PrefixTree(IEnumerable<(byte[] Text, int Value)> entries)
    {
        foreach (var (text, value) in entries)
        {
            if (text.Length == 0) continue;
            begins[text[0]] = true;
            var node = 0;
            foreach (var next in text)
            {
                if (!edges.TryGetValue((node, next), out var child))
                {
                    child = values.Count;
                    edges.Add((node, next), child);
                    values.Add(-1);
                }
                node = child;
            }
            if (values[node] < 0) values[node] = value;
        }
    }

    /// <summary>Whether there is nothing to look for.</summary>
    public bool IsEmpty => values.Count == 1;

    /// <summary>The value of the longest string that begins at a place, and its length; -1 where none does.</summary>
    public int Longest(ReadOnlySpan<byte> text, int at, out int length)
    {
        (var found, length) = (-1, 0);
        if (!begins[text[at]]) return found;
        var node = 0;
        for (var i = at; i < text.Length && edges.TryGetValue((node, text[i]), out node); i++)
            if (values[node] >= 0) (found, length) = (values[node], i + 1 - at);
        return found;
    }

    /// <summary>The first place from there on where one begins, the longest there; -1 where there is none.</summary>
    public int Find(ReadOnlySpan<byte> text, int from, out int start, out int length)
    {
        for (start = from; start < text.Length; start++)
            if (Longest(text, start, out length) is var found and >= 0) return found;
        length = 0;
        return -1;
    }
}
