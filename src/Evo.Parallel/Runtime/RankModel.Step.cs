// The two halves of a step: gradients, and the update.
using System.Diagnostics;
using Evo.Core;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>What the gradients of a step are and cost; the same on every rank but for the times.</summary>
/// <param name="Loss">Mean cross entropy in nats over the labels of the step that count.</param>
/// <param name="RouterLoss">What routers added, mean over the micro-batches; null without them.</param>
/// <param name="Batch">What the batch held, over all data-parallel ranks.</param>
/// <param name="Norm">Norm of all gradients, before clipping.</param>
/// <param name="Passes">The passes of this rank.</param>
/// <param name="ReduceSeconds">From the last pass until gradients were summed and measured.</param>
/// <param name="Types">The loss of each type of document, over all ranks: one where types are not told apart.</param>
/// <param name="LossScale">What the loss was multiplied by for the backward pass; 1 but in float16.</param>
public sealed record GradientFigures(
    double Loss, double? RouterLoss, BatchFigures Batch, double Norm, PassFigures Passes, double ReduceSeconds, IReadOnlyList<LossSum> Types,
    double LossScale)
{
    /// <summary>Part of the step's labels that was guessed right.</summary>
    public double Accuracy => (double)Types.Sum(type => type.Right) / Math.Max(1, Batch.Targets);
}

/// <summary>What held-out rows cost.</summary>
/// <param name="Whole">All of them.</param>
/// <param name="Types">Those of each type of document.</param>
public sealed record Evaluation(LossSum Whole, IReadOnlyList<LossSum> Types);

public sealed partial class RankModel
{
    /// <summary>As the other, with rows as they were read.</summary>
    /// <param name="batch">The micro-batches of this data-parallel rank.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="step">What random choices are keyed by; null where nothing is random.</param>
    /// <param name="together">Whether the ranks of each pipeline begin their passes together, so that their times can be compared.</param>
    public GradientFigures Gradients(IReadOnlyList<MicroBatch> batch, LossOptions loss = default, RandomKey? step = null, bool together = false) =>
        Gradients([.. batch.Select(micro => MicroBatchSource.Of(micro, Optimizer.Device, step))], BatchFigures.Of(batch), loss, together);

    /// <summary>Replaces the gradients by those of the mean loss over a step's batch, summed over all ranks.</summary>
    /// <param name="batch">The micro-batches of this data-parallel rank.</param>
    /// <param name="own">What they hold.</param>
    /// <param name="loss">The loss; its scale is the optimizer's business.</param>
    /// <param name="together">Whether the ranks of each pipeline begin their passes together, so that their times can be compared.</param>
    public GradientFigures Gradients(IReadOnlyList<MicroBatchSource> batch, BatchFigures own, LossOptions loss, bool together = false)
    {
        using var scope = NewDisposeScope();
        Optimizer.ZeroGradient();
        copies.ForEach(copy => copy.Zero());
        var whole = OverData(own);
        var runner = new PipelineRunner(Chunks, ScheduleFor(batch.Count), Groups.Pipeline)
        {
            BeforeBackward = (_, last) => Optimizer.LastBackward = last,
            Differentiated = Differentiated,
            BackwardDone = BackwardDone,
            SetsOffTogether = together,
        };
        var scale = Optimizer.LossScale;
        var passes = runner.Run(batch, whole.Targets, loss, scale);
        var passed = Stopwatch.GetTimestamp();
        SumTied();
        Optimizer.Finish();
        var norm = Optimizer.GradientNorm();

        // The last stage knows the loss, and ranks of a tensor group all know the same.
        var router = Groups.Tensor.Rank == 0 && Groups.Data.Rank == 0 ? passes.RouterLoss : null;
        var targets = new double[passes.LossSums.Count];
        foreach (var micro in batch)
        {
            targets[targets.Length > 1 ? micro.Type : 0] += micro.Targets;
        }

        var sums = SumOverWorld([router ?? 0, router is null ? 0 : 1, .. Spoken(passes.LossSums, passes.Right, targets)], RuntimeSites.Loss);
        var types = LossSums(sums.AsSpan(2));
        return new(
            types.Sum(type => type.Nats) / Math.Max(1, whole.Targets), sums[1] > 0 ? sums[0] : null, whole, norm, passes,
            Stopwatch.GetElapsedTime(passed).TotalSeconds, types, scale);
    }

    /// <summary>Mean cross entropy over held-out rows of all data-parallel ranks, and the labels that counted; no dropout.</summary>
    /// <param name="rows">Those of this data-parallel rank: as many on every one.</param>
    /// <param name="types">Types of documents among them.</param>
    public Evaluation Evaluate(IEnumerable<MicroBatch> rows, int types = 1)
    {
        var targets = new double[types];
        var batch = rows.Select(row =>
        {
            targets[row.Type] += row.Targets;
            return MicroBatchSource.Of(row, Optimizer.Device);
        });
        foreach (var chunk in Chunks)
        {
            chunk.Module.train(false);
        }

        try
        {
            using var quiet = no_grad();
            var (nats, right) = new PipelineRunner(Chunks, Schedule, Groups.Pipeline).Evaluate(batch, types);
            var found = LossSums(SumOverWorld(Spoken(nats, right, targets), RuntimeSites.Validation));
            return new(found.Aggregate((a, b) => a + b), found);
        }
        finally
        {
            foreach (var chunk in Chunks)
            {
                chunk.Module.train();
            }
        }
    }

    /// <summary>For each question how many ranks say yes; all ask together.</summary>
    public IReadOnlyList<int> Count(params bool[] own) =>
        [.. SumOverWorld([.. own.Select(yes => yes ? 1.0 : 0)], RuntimeSites.Together).Select(count => (int)count)];

    /// <summary>Waits for all ranks.</summary>
    public void Together() => Groups.Everyone.Barrier(new(RuntimeSites.Together, false));

    /// <summary>One AdamW update of all weights by the gradients.</summary>
    /// <param name="rates">Its figures.</param>
    /// <param name="update">Its number, from 1.</param>
    /// <param name="norm">The gradients' norm.</param>
    /// <param name="clip">The norm that they are clipped to; 0 for none.</param>
    public void Update(AdamRates rates, long update, double norm, double clip) =>
        Optimizer.Update(rates, update, ShardedOptimizer.ClipFactor(norm, clip));

    private void Differentiated(int chunk)
    {
        covering?.Take().Invoke();
        gathered[chunk]?.EndPass();
    }

    private void BackwardDone(int chunk)
    {
        if (Chunks[chunk].Module.HoldsEntry && Listens)
        {
            // Nobody differentiates token ids: autograd does not say when the entry's backward is over.
            Optimizer.AfterBackward(FirstBlock(chunk));
        }

        Optimizer.Accumulate();
        copies.ForEach(copy => copy.Accumulate());
    }

    private int FirstBlock(int chunk) => Chunks.Take(chunk).Sum(c => c.Module.BlockCount);

    // A table that the first and the last stage hold has the sum of what both found, on both, or once where they are one rank.
    private void SumTied()
    {
        copies.ForEach(copy => Optimizer.AddToGradient(tied!, copy.Sum));
        if (ends is null)
        {
            return;
        }

        using var own = Optimizer.GradientOf(tied!);
        using var sum = ends.AllReduce(own, ReduceOperation.Sum, new(RuntimeSites.Tied, false));
        using var quiet = no_grad();
        own.copy_(sum);
    }

    // What this rank adds to the sums by type: losses, right guesses, targets. Ranks of a tensor group all know the same loss, and
    // stages of a pipeline the same targets: one of them speaks.
    private double[] Spoken(IReadOnlyList<double> nats, IReadOnlyList<double> right, double[] targets) =>
    [
        .. nats.Concat(right).Select(sum => Groups.Tensor.Rank == 0 ? sum : 0),
        .. targets.Select(count => Groups.Tensor.Rank == 0 && Groups.Pipeline.Rank == 0 ? count : 0),
    ];

    private static LossSum[] LossSums(ReadOnlySpan<double> sums)
    {
        var types = new LossSum[sums.Length / 3];
        for (var type = 0; type < types.Length; type++)
        {
            types[type] = new(sums[type], (long)sums[types.Length + type], (long)sums[(2 * types.Length) + type]);
        }

        return types;
    }

    // Batches grow during a ramp-up; the order of their passes is a function of how many they are.
    private Schedule ScheduleFor(int microBatches) =>
        microBatches == Schedule.MicroBatches ? Schedule : Schedule.Make(Schedule.Kind, Schedule.Stages, microBatches, Schedule.Chunks).With(Receipt.Late);

    private BatchFigures OverData(BatchFigures own)
    {
        if (Groups.Data.Size == 1)
        {
            return own;
        }

        using var numbers = tensor(own.Numbers, device: Options.Device);
        using var all = Groups.Data.AllGather(numbers, 0, new(RuntimeSites.Batch, false));
        using var here = all.cpu();
        long[] values = [.. here.data<long>()];
        return values.Chunk(own.Numbers.Length).Select(BatchFigures.Of).Aggregate((a, b) => a + b);
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
        return here.data<double>().ToArray();
    }
}
