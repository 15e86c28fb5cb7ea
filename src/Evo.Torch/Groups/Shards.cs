// How a dimension is cut where nobody says otherwise.

namespace Evo.Torch;

/// <summary>
/// Blocks of ceil(length / count): even where the length divides; otherwise the last ones are shorter or empty, as
/// <c>torch.chunk</c> cuts (5 over 4 ranks: 2, 2, 1, 0).
/// </summary>
public static class Shards
{
    /// <summary>The length of each rank's block.</summary>
    public static long[] Sizes(long length, int count)
    {
        var sizes = new long[count];
        for (var rank = 0; rank < count; rank++)
            sizes[rank] = Of(length, count, rank).Length;
        return sizes;
    }

    /// <summary>Where one rank's block begins, and its length.</summary>
    public static (long Start, long Length) Of(long length, int count, int rank)
    {
        var start = Math.Min(length, Block(length, count) * rank);
        return (start, Math.Min(length - start, Block(length, count)));
    }

    /// <summary>The length of a full block: what every rank holds where the last ones are padded.</summary>
    public static long Block(long length, int count) => (length + count - 1) / count;
}
