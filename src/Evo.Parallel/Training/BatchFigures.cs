namespace Evo.Parallel;

/// <summary>What a step's batch holds, over the micro-batches of one data-parallel rank or of all.</summary>
/// <param name="Targets">Labels that count.</param>
/// <param name="Tokens">Tokens, ignored labels included.</param>
/// <param name="Segments">Documents, or parts of them.</param>
/// <param name="LongestSegment">Tokens of the longest.</param>
/// <param name="MostSegments">Most segments in a row.</param>
/// <param name="FewestSegments">Fewest segments in a row.</param>
public readonly record struct BatchFigures(
    long Targets, long Tokens = 0, long Segments = 0, long LongestSegment = 0, long MostSegments = 0, long FewestSegments = 0)
{
    /// <summary>The figures of rows as they were read.</summary>
    public static BatchFigures Of(IReadOnlyList<MicroBatch> batch)
    {
        var segments = batch.Select(micro => (long)micro.Boundaries.Length - 1).ToArray();
        return new(
            batch.Sum(micro => micro.Targets), batch.Sum(micro => (long)micro.Tokens.Length), segments.Sum(),
            batch.Max(micro => micro.LongestPiece), segments.Max(), segments.Min());
    }

    /// <summary>The same over two parts of a batch.</summary>
    public static BatchFigures operator +(BatchFigures a, BatchFigures b) => new(
        a.Targets + b.Targets, a.Tokens + b.Tokens, a.Segments + b.Segments, Math.Max(a.LongestSegment, b.LongestSegment),
        Math.Max(a.MostSegments, b.MostSegments), Math.Min(a.FewestSegments, b.FewestSegments));

    // How many numbers they are.
    internal const int Count = 6;

    internal long[] Numbers => [Targets, Tokens, Segments, LongestSegment, MostSegments, FewestSegments];

    internal static BatchFigures Of(IReadOnlyList<long> n) => new(n[0], n[1], n[2], n[3], n[4], n[5]);
}
