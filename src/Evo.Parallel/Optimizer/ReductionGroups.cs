using Evo.Core;
using Evo.Torch;

namespace Evo.Parallel;

/// <summary>The ranks that hold the same parameters of one reduction class, and over which their gradients are summed.</summary>
/// <param name="Zero">Ranks that share the optimizer's state: each owns a part of every bucket.</param>
/// <param name="Replica">Ranks that own the same part; one of each zero group.</param>
/// <param name="Whole">
/// All of them in one group, for <see cref="GradientReduction.AllReduce"/>; without it that sums over
/// <paramref name="Zero"/>, then over <paramref name="Replica"/>.
/// </param>
public sealed record ReductionGroups(ProcessGroup Zero, ProcessGroup Replica, ProcessGroup? Whole = null)
{
    /// <summary>This rank alone.</summary>
    public static ReductionGroups Alone { get; } = new(new GroupOfOne("zero"), new GroupOfOne("replica"));
}

/// <summary>The places of the optimizer's collectives, which recorders and mutants know them by; emitted ones have numbers from 0.</summary>
public static class OptimizerSites
{
    /// <summary>Gradients to their owners, over the zero group (or all ranks at once).</summary>
    public const int Reduce = -11;

    /// <summary>Gradients over the ranks that own the same part.</summary>
    public const int ReduceReplicas = -12;

    /// <summary>Updated weights from their owners.</summary>
    public const int Gather = -13;

    /// <summary>The weights of a fully sharded block before it is used.</summary>
    public const int GatherBlock = -14;

    /// <summary>State gathered to be written or looked at.</summary>
    public const int ReadWhole = -15;
}
