using Evo.Data;

namespace Evo.Parallel;

/// <summary>
/// Queries, keys and values of one layer, weights or biases, each as rows in Hugging Face's order, whichever way they were saved.
/// </summary>
/// <param name="Query">Rows of the query heads.</param>
/// <param name="Key">Rows of the key heads.</param>
/// <param name="Value">Rows of the value heads.</param>
internal sealed record InternEvoAttention(TensorRows Query, TensorRows Key, TensorRows Value)
{
    /// <summary>Finds them in a checkpoint; null where they are not there, or do not fit: then with the reason.</summary>
    /// <param name="shards">The checkpoint.</param>
    /// <param name="layer">What the names of the layer begin with.</param>
    /// <param name="suffix">weight or bias.</param>
    /// <param name="heads">Sizes of the heads, and how the checkpoint lays them out.</param>
    /// <param name="problem">What is wrong.</param>
    internal static InternEvoAttention? Find(InternEvoShards shards, string layer, string suffix, InternEvoHeads heads, out string problem)
    {
        string Name(string part) => $"{layer}{part}.{suffix}";
        problem = "";
        if (shards.TryUse(Name(InternEvoNames.Fused), out var fused))
            return OfOne(fused, heads, suffix, ref problem)?.Turned(heads);
        if (!shards.TryUse(Name(InternEvoNames.Query), out var query) | !shards.TryUse(Name(InternEvoNames.Key), out var key)
            | !shards.TryUse(Name(InternEvoNames.Value), out var value))
        {
            problem = $"no {Name(InternEvoNames.Fused)}, and not all of {Name(InternEvoNames.Query)}, {Name(InternEvoNames.Key)}, {Name(InternEvoNames.Value)}";
            return null;
        }

        // Some versions save one fused matrix under the three names, each rank's rows cut in three.
        if (heads.Family is { Fused: true, Blocks: false } && suffix == "weight")
            return Again(query!, key!, value!) is { } whole ? OfOne(whole, heads, suffix, ref problem)?.Turned(heads)
                : Wrong($"{query!.Name}: not every rank has keys and values beside its queries", ref problem);
        var parts = new List<TensorRows>();
        foreach (var (slot, count) in new[] { (query!, heads.Queries), (key!, heads.KeyValues), (value!, heads.KeyValues) })
        {
            IReadOnlyList<long> shape = suffix == "bias" ? [count * heads.Size] : [count * heads.Size, heads.Width];
            if (InternEvoJoin.Of(slot.Shards, shape, heads.Split, heads.Degrees) is not { } join)
                return Wrong(InternEvoJoin.Problem(slot, shape, heads.Split, heads.Degrees), ref problem);
            parts.Add(join.Bands[0]);
        }

        return new InternEvoAttention(parts[0], parts[1], parts[2]).Turned(heads);
    }

    /// <summary>All three as one, as Hugging Face has it of a family that keeps them so.</summary>
    internal TensorRows AsOne(InternEvoHeads heads)
    {
        if (heads.Family.Blocks)
            return TensorRows.Join([Query, Key, Value]);
        var group = heads.Queries / heads.KeyValues * heads.Size;
        return TensorRows.Join(Enumerable.Range(0, heads.KeyValues).SelectMany(head => new[]
        {
            Query.Take(head * group, group), Key.Take((long)head * heads.Size, heads.Size), Value.Take((long)head * heads.Size, heads.Size),
        }));
    }

    // A matrix of all three, taken apart.
    private static InternEvoAttention? OfOne(InternEvoSlot fused, InternEvoHeads heads, string suffix, ref string problem)
    {
        var (all, perHead) = (heads.Queries + 2L * heads.KeyValues, (long)heads.Size);
        IReadOnlyList<long> shape = suffix == "bias" ? [all * perHead] : [all * perHead, heads.Width];
        if (InternEvoJoin.Of(fused.Shards, shape, heads.Split, heads.Degrees) is not { } join)
            return Wrong(InternEvoJoin.Problem(fused, shape, heads.Split, heads.Degrees), ref problem);
        var rows = join.Bands[0];
        if (heads.Family.Blocks)
        {
            // Each tensor-parallel rank has a block of its own heads' queries, one of their keys, one of their values.
            IReadOnlyList<TensorRows> ranks = join.OfTensorRanks is { } parts ? [.. parts.Select(TensorRows.Of)] : [rows];
            TensorRows Block(long first, long count) => TensorRows.Join(ranks.Select(rank => rank.Take(rank.Count * first / all, rank.Count * count / all)));
            return ranks.All(rank => rank.Count * heads.KeyValues % (all * heads.Size) == 0)
                ? new(Block(0, heads.Queries), Block(heads.Queries, heads.KeyValues), Block(heads.Queries + heads.KeyValues, heads.KeyValues))
                : Wrong($"{fused.Name}: its {heads.KeyValues} heads do not split over {ranks.Count} ranks", ref problem);
        }

        var group = heads.Queries / heads.KeyValues * perHead;
        TensorRows OfGroups(long first, long count) => TensorRows.Join(
            Enumerable.Range(0, heads.KeyValues).Select(head => rows.Take(head * (group + 2 * perHead) + first, count)));
        return new(OfGroups(0, group), OfGroups(group, perHead), OfGroups(group + perHead, perHead));
    }

    // Each rank's queries, keys and values as the rows of the one matrix that it had.
    private static InternEvoSlot? Again(InternEvoSlot query, InternEvoSlot key, InternEvoSlot value)
    {
        var whole = new List<InternEvoShard>();
        foreach (var shard in query.Shards)
        {
            var parts = new[] { query, key, value }
                .Select(slot => slot.Shards.FirstOrDefault(other => (other.Tensor, other.Weight) == (shard.Tensor, shard.Weight))?.Stored).OfType<StoredTensor>().ToList();
            if (parts.Count < 3 || parts.Any(part => part.Type != shard.Stored.Type || !part.Shape.Skip(1).SequenceEqual(shard.Stored.Shape.Skip(1))))
                return null;
            IReadOnlyList<long> shape = [parts.Sum(part => part.Shape[0]), .. shard.Stored.Shape.Skip(1)];
            whole.Add(shard with { Stored = new JoinedTensor(query.Name, shape, [TensorRows.Join(parts.Select(TensorRows.Of))]) });
        }

        return new(query.Name, whole);
    }

    // Rows 0, 2, 4 ... of each head that turns, then rows 1, 3, 5 ..., where they lie in pairs.
    private InternEvoAttention Turned(InternEvoHeads heads)
    {
        TensorRows Halves(TensorRows rows) => TensorRows.Join(
            from head in Enumerable.Range(0, (int)(rows.Count / heads.Size))
            from odd in Enumerable.Range(0, 2)
            from pair in Enumerable.Range(0, heads.Size / 2)
            select rows.Take((long)head * heads.Size + 2 * pair + odd, 1));
        return heads.Pairs ? this with { Query = Halves(Query), Key = Halves(Key) } : this;
    }

    private static InternEvoAttention? Wrong(string what, ref string problem)
    {
        problem = what;
        return null;
    }
}

/// <summary>The heads of a model, and how a checkpoint lays their rows out.</summary>
/// <param name="Queries">Query heads.</param>
/// <param name="KeyValues">Key and value heads.</param>
/// <param name="Size">Rows of one.</param>
/// <param name="Width">Columns.</param>
/// <param name="Family">The family's layout.</param>
/// <param name="Pairs">Whether rows of queries and keys lie in pairs.</param>
/// <param name="Degrees">Ranks on the axes of tensor and weight.</param>
internal sealed record InternEvoHeads(int Queries, int KeyValues, int Size, int Width, InternEvoFamily Family, bool Pairs, (int Tensor, int Weight) Degrees)
{
    /// <summary>How rows are shared out over ranks.</summary>
    internal InternEvoSplit Split => InternEvoSplit.Rows(Degrees);
}
