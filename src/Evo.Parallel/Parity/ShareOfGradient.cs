using Evo.Models;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>One rank's share of a parameter's gradient.</summary>
/// <param name="Info">The parameter.</param>
/// <param name="Cuts">How it is cut, and over how many ranks.</param>
/// <param name="Place">The rank's place: that in the first cut's group, times the ranks of the next, and so on.</param>
/// <param name="Gradient">Its numbers.</param>
/// <param name="Shape">Its shape.</param>
internal sealed record ShareOfGradient(ParameterInfo Info, IReadOnlyList<(TensorCut Cut, int Ranks)> Cuts, int Place, double[] Gradient, long[] Shape)
{
    /// <summary>The share of a parameter after a backward pass; zeros where it has no gradient.</summary>
    public static ShareOfGradient Of(ModuleParameter parameter, RankContext ranks)
    {
        var cuts = ParameterLayout.CutsOf(parameter.Info, ranks);
        var gradient = parameter.Value.grad is { } g ? g : zeros_like(parameter.Value);
        return new(
            parameter.Info, [.. cuts.Select(c => (c.Cut, c.Group.Size))], cuts.Aggregate(0, (place, c) => (place * c.Group.Size) + c.Group.Rank),
            gradient.contiguous().data<double>().ToArray(), parameter.Value.shape);
    }

    /// <summary>The whole gradient from the shares of all places, in their order.</summary>
    public static double[] Whole(IReadOnlyList<ShareOfGradient> shares)
    {
        using var scope = NewDisposeScope();
        IReadOnlyList<Tensor> parts = [.. shares.Select(s => tensor(s.Gradient).view(s.Shape))];
        foreach (var (cut, ranks) in shares[0].Cuts.Reverse())
        {
            parts = [.. parts.Chunk(ranks).Select(together => ParameterLayout.Whole(cut, together))];
        }

        return parts.Single().contiguous().data<double>().ToArray();
    }
}
