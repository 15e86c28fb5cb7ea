using Evo.Core;
using Evo.Models;

namespace Evo.Parallel;

/// <summary>One parameter of a rank as its optimizer sees it.</summary>
/// <param name="Name">Its logical name.</param>
/// <param name="Shape">Shape of this rank's share.</param>
/// <param name="Block">The block of the module that it belongs to.</param>
/// <param name="Decays">Whether weight decay applies to it.</param>
public sealed record ShardedParameter(string Name, IReadOnlyList<long> Shape, int Block, bool Decays)
{
    /// <summary>The ranks over which its gradient is summed.</summary>
    public ReductionClass Class { get; init; } = ReductionClass.Data;

    /// <summary>Whether this rank counts its elements in the global norm: true on one of the ranks that hold the same elements.</summary>
    public bool Counts { get; init; } = true;

    /// <summary>A later block of this rank that reads it, too: the exit for a tied table; null for none.</summary>
    public int? UsedAlsoBy { get; init; }

    /// <summary>
    /// Whether its gradient is whole only when that of another stage has been added (<see cref="ShardedOptimizer.AddToGradient"/>):
    /// it is then not reduced before <see cref="ShardedOptimizer.Finish"/>.
    /// </summary>
    public bool WaitsForStage { get; init; }

    /// <summary>Elements of this rank's share.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>
    /// The parameters of a whole model on one rank, in the order of the data flow. What stands before the layers is block 0,
    /// each layer a block, and what follows them the last one.
    /// </summary>
    /// <param name="spec">The model.</param>
    /// <param name="decayAll">Whether norms and biases decay too.</param>
    public static IReadOnlyList<ShardedParameter> Of(CausalLM spec, bool decayAll)
    {
        var parameters = new List<ShardedParameter>();
        var outside = 0;
        foreach (var info in spec.Parameters)
        {
            outside = info.Layer is { } layer ? layer + 2 : outside;
            parameters.Add(new(info.Name, info.Shape, info.Layer + 1 ?? outside, decayAll || info.Decays));
        }

        return parameters;
    }

    internal FlatParameter Plain => new(Name, Block, Count, Decays, Shape.Count, Class, Counts);
}
