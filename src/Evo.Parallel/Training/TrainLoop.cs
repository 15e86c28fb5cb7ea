using System.Diagnostics;
using Evo.Core;
using Evo.Torch;

namespace Evo.Parallel;

/// <summary>The steps of a run, one after the other, from where its state stands to the last one or to a stop.</summary>
/// <remarks>All ranks run it alike; the first one tells and writes.</remarks>
internal sealed class TrainLoop(
    RunConfig config,
    RankModel model,
    RankWorld world,
    TrainingData data,
    RunSaves? saves,
    StopFile? stopFile,
    StepRecords? records,
    StepReports reports,
    MemoryWatch memory,
    PipelineWatch pipeline,
    ProfileWatch profile,
    Action<TrainEvent> tell)
{
    private readonly LearningRate learningRate = LearningRate.Of(config);
    private readonly Beta2 beta2 = Beta2.Of(config);
    private readonly SkippedBatches skipped = SkippedBatches.TryParse(config.Data.SkipBatches)?.Value
        ?? throw new ArgumentException($"data.skip_batches = \"{config.Data.SkipBatches}\": is no list of batches", nameof(config));
    private readonly LossOptions loss = new(config.Loss.LabelSmoothing, new(config.Loss.MoeLossCoeff, config.Loss.MoeZLossCoeff), data.Types.Count, config.Loss.ZLossCoeff);
    private readonly RandomKey random = RandomKey.Of((ulong)config.Seed, "random choices");
    private readonly long began = Stopwatch.GetTimestamp();
    private double secondsBefore;

    /// <summary>The newest committed checkpoint.</summary>
    internal string? Newest => saves?.Newest;

    /// <summary>Runs until all steps are done or <paramref name="stop"/> asks for the end; the state is saved in both cases.</summary>
    /// <exception cref="TrainingException">Too many steps in a row had a gradient that is not finite.</exception>
    /// <exception cref="CheckpointException">A checkpoint could not be written.</exception>
    internal (TrainState State, RunEnd End) Run(TrainState state, string? resumedFrom, CancellationToken stop)
    {
        secondsBefore = state.Seconds;
        saves?.Begin(state, resumedFrom);
        var total = config.Data.TotalSteps;
        using var source = new BatchSource(data.Batch, Steps(state.Step, total));
        try
        {
            while (state.Step < total && !Stops(state, stop))
            {
                state = skipped.Contains(state.Step) ? state with { Step = state.Step + 1 } : Step(state, source);
            }
        }
        catch (TrainingException)
        {
            // It is every rank's, and what was to be saved before it stands.
            saves?.Finish();
            throw;
        }

        pipeline.Tell(tell);
        var end = state.Step < total ? RunEnd.Stopped : RunEnd.Completed;
        if (end == RunEnd.Completed)
        {
            state = ValidateAtEnd(state);
        }
        else
        {
            tell(new TrainEvent.Stopping(state.Step));
        }

        saves?.AtEnd(model, state);
        return (state, end);
    }

    // What ranks ask each other between two steps, and the saves that are due there.
    private bool Stops(TrainState state, CancellationToken stop)
    {
        var asked = stopFile?.After(state.Step) ?? default;
        var counts = model.Count(stop.IsCancellationRequested || asked.Stop, asked.Save, saves?.IsWriting ?? false);
        if (counts[2] == 0)
        {
            saves?.Finish();
        }

        saves?.AfterStep(model, state, counts[1] > 0);
        return counts[0] > 0;
    }

    private IEnumerable<long> Steps(long first, long total)
    {
        for (var step = first; step < total; step++)
        {
            if (!skipped.Contains(step))
            {
                yield return step;
            }
        }
    }

    private TrainState Step(TrainState state, BatchSource source)
    {
        var started = Stopwatch.GetTimestamp();
        world.AtStep(state.Step + 1);
        var left = config.Data.TotalSteps - state.Step;
        using var watched = memory.Begin(left);
        var measured = pipeline.Begin(left);
        using var recorded = profile.Begin(left);
        var (batch, wait) = source.Take(state.Step);
        var figures = model.Gradients(batch, loss, random.At(state.Step), measured);
        var turned = Stopwatch.GetTimestamp();
        var rates = new AdamRates(
            learningRate.At(state.Updates), config.Adam.AdamBeta1, beta2.At(state.Updates), config.Adam.AdamEps, config.Adam.WeightDecay);
        using var initial = state.Updates == 0 && data.ValidRowCount > 0 && state.FirstValidLoss is null ? new WeightsBefore(model.Optimizer) : null;
        if (!model.Update(rates, state.Updates + 1, figures, config.HybridZeroOptimizer.ClipGradNorm))
        {
            return Skip(state, figures.Loss);
        }

        var times = new StepTimes(
            Stopwatch.GetElapsedTime(started).TotalSeconds, wait, figures.Passes.Seconds, figures.Passes.BackwardSeconds,
            Stopwatch.GetElapsedTime(turned).TotalSeconds - figures.ReadSeconds + figures.ReduceSeconds, Stopwatch.GetElapsedTime(began).TotalSeconds);
        recorded?.Tell(state.Step + 1, tell);
        state = state with
        {
            Step = state.Step + 1,
            Updates = state.Updates + 1,
            SkippedInARow = 0,
            ConsumedTokens = state.ConsumedTokens + figures.Batch.Tokens,
            Seconds = secondsBefore + times.Wall,
        };
        var report = reports.Next(state, batch.Count, figures, rates, times, saves?.TakeBlockedSeconds() ?? 0, watched.Peak, data);
        tell(new TrainEvent.StepDone(report(null)));
        watched.Tell(state.Step, figures, turned, tell);
        if (measured)
        {
            pipeline.Measured(state.Step, figures.Passes, batch.Count, tell);
        }

        if (initial is not null)
        {
            state = initial.While(() => state with { FirstValidLoss = Validate(0).Whole.Mean });
        }

        var every = config.Data.ValidEvery;
        var valid = every > 0 && data.ValidRowCount > 0 && state.Updates % every == 0 ? Validate(state.Step) : null;
        records?.Append(report(valid));
        return valid is null ? state : state with { LastValidLoss = valid.Whole.Mean, LastValidStep = state.Step };
    }

    private TrainState Skip(TrainState state, double loss)
    {
        var (parameter, found) = model.Optimizer.FirstNonFinite()
            ?? ("loss", double.IsNaN(loss) ? "nan" : double.IsInfinity(loss) ? "inf" : "a gradient whose norm overflows");
        state = state with { Step = state.Step + 1, Skipped = state.Skipped + 1, SkippedInARow = state.SkippedInARow + 1 };
        tell(new TrainEvent.StepSkipped(state.Step, parameter, found, state.Skipped));
        return state.SkippedInARow < config.Train.MaxSkippedSteps
            ? state
            : throw new TrainingException(
                $"step {state.Step}: {state.SkippedInARow} steps in a row had a gradient that is not finite (the last: {parameter} holds {found}); train.max_skipped_steps = {config.Train.MaxSkippedSteps} allows no more. Resume from an older checkpoint with a smaller adam.lr, or look at the data of these steps.",
                diverged: true);
    }

    private Evaluation Validate(long step)
    {
        var clock = Stopwatch.GetTimestamp();
        var found = model.Evaluate(data.OwnValidRows(), data.ValidTypes.Count);
        tell(new TrainEvent.Validated(step, found.Whole.Mean, found.Whole.Targets, Stopwatch.GetElapsedTime(clock).TotalSeconds));
        return found;
    }

    private TrainState ValidateAtEnd(TrainState state) => data.ValidRowCount == 0 || state.LastValidStep == state.Step
        ? state
        : state with { LastValidLoss = Validate(state.Step).Whole.Mean, LastValidStep = state.Step };
}
