namespace Evo.Parallel;

/// <summary>When weights that are spread over ranks (isp) are gathered. No choice changes a number.</summary>
/// <param name="Overlap">Whether they are gathered, and their gradients summed, while others are in use.</param>
/// <param name="Ahead">Blocks gathered ahead of the one that computes; nothing without overlap.</param>
public sealed record WeightGathering(bool Overlap = true, int Ahead = 1);
