using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Models;

/// <summary>What a rank holds of each parameter: shapes, its share of a whole tensor, and the whole from all shares.</summary>
public static class ParameterLayout
{
    /// <summary>The shape of a rank's share.</summary>
    public static IReadOnlyList<long> LocalShape(this ParameterInfo info, RankContext ranks) =>
        LocalShape(info, [.. CutsOf(info, ranks).Select(c => (c.Cut, c.Group.Size))]);

    /// <summary>The shape of a share by some cuts, each over so many ranks.</summary>
    public static IReadOnlyList<long> LocalShape(ParameterInfo info, IReadOnlyList<(TensorCut Cut, int Ranks)> cuts)
    {
        var shape = info.Shape.ToArray();
        foreach (var (cut, ranks) in cuts)
            shape[cut.Dim] = cut.Length(ranks);
        return shape;
    }

    /// <summary>Where a parameter is cut, and over which ranks: along one dim, or two (experts and their inside); nowhere where every rank holds it whole.</summary>
    public static IReadOnlyList<(TensorCut Cut, ProcessGroup Group)> CutsOf(ParameterInfo info, RankContext ranks) =>
    [
        .. CutsOf(info, new ModeDegrees(ranks.Mode, ranks.Tensor.Size, ranks.Weight.Size) { Expert = ranks.Expert.Size, EmbedSplitHidden = ranks.EmbedSplitHidden, NoTp = ranks.NoTp })
            .Select(c => (c.Cut, c.Axis switch { "expert" => ranks.Expert, "weight" => ranks.Weight, _ => ranks.Tensor })),
    ];

    /// <summary>Where a parameter is cut at some degrees, and over which axes.</summary>
    public static IReadOnlyList<(TensorCut Cut, string Axis)> CutsOf(ParameterInfo info, ModeDegrees degrees)
    {
        var cuts = new List<(TensorCut, string)>();
        if (degrees.Mode == ParallelMode.Serial)
            return cuts;
        if (info.Kind == ParameterKind.Expert)
        {
            if (degrees.Expert > 1)
                cuts.Add((new TensorCut(0, 1, info.Shape[0], 1), "expert"));
            if (degrees.Mode == ParallelMode.Mtp && !degrees.NoTp && degrees.Tensor > 1)
                cuts.Add((info.Cut!, "tensor"));
        }
        else if (degrees.Mode == ParallelMode.Isp)
        {
            if (degrees.Weight > 1 && OnWeightAxis(info, degrees.Mode))
                cuts.Add((new TensorCut(0, 1, info.Shape[0], 1, Padded: true), "weight"));
        }
        else
        {
            var cut = info.Hidden is { } hidden && degrees.SplitsHidden(info.TiedNames.Count > 0, hidden.Count) ? hidden : info.Cut;
            if (cut is not null && cut.Applies(degrees.Tensor))
                cuts.Add((cut, "tensor"));
        }
        return cuts;
    }

    /// <summary>The ranks over which the gradients of a parameter are still to be added up when a backward pass is over.</summary>
    public static GradientSumAxis ReducedOver(ParameterInfo info, RankContext ranks) => ReducedOver(info, ranks.Mode);

    /// <summary>The same for a mode.</summary>
    public static GradientSumAxis ReducedOver(ParameterInfo info, ParallelMode mode) =>
        mode == ParallelMode.Serial ? GradientSumAxis.Data
        : info.Kind == ParameterKind.Expert ? GradientSumAxis.ExpertData
        : OnWeightAxis(info, mode) ? GradientSumAxis.WeightData
        : GradientSumAxis.Data;

    // A weight that is gathered over the weight axis for use: its gradient is summed there, not over the tensor axis.
    private static bool OnWeightAxis(ParameterInfo info, ParallelMode mode) =>
        mode == ParallelMode.Isp && info.Kind is ParameterKind.Matrix or ParameterKind.Embedding;

    /// <summary>A rank's share of a whole parameter; padding is zero. A new tensor, unless the rank holds all of it.</summary>
    public static Tensor Share(ParameterInfo info, Tensor whole, RankContext ranks)
    {
        var share = whole;
        foreach (var (cut, group) in CutsOf(info, ranks))
        {
            var next = Share(cut, share, group.Size, group.Rank);
            if (!ReferenceEquals(share, whole))
                share.Dispose();
            share = next;
        }
        return share;
    }

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
