namespace Evo.Parallel;

/// <summary>How a run ended.</summary>
public enum RunEnd
{
    /// <summary>All <c>total_steps</c> are done.</summary>
    Completed,

    /// <summary>A stop was asked for; the step under way was finished and saved.</summary>
    Stopped,
}

/// <summary>What a training run leaves behind.</summary>
/// <param name="End">How it ended.</param>
/// <param name="Step">Steps consumed, over all resumptions.</param>
/// <param name="Updates">Successful updates: steps less the skipped ones.</param>
/// <param name="RunFolder">Folder of the run.</param>
/// <param name="Checkpoint">The newest committed checkpoint, if saving is enabled.</param>
/// <param name="FirstValidLoss">Held-out loss before the first step, in nats per token.</param>
/// <param name="LastValidLoss">Held-out loss after the last step.</param>
/// <param name="BigramLoss">Held-out loss of a bigram model counted on the training tokens.</param>
/// <param name="TrigramLoss">Held-out loss of an interpolated trigram model counted on them.</param>
/// <param name="Sample">What the model writes, if a prompt was configured.</param>
public sealed record RunResult(
    RunEnd End,
    long Step,
    long Updates,
    string RunFolder,
    string? Checkpoint,
    double? FirstValidLoss,
    double? LastValidLoss,
    double? BigramLoss,
    double? TrigramLoss,
    string? Sample);
