// The steps between placements that send nothing and change what the local values stand for.
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

public static partial class Collective
{
    /// <summary>R→I: what all ranks hold alike is one computation from here on; the first rank's use takes the gradient.</summary>
    public static Tensor Settle(ProcessGroup group, Tensor x, int site) =>
        group.Size == 1 ? x : Step(x, t => t.alias(), gradient => OfFirst(group, gradient));

    /// <summary>I→P: the first rank keeps the value, the others hold zeros; every rank gets the gradient.</summary>
    public static Tensor KeepInvariant(ProcessGroup group, Tensor x, int site) =>
        group.Size == 1 ? x : Step(x, t => OfFirst(group, t), gradient => gradient.alias());

    /// <summary>R→P: the first rank keeps the value, the others hold zeros; so it is with the gradient.</summary>
    public static Tensor Keep(ProcessGroup group, Tensor x, int site) =>
        group.Size == 1 ? x : Step(x, t => OfFirst(group, t), gradient => OfFirst(group, gradient));

    /// <summary>S→P: each rank puts its part where it belongs among zeros; the gradient is its part of what arrives.</summary>
    public static Tensor Pad(ProcessGroup group, Tensor x, int dim, long length, int site)
    {
        if (group.Size == 1)
            return x;
        var along = ProcessGroup.Dim(x, dim);
        var cut = new Cut(group, along, Shards.Sizes(length, group.Size));
        return Step(x, cut.Pad, cut.Own);
    }

    private static Tensor OfFirst(ProcessGroup group, Tensor x) => group.Rank == 0 ? x.alias() : zeros_like(x);
}
