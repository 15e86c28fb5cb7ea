using Evo.Torch;

namespace Evo.Models;

/// <summary>
/// Where tensor parallel modes cut a parameter: its dim <paramref name="Dim"/> is <paramref name="Outer"/> × <paramref name="Count"/>
/// × <paramref name="Inner"/> long, and each rank has its block of <paramref name="Count"/> in every one of the outer blocks.
/// </summary>
/// <param name="Dim">The dim that is cut.</param>
/// <param name="Outer">Blocks that stand before the cut: 3 where queries, keys and values of all heads lie one after the other.</param>
/// <param name="Count">Units that are dealt out: heads, columns, entries of a vocabulary.</param>
/// <param name="Inner">Rows of a unit.</param>
/// <param name="Padded">Whether every rank holds ⌈count / ranks⌉ units, the last ones beyond the count being padding.</param>
/// <param name="KeptWhole">Whether every rank holds all where there are fewer units than ranks.</param>
public sealed record TensorCut(int Dim, long Outer, long Count, long Inner, bool Padded = false, bool KeptWhole = false)
{
    /// <summary>Whether ranks hold shares, and not all of it each.</summary>
    public bool Applies(int ranks) => ranks > 1 && !(KeptWhole && Count % ranks != 0 && ranks % Count == 0);

    /// <summary>Length of the dim on each rank.</summary>
    /// <exception cref="InvalidOperationException">The units do not divide.</exception>
    public long Length(int ranks) =>
        !Applies(ranks) ? Outer * Count * Inner
        : Padded ? Outer * Shards.Block(Count, ranks) * Inner
        : Count % ranks == 0 ? Outer * (Count / ranks) * Inner
        : throw new InvalidOperationException($"{Count} units do not split {ranks} ways");
}
