using Evo.Data;
using Evo.Models;

namespace Evo.Parallel;

/// <summary>One map of one expert, saved by itself or in a group of experts as [experts, in, out].</summary>
internal static class InternEvoExperts
{
    /// <summary>The columns of an expert's map; null where it is not there, or does not fit: then with the reason.</summary>
    /// <param name="shards">The checkpoint.</param>
    /// <param name="pattern">The map's name, the expert's number left open.</param>
    /// <param name="expert">The expert.</param>
    /// <param name="info">The map of all experts.</param>
    /// <param name="degrees">Ranks on the axes of tensor and weight that experts' files tell.</param>
    /// <param name="problem">What is wrong.</param>
    internal static InternEvoJoin? Find(
        InternEvoShards shards, string pattern, int expert, ParameterInfo info, (int Tensor, int Weight) degrees, out string problem)
    {
        var (count, saved) = (info.Pieces.Count, shards.CountExperts(pattern));
        if (saved == 0 || count % saved != 0)
        {
            problem = saved == 0 ? $"no {Name(pattern, expert)}" : $"{Name(pattern, 0)} to {Name(pattern, saved - 1)}: these {saved} are not, and do not hold evenly, the model's {count} experts";
            return null;
        }

        var group = count / saved;
        shards.TryUse(Name(pattern, expert / group), out var slot);
        IReadOnlyList<long> shape = [.. info.Shape.Skip(1)];
        var split = InternEvoSplit.Of(info, degrees);
        problem = "";
        // A stack of one may have the shape of another map in the older order, which had no stacks.
        if (group == 1 && (Alone(slot!) ?? OfOlderOrder()) is { } alone)
            return alone;
        if ((OfStack(slot!, expert % group, shape, split, degrees) ?? OfRows(slot!, expert % group, group, shape, degrees)) is { } stacked)
            return stacked;
        problem = InternEvoJoin.Problem(slot!, group == 1 ? shape : [group, shape[1], shape[0]], split, degrees);
        return null;

        InternEvoJoin? Alone(InternEvoSlot saved) => InternEvoJoin.Of(saved.Shards, shape, split, degrees);
        InternEvoJoin? OfOlderOrder() =>
            InternEvoNames.OlderOrder(pattern) is { } older && shards.TryUse(Name(older, expert), out var other) ? Alone(other) : null;
    }

    private static string Name(string pattern, int number) => pattern.Replace(InternEvoNames.Expert, $"{number}");

    // [experts, in, out] on each tensor-parallel rank, out or in being its share.
    private static InternEvoJoin? OfStack(InternEvoSlot slot, int place, IReadOnlyList<long> shape, InternEvoSplit split, (int Tensor, int Weight) degrees) =>
        slot.Shards.All(shard => shard.Stored.Shape.Count == 3 && place < shard.Stored.Shape[0])
            ? InternEvoJoin.Of([.. slot.Shards.Select(shard => shard with { Stored = shard.File!.Stored(shard.View!.Select(place).Turned()) })], shape, split, degrees)
            : null;

    // [experts x in, out], whose rows are shared out over the weight axis: an expert's rows may lie on several ranks.
    private static InternEvoJoin? OfRows(InternEvoSlot slot, int place, int group, IReadOnlyList<long> shape, (int Tensor, int Weight) degrees)
    {
        var (first, end) = (place * shape[1], (place + 1) * shape[1]);
        var bands = new List<TensorRows>();
        var at = 0L;
        foreach (var shard in slot.Shards.DistinctBy(shard => shard.Weight).OrderBy(shard => shard.Weight))
        {
            if (shard.Stored.Shape is not [var rows, var columns] || columns != shape[0])
                return null;
            var (from, to) = (Math.Max(first, at), Math.Min(end, at + rows));
            if (from < to)
                bands.Add(TensorRows.Of(shard.File!.Stored(shard.View!.Narrow(from - at, to - from).Turned())));
            at += rows;
        }

        return at == group * shape[1] && degrees.Tensor == 1 && slot.Shards.DistinctBy(shard => shard.Stored.Type).Count() == 1 ? new(bands, null) : null;
    }
}
