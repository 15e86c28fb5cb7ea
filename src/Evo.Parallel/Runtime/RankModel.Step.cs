// The two halves of a step: gradients, and the update.
using Evo.Models;
using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>What the gradients of a step are and cost; the same on every rank but for the times.</summary>
/// <param name="Loss">Mean cross entropy in nats over the labels of the step that count.</param>
/// <param name="RouterLoss">What routers added, mean over the micro-batches; null without them.</param>
/// <param name="Targets">Labels that counted.</param>
/// <param name="Norm">Norm of all gradients, before clipping.</param>
/// <param name="Passes">The passes of this rank.</param>
public sealed record GradientFigures(double Loss, double? RouterLoss, long Targets, double Norm, PassFigures Passes);

public sealed partial class RankModel
{
    /// <summary>Replaces the gradients by those of the mean loss over a step's batch, summed over all ranks.</summary>
    /// <param name="batch">The micro-batches of this data-parallel rank.</param>
    /// <param name="ownTargets">Labels of them that count.</param>
    /// <param name="loss">The loss; its scale is the optimizer's business.</param>
    public GradientFigures Gradients(IReadOnlyList<MicroBatchSource> batch, long ownTargets, LossOptions loss)
    {
        using var scope = NewDisposeScope();
        Optimizer.ZeroGradient();
        var targets = OverData(ownTargets);
        var runner = new PipelineRunner(Chunks, Schedule, Groups.Pipeline)
        {
            BeforeBackward = (_, last) => Optimizer.LastBackward = last,
            BackwardDone = BackwardDone,
        };
        var passes = runner.Run(batch, targets, loss with { Scale = Optimizer.LossScale });
        SumTied();
        Optimizer.Finish();
        var norm = Optimizer.GradientNorm();

        // The last stage knows the loss, and ranks of a tensor group all know the same.
        var speaks = Groups.Tensor.Rank == 0;
        var router = speaks && Groups.Data.Rank == 0 ? passes.RouterLoss : null;
        var sums = SumOverWorld([speaks ? passes.LossSum : 0, router ?? 0, router is null ? 0 : 1], RuntimeSites.Loss);
        return new(sums[0] / Math.Max(1, targets), sums[2] > 0 ? sums[1] : null, targets, norm, passes);
    }

    /// <summary>One AdamW update of all weights by the gradients.</summary>
    /// <param name="rates">Its figures.</param>
    /// <param name="update">Its number, from 1.</param>
    /// <param name="norm">The gradients' norm.</param>
    /// <param name="clip">The norm that they are clipped to; 0 for none.</param>
    public void Update(AdamRates rates, long update, double norm, double clip) =>
        Optimizer.Update(rates, update, ShardedOptimizer.ClipFactor(norm, clip));

    private void BackwardDone(int chunk)
    {
        if (Chunks[chunk].Module.HoldsEntry && Listens)
        {
            // Nobody differentiates token ids: autograd does not say when the entry's backward is over.
            Optimizer.AfterBackward(FirstBlock(chunk));
        }

        Optimizer.Accumulate();
    }

    private int FirstBlock(int chunk) => Chunks.Take(chunk).Sum(c => c.Module.BlockCount);

    // A table that the first and the last stage hold has the sum of what both found, on both.
    private void SumTied()
    {
        if (ends is null)
        {
            return;
        }

        using var own = Optimizer.GradientOf(tied!);
        using var sum = ends.AllReduce(own, ReduceOperation.Sum, new(RuntimeSites.Tied, false));
        using var quiet = no_grad();
        own.copy_(sum);
    }

    private long OverData(long own)
    {
        if (Groups.Data.Size == 1)
        {
            return own;
        }

        using var count = tensor(own, device: Options.Device);
        using var sum = Groups.Data.AllReduce(count, ReduceOperation.Sum, new(RuntimeSites.Targets, false));
        return sum.item<long>();
    }

    private double[] SumOverWorld(double[] own, int site)
    {
        if (Groups.Everyone.Size == 1)
        {
            return own;
        }

        using var values = tensor(own, device: Options.Device);
        using var sum = Groups.Everyone.AllReduce(values, ReduceOperation.Sum, new(site, false));
        using var here = sum.cpu();
        return [.. here.data<double>()];
    }
}
