namespace Evo.Models;

/// <summary>
/// The ranks that hold the same share of a parameter and gradients of different tokens: over these a sum is due. What ranks of
/// the tensor axis owe one another, the backward pass has added up.
/// </summary>
public enum GradientSumAxis
{
    /// <summary>Ranks at one place of the tensor axis.</summary>
    Data,
    /// <summary>Ranks at one place of the weight axis (isp): the shares lie there, and tokens are spread over tensor and data axes alike.</summary>
    WeightData,
    /// <summary>Ranks that hold the same experts.</summary>
    ExpertData,
}
