using Evo.Torch;

namespace Evo.Models;

/// <summary>What each rank holds of one parameter.</summary>
/// <param name="Parameter">The parameter.</param>
/// <param name="Cuts">How it is cut, over which axes and how many ranks; none where every rank holds all of it.</param>
/// <param name="LocalShape">Shape on each rank, padding included.</param>
/// <param name="Rows">Length of the first cut's dim that is real on each of its ranks, without padding; empty where nothing is cut.</param>
public sealed record Holding(ParameterInfo Parameter, IReadOnlyList<(TensorCut Cut, string Axis, int Ranks)> Cuts, IReadOnlyList<long> LocalShape, IReadOnlyList<long> Rows)
{
    /// <summary>Whether every rank holds all of it.</summary>
    public bool IsWhole => Cuts.Count == 0;

    /// <summary>Axes of the ranks that share it: "tensor", "expert, tensor", or empty.</summary>
    public string Axis => string.Join(", ", Cuts.Select(c => c.Axis));

    /// <summary>How many ranks share it; 1 where it is not shared.</summary>
    public int Ranks => Cuts.Aggregate(1, (all, c) => all * c.Ranks);

    /// <summary>Numbers on each rank.</summary>
    public long LocalCount => LocalShape.Aggregate(1L, (a, b) => a * b);

    /// <summary>Whether ranks hold different numbers of real rows.</summary>
    public bool IsUneven => Rows.Distinct().Count() > 1;

    /// <summary>Holdings of every parameter of a model.</summary>
    public static IReadOnlyList<Holding> Of(CausalLM spec, ModeDegrees degrees) => [.. spec.Parameters.Select(p => Of(p, degrees))];

    /// <summary>What each rank holds of a parameter.</summary>
    public static Holding Of(ParameterInfo info, ModeDegrees degrees)
    {
        var cuts = ParameterLayout.CutsOf(info, degrees).Select(c => (c.Cut, c.Axis, Ranks: degrees.Of(c.Axis))).ToList();
        var rows = cuts.Take(1).SelectMany(c => Shards.Sizes(c.Cut.Count, c.Ranks).Select(units => units * c.Cut.Outer * c.Cut.Inner));
        return new(info, cuts, ParameterLayout.LocalShape(info, [.. cuts.Select(c => (c.Cut, c.Ranks))]), [.. rows]);
    }

    /// <summary>"dim 0 in 8 heads of 64 over tensor", or "whole on every rank".</summary>
    public string Describe() => IsWhole ? "whole on every rank" : string.Join("; ", Cuts.Select(c => Describe(c.Cut, c.Axis, c.Ranks)));

    private string Describe(TensorCut cut, string axis, int ranks)
    {
        var units = cut.Inner == 1 ? $"{cut.Count}" : $"{cut.Count} x {cut.Inner}";
        var blocks = cut.Outer == 1 ? "" : $"{cut.Outer} blocks of ";
        return $"dim {cut.Dim}: {blocks}{units} over {ranks} of {axis}{(LocalShape[cut.Dim] * ranks > Parameter.Shape[cut.Dim] ? ", padded" : "")}";
    }
}
