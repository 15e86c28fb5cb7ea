using Evo.Torch;

namespace Evo.Models;

/// <summary>What each rank holds of one parameter.</summary>
/// <param name="Parameter">The parameter.</param>
/// <param name="Cut">How it is cut; null where every rank holds all of it.</param>
/// <param name="Axis">Axis of the ranks that share it, or empty.</param>
/// <param name="Ranks">How many they are; 1 where it is not shared.</param>
/// <param name="LocalShape">Shape on each rank, padding included.</param>
/// <param name="Rows">Length of the cut dim that is real on each of those ranks, without padding; empty where nothing is cut.</param>
public sealed record Holding(ParameterInfo Parameter, TensorCut? Cut, string Axis, int Ranks, IReadOnlyList<long> LocalShape, IReadOnlyList<long> Rows)
{
    /// <summary>Numbers on each rank.</summary>
    public long LocalCount => LocalShape.Aggregate(1L, (a, b) => a * b);

    /// <summary>Whether ranks hold different numbers of real rows.</summary>
    public bool IsUneven => Rows.Distinct().Count() > 1;

    /// <summary>Holdings of every parameter of a model.</summary>
    public static IReadOnlyList<Holding> Of(CausalLM spec, Degrees degrees) => [.. spec.Parameters.Select(p => Of(p, degrees))];

    /// <summary>What each rank holds of a parameter.</summary>
    public static Holding Of(ParameterInfo info, Degrees degrees)
    {
        if (Layout.CutOf(info, degrees) is not var (cut, axis))
            return new(info, null, "", 1, info.Shape, []);
        var ranks = degrees.Of(axis);
        var shape = info.Shape.ToArray();
        shape[cut.Dim] = cut.Length(ranks);
        return new(info, cut, axis, ranks, shape, [.. Shards.Sizes(cut.Count, ranks).Select(units => units * cut.Outer * cut.Inner)]);
    }

    /// <summary>"dim 0 in 8 heads of 64 over tensor", or "whole on every rank".</summary>
    public string Describe()
    {
        if (Cut is not { } cut)
            return "whole on every rank";
        var units = cut.Inner == 1 ? $"{cut.Count}" : $"{cut.Count} x {cut.Inner}";
        var blocks = cut.Outer == 1 ? "" : $"{cut.Outer} blocks of ";
        return $"dim {cut.Dim}: {blocks}{units} over {Ranks} of {Axis}{(LocalShape[cut.Dim] * Ranks > Parameter.Shape[cut.Dim] ? ", padded" : "")}";
    }
}
