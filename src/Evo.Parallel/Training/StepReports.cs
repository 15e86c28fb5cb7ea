using Evo.Core;
using Evo.Models;

namespace Evo.Parallel;

/// <summary>Times of one step, in seconds.</summary>
/// <param name="Step">All of it: waiting for data, passes, norm and update.</param>
/// <param name="DataWait">Waiting for rows.</param>
/// <param name="Passes">Forward and backward passes, messages between stages included.</param>
/// <param name="Backward">The backward passes.</param>
/// <param name="Optimizer">Gradient norm and update.</param>
/// <param name="Wall">Since the run began or was resumed.</param>
internal readonly record struct StepTimes(double Step, double DataWait, double Passes, double Backward, double Optimizer, double Wall);

/// <summary>Makes the report of a step from what was measured.</summary>
/// <param name="config">The run.</param>
/// <param name="spec">Its model.</param>
/// <param name="layout">How it is spread: figures per rank divide by its ranks.</param>
/// <param name="recompute">What its layers keep, where that was chosen.</param>
internal sealed class StepReports(RunConfig config, CausalLM spec, Core.Layout layout, RecomputePlan? recompute)
{
    // Of one row of seq_len × micro_bsz tokens.
    private readonly double megatronFlops = new MegatronFlops(
        spec.Size.LayerCount, spec.Size.HiddenSize, spec.Size.VocabSize,
        (spec.Size.GatedMlp ? 1.0 : 2.0 / 3.0) * spec.Size.IntermediateSize / spec.Size.HiddenSize,
        recompute is null ? config.Model.Checkpoint.Given > 0 : recompute.MoreWork > 0).Step(config.Data.MicroBsz, config.Data.SeqLen);

    private readonly double modelFlops = spec.FlopsPerStep(config.Data.MicroBsz, config.Data.SeqLen).TotalCausal;

    private Throughput throughput = Throughput.Zero;

    /// <summary>The report of the next step, given the held-out losses that were measured after it, if any. <paramref name="blocked"/> are the seconds that saving took from training before it.</summary>
    internal Func<Evaluation?, StepReport> Next(
        TrainState state, int microBatches, GradientFigures figures, AdamRates rates, StepTimes times, double blocked, long peakBytes, TrainingData data)
    {
        var (batch, ranks, rows) = (figures.Batch, layout.Degrees.World, (double)microBatches * layout.Degrees.Data);
        throughput = throughput.Next(batch.Tokens / ranks, batch.Targets / ranks, times.Step, times.Wall);
        var speed = throughput;
        return valid => new StepReport(
            step: state.Updates,
            batch: state.Step,
            loss: figures.Loss,
            accuracy: figures.Accuracy,
            lr: rates.LearningRate,
            adamBeta2: rates.Beta2,
            lossScale: figures.LossScale,
            gradNorm: figures.Norm,
            microNum: microBatches,
            tokens: batch.Tokens,
            realTokens: batch.Targets,
            consumedTokens: state.ConsumedTokens,
            infNanSkipBatches: state.Skipped,
            samplesInBatch: batch.Segments,
            largestLength: (int)batch.LongestSegment,
            largestBatch: (int)batch.MostSegments,
            smallestBatch: (int)batch.FewestSegments,
            stepSeconds: times.Step,
            forwardBackwardSeconds: times.Passes,
            backwardSeconds: times.Backward,
            dataWaitSeconds: times.DataWait,
            optimizerSeconds: times.Optimizer,
            wallSeconds: times.Wall,
            saveSeconds: blocked,
            throughput: speed,
            tflops: megatronFlops * rows / ranks / times.Step / 1e12,
            modelTflops: modelFlops * rows / ranks / times.Step / 1e12,
            peakBytes: peakBytes,
            validLoss: valid?.Whole.Mean,
            validAccuracy: valid?.Whole.Accuracy,
            typeLosses: ByType(data.Types, figures.Types),
            validTypeLosses: ByType(data.ValidTypes, valid?.Types ?? []),
            moeLoss: figures.RouterLoss,
            zLoss: config.Loss.ZLossCoeff > 0 ? figures.ZLoss : null);
    }

    // Where there are several types: those of which something was asked.
    private static List<TypeLoss> ByType(IReadOnlyList<string> names, IReadOnlyList<LossSum> sums) => names.Count < 2
        ? []
        : [.. sums.Zip(names).Where(type => type.First.Targets > 0).Select(type => new TypeLoss(type.Second, type.First.Targets, type.First.Mean, type.First.Accuracy))];
}
