using System.Diagnostics;
using Evo.Core;
using Evo.Models;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>A chunk of layers that a rank holds.</summary>
/// <param name="Module">Its layers, and the entry or the head where it is the first or the last of the model.</param>
/// <param name="VirtualStage">Its place in the model, from 0.</param>
/// <param name="Later">Where its weight gradients wait, in schedules that put them off; else null.</param>
public sealed record ModelChunk(CausalLMModule Module, int VirtualStage, WeightGradients? Later = null);

/// <summary>How the loss of a step is put together.</summary>
/// <param name="LabelSmoothing">Part of the target probability spread over the vocabulary.</param>
/// <param name="Routers">Coefficients of the routers' losses.</param>
/// <param name="Types">Types of documents whose losses are told apart; 0 and 1 tell none apart.</param>
/// <param name="ZLoss">Coefficient of the head's z-loss.</param>
public readonly record struct LossOptions(double LabelSmoothing = 0, RouterCoefficients Routers = default, int Types = 0, double ZLoss = 0);

/// <summary>When one rank's passes of a step were.</summary>
/// <param name="Times">When each step of the schedule began and ended, in seconds since the first.</param>
/// <param name="Apart">Of ranks that set off together: seconds by which their times' zeros may be apart, the largest of all ranks' figures.</param>
public sealed record PassFigures(IReadOnlyList<(Step Step, double Begin, double End)> Times, double? Apart = null)
{
    /// <summary>Time of all passes and messages.</summary>
    public double Seconds => Times.Count == 0 ? 0 : Times[^1].End;

    /// <summary>Time of the backward passes.</summary>
    public double BackwardSeconds => Times.Where(t => t.Step.Computes && !t.Step.IsForward).Sum(t => t.End - t.Begin);
}

/// <summary>
/// Forward and backward of one optimizer step on one rank: a fold over the rank's steps of the schedule. What is computed, sent
/// and received when is the schedule's business; this knows only how.
/// </summary>
/// <param name="chunks">The rank's chunks, by the schedule's chunk numbers.</param>
/// <param name="schedule">The schedule.</param>
/// <param name="pipeline">The ranks of the stages, in their order.</param>
public sealed class PipelineRunner(IReadOnlyList<ModelChunk> chunks, Schedule schedule, ProcessGroup pipeline)
{
    private readonly Dictionary<(int Chunk, int Micro), StagePass> passes = [];
    private readonly HashSet<int> recorded = [];
    private readonly StageMail mail = new(pipeline);
    private readonly Stopwatch clock = new();

    /// <summary>Whether the ranks of the pipeline set off together, so that the times of all have one zero.</summary>
    public bool SetsOffTogether { get; init; }

    /// <summary>Told before each backward pass of a chunk whether no gradient of the chunk is missing after it.</summary>
    public Action<int, bool>? BeforeBackward { get; init; }

    /// <summary>Told when autograd has come through a chunk, before its gradient is handed on; products may have been put off.</summary>
    public Action<int>? Differentiated { get; init; }

    /// <summary>Told after each backward pass of a chunk.</summary>
    public Action<int>? BackwardDone { get; init; }

    /// <summary>Records and replays the passes of a whole model; null where none are.</summary>
    internal GraphedPasses? Graphs { get; init; }

    /// <summary>Told before a pass that may be recorded: what its blocks would wait for is there afterwards.</summary>
    internal Action? BeforeRecorded { get; init; }

    /// <summary>Ends the sums over ranks that the last pass of a step has begun, in its recording; null where ranks sum nothing in a pass.</summary>
    internal Action? SumInPass { get; init; }

    /// <summary>Takes back what a last pass has begun whose recording failed.</summary>
    internal Action? ForgetPass { get; init; }

    /// <summary>Whether the last pass was recorded with the sums over ranks: nothing is left to be summed.</summary>
    internal bool SummedInPass { get; private set; }

    /// <summary>Runs all passes of a step; gradients are added to those of the parameters.</summary>
    /// <param name="batch">Makes the micro-batches of this data-parallel rank, each where its pass begins.</param>
    /// <param name="targets">Labels that count in the whole step, over all micro-batches and data-parallel ranks, at least 1; a float64 scalar.</param>
    /// <param name="options">The loss.</param>
    /// <param name="scale">What the minimised loss is multiplied by before its backward pass (float16), a float64 scalar; null for nothing.</param>
    /// <returns>When the passes were, and what those gave whose last stage is here, which the caller owns.</returns>
    public (PassFigures Passes, LossTally Losses) Run(IReadOnlyList<MicroBatchSource> batch, Tensor targets, LossOptions options, Tensor? scale = null)
    {
        if (batch.Count != schedule.MicroBatches)
        {
            throw new ArgumentException($"{batch.Count} micro-batches, and a schedule of {schedule.MicroBatches}", nameof(batch));
        }

        var share = new LossShare(targets, batch.Count, options, scale);
        var left = Enumerable.Repeat(batch.Count, chunks.Count).ToArray();
        var times = new List<(Step, double, double)>();
        double? apart = SetsOffTogether ? Meet() : null;
        clock.Restart();
        try
        {
            foreach (var step in schedule.StepsOf(pipeline.Rank))
            {
                var begin = clock.Elapsed.TotalSeconds;
                step.Switch(
                    forward: (chunk, micro) =>
                    {
                        if (Recorded(chunk, batch[micro], share, left))
                        {
                            recorded.Add(micro);
                        }
                        else
                        {
                            Forward(chunk, micro, batch[micro], share);
                        }
                    },
                    backward: (chunk, micro) =>
                    {
                        // A recorded pass is both.
                        if (!recorded.Remove(micro))
                        {
                            Backward(chunk, micro, left, split: false);
                        }
                    },
                    backwardInput: (chunk, micro) => Backward(chunk, micro, left, split: true),
                    backwardWeight: (chunk, micro) => Weights(chunk, micro, left),
                    sendForward: (chunk, micro, to) => mail.Send(new(chunk, micro, false), to),
                    receiveForward: (chunk, micro, from) => mail.Receive(new(chunk, micro, false), from, Expected(chunks[chunk].Module, batch[micro], share.AsksRouters)),
                    sendBackward: (chunk, micro, to) => mail.Send(new(chunk, micro, true), to),
                    receiveBackward: (chunk, micro, from) => mail.Receive(new(chunk, micro, true), from, passes[(chunk, micro)].Output!.Shape));
                times.Add((step, begin, clock.Elapsed.TotalSeconds));
            }

            mail.Settle();
            return (new(times, apart), share.Tally);
        }
        finally
        {
            foreach (var pass in passes.Values)
            {
                pass.Dispose();
            }

            passes.Clear();
            mail.Clear();
        }
    }

    // Nobody leaves a barrier before everybody has come to it: of two ranks, the one that leaves first does so after the other
    // came. They leave no further apart than the other's stay, and no clocks are compared. A first barrier takes the wait for
    // who is late, so that the stay in the second, which is given, is as short as barriers are.
    private double Meet()
    {
        pipeline.Barrier(new(RuntimeSites.Together, false));
        clock.Restart();
        pipeline.Barrier(new(RuntimeSites.Together, false));
        return clock.Elapsed.TotalSeconds;
    }

    /// <summary>
    /// Cross entropy, summed in nats, and right guesses of micro-batches by their types, of those whose last stage is here; no gradients.
    /// </summary>
    /// <param name="batch">Any number of micro-batches, as many on every rank.</param>
    /// <param name="types">How many types there are.</param>
    /// <returns>The caller owns it.</returns>
    public LossTally Evaluate(IEnumerable<MicroBatchSource> batch, int types)
    {
        var tally = new LossTally(types);
        foreach (var source in batch)
        {
            using var scope = NewDisposeScope();
            using var row = source.Make();
            if (schedule.Shape.VirtualStages == 1)
            {
                var (sum, _, right, zSum) = chunks[0].Module.Loss(row.Ids, row.Labels, row.At);
                tally.Add(source.Type, sum, right, zSum);
                continue;
            }

            for (var chunk = 0; chunk < chunks.Count; chunk++)
            {
                Evaluate(chunk, source, row, tally);
            }
        }

        mail.Settle();
        return tally;
    }

    private void Evaluate(int chunk, MicroBatchSource source, MicroTensors row, LossTally tally)
    {
        var (module, stage, _) = chunks[chunk];
        var key = new MessageKey(chunk, 0, false);
        if (stage > 0 && schedule.HolderOf(stage - 1).Rank is var before && before != pipeline.Rank)
        {
            mail.Receive(key, before, Expected(module, source, statistics: false));
        }

        using var arrived = stage == 0 ? null : mail.Take(key);
        var x = module.RunLayers(arrived?.X ?? module.Enter(row.Ids, row.At), row.At);
        if (stage == schedule.Shape.VirtualStages - 1)
        {
            var (sum, _, right, zSum) = module.HeadLoss(module.Exit(x, row.At), row.Labels);
            tally.Add(source.Type, sum, right, zSum);
            return;
        }

        Hand(chunk, 0, new(x, null), stage + 1, backward: false);
        if (schedule.HolderOf(stage + 1).Rank is var after && after != pipeline.Rank)
        {
            mail.Send(key, after);
        }
    }

    // Forward and backward of a whole model at once, where they are recorded.
    private bool Recorded(int chunk, MicroBatchSource source, LossShare share, int[] left)
    {
        if (Graphs is null || schedule.Shape.VirtualStages > 1 || source.AsRead is not var (row, step))
        {
            return false;
        }

        BeforeRecorded?.Invoke();
        // Where ranks sum nothing in it, the last pass is one like the others, whose recording it may be.
        var sums = SumInPass is not null && IsLast(chunk, left);
        var around = new PassEvents(sums, () => BeforeBackward?.Invoke(chunk, sums), AfterBackward, () => ForgetPass?.Invoke());
        if (!Graphs.Run(chunks[chunk].Module, row, step, share, around))
        {
            return false;
        }

        left[chunk]--;
        SummedInPass |= sums;
        return true;

        void AfterBackward()
        {
            Differentiated?.Invoke(chunk);
            BackwardDone?.Invoke(chunk);
            if (sums)
            {
                SumInPass!.Invoke();
            }
        }
    }

    private static bool IsLast(int chunk, int[] left) => left[chunk] == 1;

    private void Forward(int chunk, int micro, MicroBatchSource source, LossShare share)
    {
        using var scope = NewDisposeScope();
        var (module, stage, _) = chunks[chunk];
        var row = source.Make();
        var pass = passes[(chunk, micro)] = new StagePass(row, stage == 0 ? null : mail.Take(new(chunk, micro, false)));
        if (schedule.Shape.VirtualStages == 1)
        {
            pass.Give(share.Of(module, row, source.Type));
            return;
        }

        var routers = share.AsksRouters ? module.Routers(pass.Input?.Statistics) : null;
        var x = module.RunLayers(pass.Input?.X ?? module.Enter(row.Ids, row.At), row.At, routers);
        if (stage < schedule.Shape.VirtualStages - 1)
        {
            pass.Give(new StageMessage(x, routers?.Sums));
            Hand(chunk, micro, pass.Output!, stage + 1, backward: false);
        }
        else
        {
            pass.Give(share.Of(module.HeadLoss(module.Exit(x, row.At), row.Labels, share.LabelSmoothing, share.ZLoss), module.AuxiliaryLoss(routers), source.Type));
        }
    }

    private void Backward(int chunk, int micro, int[] left, bool split)
    {
        using var scope = NewDisposeScope();
        var (module, stage, later) = chunks[chunk];
        var pass = passes[(chunk, micro)];
        BeforeBackward?.Invoke(chunk, !split && later is null && IsLast(chunk, left));
        if (stage == schedule.Shape.VirtualStages - 1)
        {
            pass.Loss!.backward();
        }
        else
        {
            using var arrived = mail.Take(new(chunk, micro, true));
            pass.Backward(arrived);
        }

        Differentiated?.Invoke(chunk);

        if (stage > 0)
        {
            Hand(chunk, micro, pass.InputGradient(), stage - 1, backward: true);
        }

        pass.Weights = later?.Take();
        if (!split)
        {
            Weights(chunk, micro, left);
        }
    }

    // The half that nobody waits for; a pass whose backward is whole ends with it too.
    private void Weights(int chunk, int micro, int[] left)
    {
        var pass = passes[(chunk, micro)];
        pass.Weights?.Invoke();
        passes.Remove((chunk, micro));
        pass.Dispose();
        left[chunk]--;
        BackwardDone?.Invoke(chunk);
    }

    // What a stage that is not the first begins with.
    private static MessageShape Expected(CausalLMModule module, MicroBatchSource micro, bool statistics)
    {
        var ranks = module.Ranks;
        var spread = ranks.Mode is ParallelMode.Msp or ParallelMode.Fsp or ParallelMode.Isp;
        var length = spread ? Shards.Of(micro.Length, ranks.Tensor.Size, ranks.Tensor.Rank).Length : micro.Length;
        var dtype = module.Options.Dtype;
        return new([micro.Rows, length, module.Spec.Size.HiddenSize], dtype, statistics ? RouterCarry.Shape(module.Spec) : null, RouterCarry.Type(dtype));
    }

    // To a neighbour on this rank at once, to another when the schedule says so.
    private void Hand(int chunk, int micro, StageMessage message, int neighbour, bool backward)
    {
        var holder = schedule.HolderOf(neighbour);
        if (holder.Rank == pipeline.Rank)
        {
            mail.Arrived(new(holder.Chunk, micro, backward), message.Copy());
        }
        else
        {
            mail.Leaving(new(chunk, micro, backward), message.Copy());
        }
    }
}
