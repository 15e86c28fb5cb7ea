using Evo.Core;

namespace Evo.Parallel;

/// <summary>
/// What a training run tells whoever watches it, in the order in which it happens. The trainer never writes to a terminal: the
/// command line renders these.
/// </summary>
public abstract record TrainEvent
{
    private TrainEvent()
    {
    }

    /// <summary>A step of the preparation of the data.</summary>
    public sealed record Preparing(PreparationEvent Progress) : TrainEvent;

    /// <summary>The model stands in memory.</summary>
    /// <param name="Family">Name of the model family, for instance <c>INTERNLM2</c>.</param>
    /// <param name="Parameters">Number of trained numbers; tied weights count once.</param>
    /// <param name="Dtype">Dtype of the compute weights, for instance <c>bfloat16</c>.</param>
    public sealed record ModelBuilt(string Family, long Parameters, string Dtype) : TrainEvent;

    /// <summary>What each layer keeps, where that was left to the memory.</summary>
    public sealed record RecomputeChosen(RecomputePlan Plan) : TrainEvent;

    /// <summary>The training data is open.</summary>
    /// <param name="Folder">The training folder.</param>
    /// <param name="Tokens">Tokens in it.</param>
    /// <param name="Rows">Packed rows of seq_len × micro_bsz tokens in one epoch; 0 where nobody knows before they are read.</param>
    /// <param name="StepsPerEpoch">Optimizer steps after which the data repeats.</param>
    /// <param name="ValidRows">Held-out rows that each validation reads; 0 without validation.</param>
    /// <param name="Padding">The part of the training rows that is padding.</param>
    public sealed record DataOpened(string Folder, long Tokens, long Rows, long StepsPerEpoch, long ValidRows, double Padding) : TrainEvent;

    /// <summary>The run continues from a checkpoint.</summary>
    public sealed record Resumed(long Step, string Folder) : TrainEvent;

    /// <summary>A checkpoint folder that looks committed was not taken, and why.</summary>
    public sealed record CheckpointRefused(string Folder, string Reason) : TrainEvent;

    /// <summary>One optimizer step is done; the same figures stand in <c>metrics.jsonl</c>.</summary>
    public sealed record StepDone(StepReport Report) : TrainEvent;

    /// <summary>What ranks hold after their first step, by kind, beside what was predicted.</summary>
    /// <param name="Step">The step.</param>
    /// <param name="First">The first rank's tensors.</param>
    /// <param name="Largest">Of each kind the most that any rank holds.</param>
    /// <param name="Predicted">The first rank's, by formulas.</param>
    /// <param name="Ranks">How many ranks there are.</param>
    public sealed record MemoryMeasured(long Step, RankMemory First, RankMemory Largest, RankMemory Predicted, int Ranks) : TrainEvent;

    /// <summary>The first rank's memory over the time of a step, where it was asked for.</summary>
    public sealed record MemoryProfiled(MemoryTimeline Timeline) : TrainEvent;

    /// <summary>When the ranks of the first rank's pipeline did what in a step, where it was asked for.</summary>
    public sealed record PipelineMeasured(MeasuredPipeline Pipeline) : TrainEvent;

    /// <summary>What the first rank's operators did when in a step, where it was asked for.</summary>
    public sealed record StepProfiled(StepProfile Profile) : TrainEvent;

    /// <summary>A step was consumed without an update, because its gradient (or loss) was not finite.</summary>
    /// <param name="Step">The step.</param>
    /// <param name="Parameter">First parameter, in data flow order, with such a gradient; <c>loss</c> if the loss itself was bad.</param>
    /// <param name="Found">What was found: <c>nan</c> or <c>inf</c>.</param>
    /// <param name="SkippedSoFar">Skipped steps of the run including this one.</param>
    public sealed record StepSkipped(long Step, string Parameter, string Found, long SkippedSoFar) : TrainEvent;

    /// <summary>Mean loss over the held-out rows.</summary>
    /// <param name="Step">Steps done before it; 0 is the model as initialized.</param>
    /// <param name="Loss">Nats per token.</param>
    /// <param name="Tokens">Predicted tokens that the mean is over.</param>
    /// <param name="Seconds">Time it took.</param>
    public sealed record Validated(long Step, double Loss, long Tokens, double Seconds) : TrainEvent;

    /// <summary>A checkpoint is committed: it survives anything that happens from now on.</summary>
    public sealed record CheckpointSaved(long Step, string Folder, long Bytes, double Seconds) : TrainEvent;

    /// <summary>Held-out losses of n-gram models counted on the training tokens, in nats per token.</summary>
    public sealed record Baselines(double Bigram, double Trigram) : TrainEvent;

    /// <summary>A piece of what the trained model writes.</summary>
    public sealed record Sample(string Prompt, string Text) : TrainEvent;

    /// <summary>A stop was asked for: the step under way has ended and the run is being saved.</summary>
    public sealed record Stopping(long Step) : TrainEvent;

    /// <summary>Something that a person should know and that does not stop the run.</summary>
    public sealed record Warning(string Message) : TrainEvent;
}
