using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Models;

/// <summary>What a rank holds of each parameter: shapes, its share of a whole tensor, and the whole from all shares.</summary>
public static class Layout
{
    /// <summary>The shape of a rank's share.</summary>
    public static IReadOnlyList<long> LocalShape(this ParameterInfo info, RankContext ranks)
    {
        if (CutOf(info, ranks) is not var (cut, group))
            return info.Shape;
        var shape = info.Shape.ToArray();
        shape[cut.Dim] = cut.Length(group.Size);
        return shape;
    }

    /// <summary>
    /// Where a parameter is cut, and over which ranks; null where every rank holds it whole.
    /// </summary>
    public static (TensorCut Cut, ProcessGroup Group)? CutOf(ParameterInfo info, RankContext ranks) =>
        CutOf(info, new Degrees(ranks.Mode, ranks.Tensor.Size, ranks.Weight.Size) { Expert = ranks.Expert.Size, EmbedSplitHidden = ranks.EmbedSplitHidden }) is var (cut, axis)
            ? (cut, axis switch { "expert" => ranks.Expert, "weight" => ranks.Weight, _ => ranks.Tensor })
            : null;

    /// <summary>Where a parameter is cut at some degrees, and over which axis; null where every rank holds it whole.</summary>
    public static (TensorCut Cut, string Axis)? CutOf(ParameterInfo info, Degrees degrees)
    {
        switch (degrees.Mode)
        {
            case ParallelMode.Serial:
                return null;
            case not ParallelMode.Mtp when info.Spread:
                return degrees.Expert > 1 ? (new TensorCut(0, 1, info.Shape[0], 1), "expert") : null;
            case ParallelMode.Isp:
                return degrees.Weight > 1 && OnWeightAxis(info, degrees.Mode) ? (new TensorCut(0, 1, info.Shape[0], 1, Padded: true), "weight") : null;
            default:
                var cut = info.Hidden is { } hidden && degrees.SplitsHidden(info.TiedNames.Count > 0, hidden.Count) ? hidden : info.Cut;
                return cut is not null && cut.Applies(degrees.Tensor) ? (cut, "tensor") : null;
        }
    }

    /// <summary>Whether a parameter is gathered over the weight axis for use: then its gradient is summed there, not over the tensor axis.</summary>
    public static bool OnWeightAxis(ParameterInfo info, RankContext ranks) => OnWeightAxis(info, ranks.Mode);

    private static bool OnWeightAxis(ParameterInfo info, ParallelMode mode) =>
        mode == ParallelMode.Isp && !info.Spread
        && info.Kind is ParameterKind.Matrix or ParameterKind.Embedding or ParameterKind.Expert;

    /// <summary>A rank's share of a whole parameter; padding is zero. A new tensor, unless the rank holds all of it.</summary>
    public static Tensor Share(ParameterInfo info, Tensor whole, RankContext ranks) =>
        CutOf(info, ranks) is var (cut, group) ? Share(cut, whole, group.Size, group.Rank) : whole;

    /// <summary>One rank's share of a whole tensor by a cut.</summary>
    public static Tensor Share(TensorCut cut, Tensor whole, int ranks, int rank)
    {
        using var scope = NewDisposeScope();
        var blocks = whole.unflatten(cut.Dim, cut.Outer, cut.Count, cut.Inner);
        var (start, length) = Shards.Of(cut.Count, ranks, rank);
        var own = blocks.narrow(cut.Dim + 1, start, length);
        var missing = cut.Length(ranks) / (cut.Outer * cut.Inner) - length;
        if (missing > 0)
        {
            var padding = own.shape;
            padding[cut.Dim + 1] = missing;
            own = cat([own, zeros(padding, whole.dtype, whole.device)], cut.Dim + 1);
        }
        return own.flatten(cut.Dim, cut.Dim + 2).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>The whole tensor from the shares of all ranks, in their order; padding goes.</summary>
    public static Tensor Whole(TensorCut cut, IReadOnlyList<Tensor> shares)
    {
        using var scope = NewDisposeScope();
        var units = shares.Select((share, rank) =>
        {
            var held = share.shape[cut.Dim] / (cut.Outer * cut.Inner);
            return share.unflatten(cut.Dim, cut.Outer, held, cut.Inner).narrow(cut.Dim + 1, 0, Shards.Of(cut.Count, shares.Count, rank).Length);
        });
        return cat([.. units], cut.Dim + 1).flatten(cut.Dim, cut.Dim + 2).contiguous().MoveToOuterDisposeScope();
    }
}
