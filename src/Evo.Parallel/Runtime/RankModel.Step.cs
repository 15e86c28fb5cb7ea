// The two halves of a step: gradients, and the update.
using System.Diagnostics;
using Evo.Core;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

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
        latest?.Dispose();
        Optimizer.ZeroGradient();
        copies.ForEach(copy => copy.Zero());
        var batches = OverData(own);
        var runner = new PipelineRunner(Chunks, ScheduleFor(batch.Count), Groups.Pipeline)
        {
            BeforeBackward = (_, last) => Optimizer.LastBackward = last,
            Differentiated = Differentiated,
            BackwardDone = BackwardDone,
            SetsOffTogether = together,
            Graphs = graphs,
            BeforeRecorded = Optimizer.AwaitWeights,
            SumInPass = Options.OverlapReduction && Optimizer.SumsOverRanks ? Optimizer.Finish : null,
            ForgetPass = ForgetPass,
        };
        var scale = Optimizer.LossScale;
        var (passes, losses) = runner.Run(batch, Divisor(batches), loss, scale == 1 ? null : Sent([scale]).reshape([]));
        using var tally = losses;
        var passed = Stopwatch.GetTimestamp();
        SumTied();
        if (!runner.SummedInPass)
        {
            Optimizer.Finish();
        }

        var targets = new double[tally.Types];
        foreach (var micro in batch)
        {
            targets[targets.Length > 1 ? micro.Type : 0] += micro.Targets;
        }

        latest = StepValues.Of(
            Optimizer.GradientNorm(), SumOverWorld(cat([Routers(tally), Spoken(tally, targets)]), RuntimeSites.Loss), batches, tally.Types);
        return new(latest, passes, Stopwatch.GetElapsedTime(passed).TotalSeconds, scale);
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
            using var scope = NewDisposeScope();
            using var tally = new PipelineRunner(Chunks, Schedule, Groups.Pipeline).Evaluate(batch, types);
            var found = LossSum.Each(SumOverWorld(Spoken(tally, targets), RuntimeSites.Validation).cpu().data<double>().ToArray());
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
    public IReadOnlyList<int> Count(params bool[] own)
    {
        double[] answers = [.. own.Select(yes => yes ? 1.0 : 0)];
        if (Groups.Everyone.Size > 1)
        {
            using var scope = NewDisposeScope();
            answers = SumOverWorld(Sent(answers), RuntimeSites.Together).cpu().data<double>().ToArray();
        }

        return [.. answers.Select(count => (int)count)];
    }

    // Whether all ranks with this rank's rows say yes.
    private bool AllOfTensor(bool own)
    {
        if (Groups.Tensor.Size == 1)
        {
            return own;
        }

        using var scope = NewDisposeScope();
        return Groups.Tensor.AllReduce(Sent([own ? 1 : 0]), ReduceOperation.Min, new(RuntimeSites.Together, false)).cpu().item<double>() == 1;
    }

    /// <summary>Waits for all ranks.</summary>
    public void Together() => Groups.Everyone.Barrier(new(RuntimeSites.Together, false));

    /// <summary>
    /// One AdamW update of all weights by the gradients. The device decides whether it takes the step, and leaves every weight and moment
    /// as it is where norm or loss is not finite; only when all is issued the figures are read.
    /// </summary>
    /// <param name="rates">Its figures.</param>
    /// <param name="update">Its number, from 1; one that is left out does not count.</param>
    /// <param name="figures">Those of the gradients.</param>
    /// <param name="clip">The norm that they are clipped to; 0 for none.</param>
    /// <returns>Whether the step was taken.</returns>
    public bool Update(AdamRates rates, long update, GradientFigures figures, double clip)
    {
        using (var factor = figures.ClipFactor(clip))
        {
            Optimizer.Update(rates, update, factor);
        }

        Optimizer.Settle(figures.Finite);
        return figures.Finite;
    }

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

    // A pass whose recording failed has put products off and begun sums, of which nothing was computed.
    private void ForgetPass()
    {
        covering?.Take();
        Optimizer.ForgetReductions();
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

    // What this rank adds to the sums by type: losses, right guesses, z-losses, targets. Ranks of a tensor group all know the same loss, and
    // stages of a pipeline the same targets: one of them speaks.
    private Tensor Spoken(LossTally tally, double[] targets)
    {
        var sums = tally.Sums(Optimizer.Device);
        var counts = Sent([.. targets.Select(count => Groups.Tensor.Rank == 0 && Groups.Pipeline.Rank == 0 ? count : 0)]);
        return cat([Groups.Tensor.Rank == 0 ? sums : zeros_like(sums), counts.unsqueeze(1)], 1).reshape(-1);
    }

    // What routers added, and whether they did. The last stage knows, and ranks of a tensor group all know the same.
    private Tensor Routers(LossTally tally)
    {
        var added = Groups.Tensor.Rank == 0 && Groups.Data.Rank == 0 ? tally.Routers : null;
        return added is null ? zeros([2], float64, Optimizer.Device) : stack([added, ones_like(added)]);
    }

    // Batches grow during a ramp-up; the order of their passes is a function of how many they are.
    private Schedule ScheduleFor(int microBatches) =>
        microBatches == Schedule.MicroBatches ? Schedule : Schedule.Make(Schedule.Kind, Schedule.Stages, microBatches, Schedule.Chunks).With(Receipt.Late);

    // The figures of each data-parallel rank's batch, [ranks, figures]. They stay on the device: no pass waits for them.
    private Tensor OverData(BatchFigures own)
    {
        var numbers = HostBuffer.Send(tensor(own.Numbers, [1, BatchFigures.Count]), Optimizer.Device);
        return Groups.Data.Size == 1 ? numbers : Groups.Data.AllGather(numbers, 0, new(RuntimeSites.Batch, false));
    }

    // What losses are divided by: the labels of the whole step.
    private static Tensor Divisor(Tensor batches) => batches.select(1, 0).sum().clamp_min(1).to_type(float64);

    private Tensor Sent(double[] numbers) => HostBuffer.Send(tensor(numbers), Optimizer.Device);

    private Tensor SumOverWorld(Tensor own, int site) =>
        Groups.Everyone.Size == 1 ? own : Groups.Everyone.AllReduce(own, ReduceOperation.Sum, new(site, false));
}
