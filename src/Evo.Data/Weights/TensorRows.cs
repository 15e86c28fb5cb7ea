namespace Evo.Data;

/// <summary>Rows of a tensor that follow one another there.</summary>
/// <param name="Source">The tensor; a vector's rows are its elements.</param>
/// <param name="First">The first row.</param>
/// <param name="Count">How many.</param>
public readonly record struct RowRun(StoredTensor Source, long First, long Count);

/// <summary>Rows of tensors of one width and type, in an order of their own.</summary>
public sealed class TensorRows
{
    private readonly RowRun[] runs;
    private readonly long[] starts;

    private TensorRows(List<RowRun> runs)
    {
        this.runs = [.. runs];
        starts = new long[runs.Count];
        for (var i = 0; i < runs.Count; i++)
        {
            starts[i] = Count;
            Count += runs[i].Count;
        }
    }

    /// <summary>How many rows there are.</summary>
    public long Count { get; }

    /// <summary>The first tensor; all have its type and its width.</summary>
    public StoredTensor Source => runs[0].Source;

    /// <summary>Bytes of one row.</summary>
    public long RowBytes => RowBytesOf(Source);

    /// <summary>All rows of a tensor.</summary>
    public static TensorRows Of(StoredTensor source) => new([new(source, 0, source.Shape[0])]);

    /// <summary>Rows one after the other.</summary>
    public static TensorRows Join(IEnumerable<TensorRows> parts)
    {
        var joined = new List<RowRun>();
        foreach (var run in parts.SelectMany(part => part.runs))
            if (joined is [.., var last] && ReferenceEquals(last.Source, run.Source) && last.First + last.Count == run.First)
                joined[^1] = last with { Count = last.Count + run.Count };
            else
                joined.Add(run);
        return joined.All(run => run.Source.Type == joined[0].Source.Type && RowBytesOf(run.Source) == RowBytesOf(joined[0].Source))
            ? new(joined)
            : throw new ArgumentException($"rows of {string.Join(" and ", joined.Select(run => run.Source).Distinct())} are not of one width and type", nameof(parts));
    }

    /// <summary>Some of the rows.</summary>
    public TensorRows Take(long first, long count)
    {
        if (first < 0 || count < 1 || first > Count - count)
            throw new ArgumentOutOfRangeException(nameof(first), $"rows {first} to {first + count} of {Count}");
        var taken = new List<RowRun>();
        for (var i = RunOf(first); count > 0; i++)
        {
            var skip = first - starts[i];
            var here = Math.Min(runs[i].Count - skip, count);
            taken.Add(runs[i] with { First = runs[i].First + skip, Count = here });
            (first, count) = (first + here, count - here);
        }
        return new(taken);
    }

    /// <summary>Copies part of the rows' bytes, row after row.</summary>
    internal void Read(long offset, Span<byte> into)
    {
        var width = RowBytes;
        for (var i = into.IsEmpty ? 0 : RunOf(offset / width); !into.IsEmpty; i++)
        {
            var skip = offset - starts[i] * width;
            var here = (int)Math.Min(runs[i].Count * width - skip, into.Length);
            runs[i].Source.Read(runs[i].First * width + skip, into[..here]);
            offset += here;
            into = into[here..];
        }
    }

    private static long RowBytesOf(StoredTensor source) => source.ByteCount / source.Shape[0];

    private int RunOf(long row)
    {
        var found = Array.BinarySearch(starts, row);
        return found >= 0 ? found : ~found - 1;
    }
}
