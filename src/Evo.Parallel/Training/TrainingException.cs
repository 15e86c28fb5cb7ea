namespace Evo.Parallel;

/// <summary>Training cannot go on: the gradient stayed infinite or not a number, or configuration, device and tokenizer do not fit each other.</summary>
/// <param name="message">Where, found, rule, next step.</param>
/// <param name="diverged">Whether it is the gradient.</param>
public sealed class TrainingException(string message, bool diverged = false) : Exception(message)
{
    /// <summary>True when too many steps in a row had a gradient that is not finite.</summary>
    public bool Diverged { get; } = diverged;
}
