using Evo.Core;
using Evo.Models;
using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>What the passes of a rank keep from forward to backward, by the formulas of its layers.</summary>
/// <param name="plan">The rank.</param>
/// <param name="rows">Rows of a micro-batch.</param>
/// <param name="length">Tokens of a row.</param>
internal sealed class PassMemory(RankPlan plan, long rows, long length)
{
    private readonly Dictionary<int, LayerCost> costs = LayerCost.Of(
        plan.Spec, plan.Mode, PointOf(plan, rows, length), plan.Options.Dtype, plan.Spec.FlopsOfLayers(rows, length), plan.GathersWeights).ToDictionary(cost => cost.Layer);

    // Numbers in the largest weight of each layer, and in all of them.
    private readonly Dictionary<int, (long Largest, long All)> weights = plan.Spec.Parameters.Where(p => p.Layer is not null)
        .Join(plan.Parameters, p => p.Name, held => held.Name, (p, held) => (Layer: p.Layer!.Value, held.Count))
        .GroupBy(p => p.Layer).ToDictionary(layer => layer.Key, layer => (layer.Max(p => p.Count), layer.Sum(p => p.Count)));

    /// <summary>The rank's layers in the order of their forwards, each with its chunk.</summary>
    public IReadOnlyList<(LayerCost Cost, int Chunk)> Layers =>
        [.. plan.Stages.SelectMany((stage, chunk) => Enumerable.Range(plan.Ranges[stage].First, plan.Ranges[stage].Count).Select(layer => (costs[layer], chunk)))];

    /// <summary>What each of them keeps as the plan has it.</summary>
    public IReadOnlyList<LayerKeeps> Keeps => [.. plan.Stages.SelectMany(stage => plan.KeepsOf(plan.Ranges[stage]))];

    /// <summary>Bytes at the peak of a step.</summary>
    /// <param name="working">Whether what comes and goes within a block is counted.</param>
    /// <param name="onGpu">Whether the rank computes on a GPU.</param>
    public long Peak(bool working, bool onGpu)
    {
        var alive = MostAlive();
        var layers = Layers.Zip(Keeps, (layer, keeps) => (layer.Cost, layer.Chunk, Keeps: keeps)).ToList();
        var ways = layers.Select(layer => Way(layer.Cost, alive[layer.Chunk], layer.Keeps, 0, working))
            .Prepend(Front(working, onGpu)).Append(Head(working, onGpu)).ToList();
        if (plan.Stages.Count == 1)
        {
            return Recomputation.Bytes(ways);
        }

        // Not all chunks have the most passes at once.
        var passes = layers.GroupBy(layer => layer.Chunk).OrderBy(chunk => chunk.Key).Select(chunk => chunk.Sum(layer => layer.Cost.Kept(layer.Keeps))).ToList();
        return (long)Math.Ceiling(Alive().Max(counts => counts.Zip(passes, (count, bytes) => count * bytes).Sum()))
            + ways[0].Kept + ways[^1].Kept + ways.Max(way => way.Beside);
    }

    /// <summary>One way to run a layer.</summary>
    /// <param name="cost">The layer.</param>
    /// <param name="alive">Passes that are alive at a time.</param>
    /// <param name="keeps">What it keeps.</param>
    /// <param name="flops">Operations that are done a second time.</param>
    /// <param name="working">Whether what comes and goes is counted.</param>
    public RecomputeOption Way(LayerCost cost, int alive, LayerKeeps keeps, double flops, bool working) => new(
        kept: (long)Math.Ceiling(alive * cost.Kept(keeps)),
        freed: Frees ? (long)cost.Kept(keeps) : 0,
        beside: (long)Math.Ceiling(cost.Again(keeps) + (working ? LayerWorking(cost, keeps) : 0)),
        flops);

    /// <summary>
    /// What stands in front of the layers, and is counted with what comes and goes: ids, labels, places and rotary rows of the passes
    /// that are alive; and what is done to gradients when a backward is over: they are added to sums in another type, which a processor
    /// does in a copy, and sent.
    /// </summary>
    public RecomputeOption Front(bool working, bool onGpu)
    {
        if (!working)
        {
            return new(0, 0, 0, 0);
        }

        var tokens = rows * length * MostAlive().Max();
        var places = tokens * ((3 * sizeof(long)) + (2 * Wide * plan.Spec.Size.HeadSize));
        var added = Compute < Wide && !onGpu && !plan.Options.NarrowSums ? buckets.Value.Max() * Wide : 0;
        return new(places, 0, plan.Layout.Degrees.Fsdp > 1 ? 0 : Math.Max(added, Sent), 0);
    }

    /// <summary>The head and its loss behind the layers; nothing on a rank that has none.</summary>
    public RecomputeOption Head(bool working, bool onGpu)
    {
        if (!plan.Stages.Any(stage => plan.Ranges[stage].End == plan.Spec.Size.LayerCount))
        {
            return new(0, 0, 0, 0);
        }

        var kept = ActivationMemory.Of(plan.Mode).Tensors.Where(t => t.Layer is null)
            .Sum(t => (t.Count * ActivationMemory.SizeOf(t.Type, plan.Options.Dtype)).At(PointOf(plan, rows, length)));
        return new((long)Math.Ceiling(kept), Frees ? (long)kept : 0, working ? HeadWorking(onGpu) : 0, 0);
    }

    /// <summary>The most passes of each chunk that are alive at a time.</summary>
    public IReadOnlyList<int> MostAlive()
    {
        var moments = Alive().ToList();
        return [.. Enumerable.Range(0, plan.Stages.Count).Select(chunk => moments.Max(alive => alive[chunk]))];
    }

    // A backward frees what its layer kept, unless gradients of weights are computed later, or another chunk's pass waits too.
    private bool Frees => plan.Stages.Count == 1 && !plan.Schedule.Kind.IsZeroBubbleH1;

    private readonly Lazy<IReadOnlyList<long>> buckets = new(() => [.. plan.Flat().SelectMany(flat => flat.Buckets).Select(bucket => bucket.Length)]);

    // Of gradients that are summed over ranks, two buckets are under way at a time, each with a copy of its own and one of what arrives.
    private long Sent => plan.Layout.Degrees.Data > 1 && plan.Layout.Degrees.Fsdp == 1 ? 2 * Math.Min(2 * buckets.Value.Max(), buckets.Value.Sum()) * Wide : 0;

    private long Compute => ActivationMemory.SizeOf(NumberType.Compute, plan.Options.Dtype);

    private long Wide => ActivationMemory.SizeOf(NumberType.Wide, plan.Options.Dtype);

    // What a matrix product takes beside its result, where a processor computes in another type than the numbers have.
    private long Product => Compute < Wide ? Compute + Wide : Compute;

    // At most a gradient of each tensor that the backward reads, of what it gave, and of its largest weight. Where it is computed again,
    // what it gave is there a second time, and the gradients of all its weights are there until its backward is over.
    private double LayerWorking(LayerCost cost, LayerKeeps keeps)
    {
        var (largest, all) = weights.GetValueOrDefault(cost.Layer);

        // Buckets that are whole leave while the layers before them still compute.
        var leaving = plan.Options.OverlapReduction && buckets.Value.Count > 1 ? Sent : 0;
        return leaving + (keeps == LayerKeeps.Everything ? cost.Everything + cost.Input + (largest * Product) : cost.Everything + (2 * cost.Input) + (all * Product));
    }

    // In the forward a chunk of logits, on a processor beside their gradient where the model's dtype is narrow, and a product; in the backward
    // what is added to gradients. On a GPU the table's gradient is there once, from the forward on: wide where several chunks add to it.
    private long HeadWorking(bool onGpu)
    {
        var (tokens, entries, chunkTokens, spread) =
            HeadShare.Of(plan.Ranks.Mode, rows * length, plan.Spec.Size.VocabSize, plan.Layout.Degrees.Tensor, onGpu);
        var chunk = chunkTokens * entries;
        long table = entries * plan.Spec.Size.HiddenSize, hidden = tokens * plan.Spec.Size.HiddenSize;
        var narrow = Compute < Wide;
        if (onGpu && !spread)
        {
            return (chunk * Compute) + (table * (chunkTokens == tokens ? Compute : Wide)) + (hidden * Product);
        }

        var forward = (chunk * (narrow ? Compute + Wide : Compute)) + (narrow ? (table * Product) + (hidden * Wide) : 0);
        var backward = (hidden * Product) + (narrow || spread ? table * (Compute + Wide) : 0);
        return spread ? forward + backward : Math.Max(forward, backward);
    }

    // After each forward of the rank's schedule, the passes of each chunk that are alive.
    private IEnumerable<int[]> Alive()
    {
        var alive = new int[plan.Stages.Count];
        foreach (var step in plan.Schedule.StepsOf(plan.Rank))
        {
            if (step.IsForward)
            {
                alive[step.Chunk]++;
                yield return [.. alive];
            }
            else if (step.IsBackward || step.IsBackwardWeight)
            {
                alive[step.Chunk]--;
            }
        }
    }

    private static SizePoint PointOf(RankPlan plan, long rows, long length) => new(rows, length, plan.Layout.Degrees.Tensor, plan.Layout.Degrees.Weight);
}
