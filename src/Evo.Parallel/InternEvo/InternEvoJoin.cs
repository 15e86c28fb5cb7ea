using Evo.Data;
using Evo.Models;

namespace Evo.Parallel;

/// <summary>Along which dims InternEvo splits a tensor.</summary>
/// <param name="Tensor">Over the tensor axis.</param>
/// <param name="Weight">Over the weight axis, of isp.</param>
/// <param name="Whole">Whether it may be whole on every rank.</param>
internal sealed record InternEvoSplit(IReadOnlyList<int> Tensor, IReadOnlyList<int> Weight, bool Whole)
{
    /// <summary>
    /// The rule of a parameter: a column-parallel map along dim 0, a row-parallel one along dim 1, in isp both along dim 0, a table of
    /// embeddings along either; biases of row-parallel maps, norms and gates not at all, but biases in isp.
    /// </summary>
    /// <param name="info">The parameter; of experts, one of them.</param>
    /// <param name="degrees">Ranks on both axes; a weight axis of 0 where the mode is none of isp.</param>
    internal static InternEvoSplit Of(ParameterInfo info, (int Tensor, int Weight) degrees)
    {
        if (info.Kind == ParameterKind.Embedding)
            return new([1, 0], [1, 0], Single(degrees, info.Layer));
        return info.Cut is { } cut ? new([cut.Dim - (info.Pieces.Count > 0 ? 1 : 0)], [0], Single(degrees, info.Layer))
            : new([], info.Kind == ParameterKind.Bias ? [0] : [], true);
    }

    /// <summary>The rule of rows that are shared out.</summary>
    internal static InternEvoSplit Rows((int Tensor, int Weight) degrees) => new([0], [0], Single(degrees, 0));

    // What stands outside the layers lies on the tensor axis in older versions of isp.
    private static bool Single((int Tensor, int Weight) degrees, int? layer) =>
        degrees.Weight == 0 ? degrees.Tensor == 1 : degrees.Weight == 1 || (degrees.Tensor == 1 && layer is null);

    /// <summary>The rule in a person's words.</summary>
    internal string Words((int Tensor, int Weight) degrees)
    {
        var ways = new List<string>();
        if (Whole) ways.Add("whole");
        if (degrees.Weight > 1 && Weight.Count > 0) ways.Add($"split along dim {string.Join(" or ", Weight)} over {degrees.Weight} ranks of the weight axis");
        if (degrees.Tensor > 1 && Tensor.Count > 0) ways.Add($"split along dim {string.Join(" or ", Tensor)} over {degrees.Tensor} ranks of the tensor axis");
        return ways.Count > 0 ? string.Join(", or ", ways) : "whole";
    }
}

/// <summary>A tensor put together from the shares of ranks.</summary>
/// <param name="Bands">Its columns from left to right, each with all rows; one where it is split by rows, or not.</param>
/// <param name="OfTensorRanks">The shares themselves, where they are rows of tensor-parallel ranks.</param>
internal sealed record InternEvoJoin(IReadOnlyList<TensorRows> Bands, IReadOnlyList<StoredTensor>? OfTensorRanks)
{
    /// <summary>Puts shares together by the rule, the dim being told by their shapes; null where they do not make that shape.</summary>
    internal static InternEvoJoin? Of(
        IReadOnlyList<InternEvoShard> shards, IReadOnlyList<long> shape, InternEvoSplit split, (int Tensor, int Weight) degrees)
    {
        if (shards.DistinctBy(shard => shard.Stored.Type).Skip(1).Any())
            return null;
        if (split.Whole && shards.All(shard => shard.Stored.Shape.SequenceEqual(shape)))
            return new([TensorRows.Of(shards[0].Stored)], null);
        return Along(shards.ToLookup(shard => shard.Weight), degrees.Weight, split.Weight, shape, false)
            ?? Along(shards.ToLookup(shard => shard.Tensor), degrees.Tensor, split.Tensor, shape, true);
    }

    private static InternEvoJoin? Along(ILookup<int, InternEvoShard> byPlace, int ranks, IReadOnlyList<int> dims, IReadOnlyList<long> shape, bool tensor)
    {
        // Ranks that have one share saved it alike.
        bool Alike(IEnumerable<InternEvoShard> same) => same.All(shard => shard.Stored.Shape.SequenceEqual(same.First().Stored.Shape));
        if (ranks < 2 || Enumerable.Range(0, ranks).Any(place => !byPlace[place].Any() || !Alike(byPlace[place])))
            return null;
        var parts = Enumerable.Range(0, ranks).Select(place => byPlace[place].First().Stored).ToList();
        bool Fits(StoredTensor part, int dim) =>
            part.Shape.Count == shape.Count && part.Shape[dim] > 0 && Enumerable.Range(0, shape.Count).All(d => d == dim || part.Shape[d] == shape[d]);
        foreach (var dim in dims.Where(dim => dim < shape.Count))
            if (parts.All(part => Fits(part, dim)) && parts.Sum(part => part.Shape[dim]) == shape[dim])
                return dim == 0 ? new([TensorRows.Join(parts.Select(TensorRows.Of))], tensor ? parts : null) : new([.. parts.Select(TensorRows.Of)], null);
        return null;
    }

    /// <summary>What is wrong with shares that do not make a tensor.</summary>
    internal static string Problem(InternEvoSlot slot, IReadOnlyList<long> shape, InternEvoSplit split, (int Tensor, int Weight) degrees)
    {
        var found = slot.Shards.Select(shard => $"{shard.Stored.Type} [{string.Join(", ", shard.Stored.Shape)}]").ToList();
        var words = found.Distinct().ToList() is [var one] ? $"{one} on {found.Count} rank{(found.Count > 1 ? "s" : "")}" : string.Join(", ", found);
        return $"{slot.Name}: is {words}, must be [{string.Join(", ", shape)}] {split.Words(degrees)}";
    }
}
