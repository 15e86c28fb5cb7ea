using Evo.Core;
using Evo.Models;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// Some optimizer steps of a model at one layout, on ranks of this process in float64, brought together so that they can be
/// compared with the same steps on one device: the law of parity.
/// </summary>
public static class LayoutParity
{
    /// <summary>The learning rate of all steps: the floor of the error of updated parameters.</summary>
    public const double LearningRate = 1e-2;

    /// <summary>Runs the steps of a batch.</summary>
    /// <param name="spec">The model; small.</param>
    /// <param name="layout">How it is spread; its micro-batches are those of the batch.</param>
    /// <param name="batch">The tokens.</param>
    /// <param name="probe">Changes made on purpose, and the kind of ranks; none unless given.</param>
    public static LayoutFigures Run(CausalLM spec, Core.Layout layout, LayoutBatch batch, ParityProbe? probe = null)
    {
        var by = probe ?? new ParityProbe();
        if (batch.Rows % layout.Degrees.Data != 0 || batch.MicroBatches != layout.MicroBatches)
        {
            throw new ArgumentException(
                $"{batch.MicroBatches} micro-batches of {batch.Rows} rows for {layout.MicroBatches} micro-batches on {layout.Degrees.Data} data replicas", nameof(batch));
        }

        var ranks = LocalWorld.Results(layout.Degrees.World, rank => Run(spec, layout, batch, rank, by), by.TimeLimit, threads: 1);
        return LayoutFigureJoin.Join(ranks);
    }

    /// <summary>One rank's part of the steps, in any kind of world: what <see cref="LayoutFigureJoin.Join"/> puts together.</summary>
    public static RankFigures Run(CausalLM spec, Core.Layout layout, LayoutBatch batch, RankWorld world, ParityProbe probe)
    {
        var groups = new RankGroups(new Topology(layout.Degrees), world, probe.Around);
        using var model = RankModel.Build(spec, layout, groups, new RankModelOptions
        {
            Dtype = float64,
            Device = probe.Device,
            DecayAll = false,
            BucketElements = probe.BucketElements,
            EmbedSplitHidden = probe.EmbedSplitHidden,
            OverlapReduction = probe.Overlap,
            OverlapGather = probe.Overlap,
            OverlapTensor = probe.Overlap,
            Weights = probe.Overlap || probe.Weights is null ? probe.Weights : new(Overlap: false),
            GatherAhead = probe.GatherAhead,
            Dropout = probe.Dropout,
            Schedule = probe.Schedule,
        });
        model.Fill(module =>
        {
            module.Initialize(ParityStart.Seed);
            ParityStart.Nudge(module);
        });
        var steps = new List<RankStep>();
        for (var s = 0; s < batch.Steps.Count; s++)
        {
            var (micros, own) = batch.Of(s, groups.Data, probe.Device);
            var figures = model.Gradients(micros, own, probe.Loss);
            var gradients = model.Pieces(StateKind.Gradient);
            model.Update(new AdamRates(LearningRate, 0.9, 0.95, 1e-8, 0.1), s + 1, figures, probe.ClipNorm);
            steps.Add(new(figures.Loss, figures.RouterLoss, figures.ZLoss, figures.Norm, gradients, model.Pieces(StateKind.Weight)));
        }

        // Only now: until the last step the next forward has to wait for updated weights by itself.
        return new(world.Rank, steps, model.Weights());
    }
}
