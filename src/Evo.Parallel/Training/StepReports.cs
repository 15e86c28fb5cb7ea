using Evo.Core;
using Evo.Models;

namespace Evo.Parallel;

/// <summary>Times of one step, in seconds.</summary>
/// <param name="Step">All of it: waiting for data, passes, norm and update.</param>
/// <param name="DataWait">Waiting for rows.</param>
/// <param name="Optimizer">Gradient norm and update.</param>
/// <param name="Wall">Since the run began or was resumed.</param>
internal readonly record struct StepTimes(double Step, double DataWait, double Optimizer, double Wall);

/// <summary>Makes the report of a step from what was measured.</summary>
internal sealed class StepReports(RunConfig config, CausalLM spec)
{
    private readonly double megatronFlops = new MegatronFlops(
        spec.Size.LayerCount, spec.Size.HiddenSize, spec.Size.VocabSize,
        (spec.Size.GatedMlp ? 1.0 : 2.0 / 3.0) * spec.Size.IntermediateSize / spec.Size.HiddenSize,
        config.Model.Checkpoint > 0).Step((long)config.Data.MicroBsz * config.Data.MicroNum, config.Data.SeqLen);

    private readonly double modelFlops = spec.FlopsPerStep((long)config.Data.MicroBsz * config.Data.MicroNum, config.Data.SeqLen).TotalCausal;

    private Throughput throughput = Throughput.Zero;

    /// <summary>The report of the next step, given the held-out loss that was measured after it, if any.</summary>
    internal Func<double?, StepReport> Next(
        TrainState state, IReadOnlyList<MicroBatch> batch, GradientResult gradient, double norm, AdamRates rates, StepTimes times, long peakBytes)
    {
        var tokens = batch.Sum(micro => (long)micro.Tokens.Length);
        var segments = batch.Select(micro => micro.Boundaries.Length - 1).ToArray();
        throughput = throughput.Next(tokens, gradient.Targets, times.Step, times.Wall);
        var speed = throughput;
        return validLoss => new StepReport(
            step: state.Updates,
            batch: state.Step,
            loss: gradient.Loss,
            lr: rates.LearningRate,
            adamBeta2: rates.Beta2,
            gradNorm: norm,
            microNum: batch.Count,
            tokens: tokens,
            realTokens: gradient.Targets,
            consumedTokens: state.ConsumedTokens,
            infNanSkipBatches: state.Skipped,
            samplesInBatch: segments.Sum(),
            largestLength: batch.Max(micro => micro.LongestPiece),
            largestBatch: segments.Max(),
            smallestBatch: segments.Min(),
            stepSeconds: times.Step,
            forwardBackwardSeconds: gradient.Seconds,
            backwardSeconds: gradient.BackwardSeconds,
            dataWaitSeconds: times.DataWait,
            optimizerSeconds: times.Optimizer,
            wallSeconds: times.Wall,
            throughput: speed,
            tflops: megatronFlops / times.Step / 1e12,
            modelTflops: modelFlops / times.Step / 1e12,
            peakBytes: peakBytes,
            validLoss: validLoss,
            moeLoss: gradient.RouterLoss);
    }
}
