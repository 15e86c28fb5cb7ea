namespace Evo.Parallel;

/// <summary>What a dynamic loss scale remembers; its rules are the configuration's.</summary>
/// <param name="Scale">What the loss is multiplied by.</param>
/// <param name="GoodSteps">Good steps since the last overflow or growth.</param>
/// <param name="Overflows">Overflows since the last growth.</param>
public sealed record LossScaleState(double Scale, long GoodSteps, long Overflows);
