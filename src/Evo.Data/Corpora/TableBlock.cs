using System.Text.Unicode;

namespace Evo.Data;

/// <summary>Rows of a table's column of text, copied out of it.</summary>
internal sealed class TableBlock(string path, string part, DocumentPlace start, byte[] bytes, int[] ends) : DocumentBlock
{
    /// <inheritdoc/>
    public override void ForEach(UseDocument use)
    {
        var begin = 0;
        for (var i = 0; i < ends.Length; i++)
        {
            var text = bytes.AsSpan(begin, ends[i] - begin);
            begin = ends[i];
            if (text.IsEmpty) continue;
            if (!Utf8.IsValid(text)) throw WholeText.NotUtf8($"{path}: row {start.Item + i} of {part} {start.Part}");
            use(text, new DocumentPlace(start.Part, start.Item + i + 1));
        }
    }
}

/// <summary>Gathers rows of one part of a table (a record batch, a row group) into blocks.</summary>
/// <param name="path">The file.</param>
/// <param name="part">What its parts are called.</param>
/// <param name="blockBytes">About how many bytes a block has.</param>
/// <param name="from">The first row that is wanted: what comes before it is passed over.</param>
internal sealed class TableBlocks(string path, string part, int blockBytes, DocumentPlace from)
{
    private readonly List<int> ends = [];
    private readonly long first = from.Item;
    private byte[] bytes = [];
    private DocumentPlace start = from;
    private int used;

    /// <summary>The row that comes next.</summary>
    public long Row { get; private set; }

    /// <summary>Whether enough is gathered for a block.</summary>
    public bool IsFull => used >= blockBytes || ends.Count >= blockBytes / 16;

    /// <summary>Adds a row; an absent text is one of no bytes, and gives no document.</summary>
    public void Add(ReadOnlySpan<byte> text)
    {
        if (Row++ < first) return;
        if (used + text.Length > bytes.Length) Array.Resize(ref bytes, checked(Math.Max(used + text.Length, Math.Min(2 * bytes.Length, blockBytes))));
        text.CopyTo(bytes.AsSpan(used));
        used += text.Length;
        ends.Add(used);
    }

    /// <summary>The block of what was gathered, after which gathering begins anew; null where that is nothing.</summary>
    public TableBlock? Take(long fileBytes)
    {
        if (ends.Count == 0) return null;
        var next = new DocumentPlace(start.Part, start.Item + ends.Count);
        var block = new TableBlock(path, part, start, bytes, [.. ends]) { Next = next, FileBytes = fileBytes };
        (start, bytes, used) = (next, [], 0);
        ends.Clear();
        return block;
    }
}
