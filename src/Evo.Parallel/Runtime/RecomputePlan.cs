using Evo.Core;
using Evo.Models;

namespace Evo.Parallel;

/// <summary>What the layers of one stage of the pipeline keep under a budget; every rank of the stage the same.</summary>
/// <param name="Stage">Its place in the pipeline.</param>
/// <param name="Layers">Its layers with what each keeps, by index.</param>
/// <param name="Everything">Memory of each of its ranks if all layers kept everything.</param>
/// <param name="EverythingWorking">Bytes beside it for what comes and goes within a block.</param>
/// <param name="Chosen">Memory of each as chosen.</param>
/// <param name="Working">Bytes beside it for what comes and goes.</param>
/// <param name="FlopsAgain">Operations of a micro-batch that are done a second time, over all ranks that share it.</param>
/// <param name="FlopsOfPass">Operations of a micro-batch's forward and backward, done once.</param>
/// <param name="Missing">Bytes by which even the least does not fit; 0 where it fits.</param>
public sealed record StageRecompute(
    int Stage, IReadOnlyList<(int Layer, LayerKeeps Keeps)> Layers, RankMemory Everything, long EverythingWorking, RankMemory Chosen, long Working,
    double FlopsAgain, double FlopsOfPass, long Missing)
{
    /// <summary>Bytes that each rank needs.</summary>
    public long Needed => Chosen.Total + Working;

    /// <summary>Bytes that each would need if all layers kept everything.</summary>
    public long NeededByEverything => Everything.Total + EverythingWorking;

    /// <summary>Bytes that each rank saves at its peak.</summary>
    public long Saved => NeededByEverything - Needed;

    /// <summary>Layers that keep so much.</summary>
    public int Count(LayerKeeps keeps) => Layers.Count(layer => layer.Keeps == keeps);
}

/// <summary>
/// What every layer of a model keeps, so that each rank fits its memory and the fewest operations are done again: a function of model,
/// layout and budget, the same on every rank, for which nothing has to be there.
/// </summary>
/// <param name="Budget">Bytes that each rank may take; null where nothing was chosen for them.</param>
/// <param name="Stages">The stages of the pipeline in order.</param>
public sealed record RecomputePlan(long? Budget, IReadOnlyList<StageRecompute> Stages)
{
    private static readonly LayerKeeps[] All = [LayerKeeps.Everything, LayerKeeps.Attention, LayerKeeps.Input];
    private static readonly LayerKeeps[] WithoutAttention = [LayerKeeps.Everything, LayerKeeps.Input];

    // What no formula knows, scalars, borders, the allocator's rounding: a fiftieth of what they know.
    private static long Unknown(long known) => known / 50;

    // The most that may be known for what is known and what is not to fit.
    private static long Within(long budget) => (50 * (budget / 51)) + Math.Min(budget % 51, 49);

    /// <summary>What each layer of the model keeps.</summary>
    public IReadOnlyList<LayerKeeps> Keeps => [.. Stages.SelectMany(stage => stage.Layers).OrderBy(layer => layer.Layer).Select(layer => layer.Keeps)];

    /// <summary>Operations that are done a second time, as a share of those of a step.</summary>
    public double MoreWork => Stages.Sum(stage => stage.FlopsAgain) / Stages.Sum(stage => stage.FlopsOfPass);

    /// <summary>The most bytes that any rank saves.</summary>
    public long Saved => Stages.Max(stage => stage.Saved);

    /// <summary>Whether every rank fits.</summary>
    public bool Fits => Stages.All(stage => stage.Missing == 0);

    /// <summary>Chooses, or says what is chosen already.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="layout">A legal layout.</param>
    /// <param name="options">How each rank's model is made.</param>
    /// <param name="tokens">Sequences of a micro-batch, and tokens of each.</param>
    /// <param name="packed">Whether they lie in one row.</param>
    /// <param name="native">Whether our own kernels compute, which alone can keep what attention gave.</param>
    /// <param name="onGpu">Whether ranks compute on GPUs.</param>
    /// <param name="budget">Bytes that each rank may take; null takes what layout and options say that layers keep.</param>
    public static RecomputePlan Of(
        CausalLM spec, Core.Layout layout, RankModelOptions options, (long Sequences, long Length) tokens, bool packed, bool native, bool onGpu, long? budget)
    {
        var topology = new Topology(layout.Degrees);
        var flops = spec.FlopsOfLayers(tokens.Sequences, tokens.Length);
        var outside = spec.FlopsPerStep(tokens.Sequences, tokens.Length).TotalCausal - flops.Sum(f => f.TotalCausal);
        var everything = options with { Keeps = [.. flops.Select(_ => LayerKeeps.Everything)] };
        var (rows, length) = packed ? (1, tokens.Sequences * tokens.Length) : tokens;

        // Which place a rank has among those that share its stage makes no difference to what it holds.
        StageRecompute Stage(int stage)
        {
            var rank = Enumerable.Range(0, layout.Degrees.World).First(r => topology.PlaceOf(MeshAxis.Pipeline, r) == stage);
            var groups = new RankGroups(topology, new PaperRank(rank, layout.Degrees.World));
            var plan = new RankPlan(spec, layout, groups, everything);
            var passes = new PassMemory(plan, rows, length);
            var (layers, alive) = (passes.Layers, passes.MostAlive());
            var given = new PassMemory(new(spec, layout, groups, options), rows, length).Keeps;

            var all = RankMemory.OnPaper(plan, rows, length);
            var allFits = all.Total + Working(plan, all) <= budget;

            // What stands in front of the layers and behind them has one way to run.
            LayerKeeps[][] ways = [.. layers.Select((layer, i) =>
                budget is null ? [given[i]] : allFits ? [LayerKeeps.Everything] : KeepsAttention(layer.Cost) ? All : WithoutAttention)];
            IReadOnlyList<IReadOnlyList<RecomputeOption>> units =
            [
                [passes.Front(working: true, onGpu)],
                .. layers.Select((layer, i) => ways[i].Select(keeps => passes.Way(
                    layer.Cost, alive[layer.Chunk], keeps, (layer.Cost with { Flops = flops[layer.Cost.Layer] }).FlopsAgain(keeps), working: true)).ToArray()),
                [passes.Head(working: true, onGpu)],
            ];

            // What is left for passes: nothing else of the memory depends on what layers keep.
            var (least, held) = (Recomputation.Least(units), all.Total - all.Activations);
            var room = budget is { } bytes && !allFits ? Within(bytes) - held : least;
            var missing = least > room ? held + least + Unknown(held + least) - budget!.Value : 0;
            var chosen = Recomputation.Choose(Math.Max(room, least), units)!.Value;
            IReadOnlyList<(int Layer, LayerKeeps Keeps)> kept = [.. layers.Select((layer, i) => (layer.Cost.Layer, ways[i][chosen.Options[i + 1]]))];
            var by = kept.ToDictionary(layer => layer.Layer, layer => layer.Keeps);
            var made = new RankPlan(spec, layout, groups, options with { Keeps = [.. Enumerable.Range(0, flops.Count).Select(layer => by.GetValueOrDefault(layer))] });
            var work = layers.Sum(layer => flops[layer.Cost.Layer].TotalCausal) + (plan.Stages.Any(part => plan.Ranges[part].End == flops.Count) ? outside : 0);
            var memory = RankMemory.OnPaper(made, rows, length);
            return new(stage, kept, all, Working(plan, all), memory, Working(made, memory), chosen.Flops, work, missing);
        }

        bool KeepsAttention(LayerCost cost) => native && cost.KeepsAttention(onGpu, options.Dtype, spec.Size.HeadSize);

        long Working(RankPlan plan, RankMemory memory)
        {
            var working = new PassMemory(plan, rows, length).Peak(working: true, onGpu) - memory.Activations;
            return working + Unknown(memory.Total + working);
        }

        return new(budget, [.. Enumerable.Range(0, layout.Degrees.Pipeline).Select(Stage)]);
    }
}
