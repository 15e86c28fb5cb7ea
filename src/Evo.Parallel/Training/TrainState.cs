using Evo.Data;

namespace Evo.Parallel;

/// <summary>Everything that a run remembers from step to step beside its weights and moments.</summary>
public sealed record TrainState
{
    /// <summary>Steps consumed: the number of the next step. The data order is a function of it.</summary>
    public long Step { get; init; }

    /// <summary>Successful updates. The learning rate and beta2 are functions of it.</summary>
    public long Updates { get; init; }

    /// <summary>Steps consumed without an update because the gradient was not finite.</summary>
    public long Skipped { get; init; }

    /// <summary>Skipped steps since the last update.</summary>
    public long SkippedInARow { get; init; }

    /// <summary>Tokens of the successful updates, ignored labels included (InternEvo's <c>num_consumed_tokens</c>).</summary>
    public long ConsumedTokens { get; init; }

    /// <summary>Where the rows of the next step stand, of data that is streamed; other data needs no more than <see cref="Step"/>.</summary>
    public StreamCursor? DataCursor { get; init; }

    /// <summary>Held-out loss before the first step, in nats per token.</summary>
    public double? FirstValidLoss { get; init; }

    /// <summary>Newest held-out loss.</summary>
    public double? LastValidLoss { get; init; }

    /// <summary>The step that it was measured after.</summary>
    public long LastValidStep { get; init; } = -1;

    /// <summary>Seconds that the run has spent in its training loop, over all resumptions.</summary>
    public double Seconds { get; init; }

    /// <summary>The dynamic scale of the loss and its counters; null where there is none.</summary>
    public LossScaleState? LossScale { get; init; }
}
