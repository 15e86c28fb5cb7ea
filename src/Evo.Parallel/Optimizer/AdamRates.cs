namespace Evo.Parallel;

/// <summary>The figures of one AdamW update.</summary>
/// <param name="LearningRate">Step size.</param>
/// <param name="Beta1">Decay of the running mean of gradients.</param>
/// <param name="Beta2">Decay of the running mean of squared gradients.</param>
/// <param name="Epsilon">Added to the root of the running mean of squares.</param>
/// <param name="WeightDecay">Decoupled decay: a decaying weight is multiplied by 1 − LearningRate × WeightDecay.</param>
public readonly record struct AdamRates(double LearningRate, double Beta1, double Beta2, double Epsilon, double WeightDecay);
