// Collectives that differentiate: each takes a tensor from one placement to another, and its backward is its dual.
//
// Placements on the group's axis: R replicated, I invariant, S(dim) sharded, P partial. The gradient of R is P, of P is R;
// S and I are their own. So the backward of A→B goes from the gradient of B to the gradient of A.

using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>
/// The steps between placements. The forward calls the group with <c>Site(site, false)</c>, the backward with
/// <c>Site(site, true)</c>, on all ranks alike. In a group of one every step gives <c>x</c> itself.
/// </summary>
/// <remarks>
/// Where <c>sizes</c> (the length of each rank's shard) is left out, shards are those of <see cref="Shards.Sizes"/>:
/// even ones where the length divides. Other shards without their sizes are an exception, never a wrong gradient.
/// </remarks>
public static partial class Collective
{
    /// <summary>I→R: identity; the gradients are summed.</summary>
    public static Tensor Copy(ProcessGroup group, Tensor x, int site) => group.Size == 1 ? x : Step(
        x,
        x => x,
        gradient => group.AllReduce(gradient, ReduceOperation.Sum, new(site, true)));

    /// <summary>P→I: sum; the gradient passes.</summary>
    public static Tensor Reduce(ProcessGroup group, Tensor x, int site) => group.Size == 1 ? x : Step(
        x,
        x => group.AllReduce(x, ReduceOperation.Sum, new(site, false)),
        gradient => gradient);

    /// <summary>P→R: sum; the gradients are summed.</summary>
    public static Tensor ReduceReplicated(ProcessGroup group, Tensor x, int site) => group.Size == 1 ? x : Step(
        x,
        x => group.AllReduce(x, ReduceOperation.Sum, new(site, false)),
        gradient => group.AllReduce(gradient, ReduceOperation.Sum, new(site, true)));

    /// <summary>S→R: the shards one after the other; the gradients are summed and scattered.</summary>
    public static Tensor Gather(ProcessGroup group, Tensor x, int dim, int site, IReadOnlyList<long>? sizes = null)
    {
        if (group.Size == 1)
            return x;
        var cut = new Cut(group, ProcessGroup.Dim(x, dim), sizes);
        return Step(
            x,
            x => cut.Gather(x, new(site, false)),
            gradient => cut.ReduceScatter(gradient, new(site, true)));
    }

    /// <summary>S→I: the shards one after the other; each rank keeps its part of the gradient.</summary>
    public static Tensor GatherInvariant(ProcessGroup group, Tensor x, int dim, int site, IReadOnlyList<long>? sizes = null)
    {
        if (group.Size == 1)
            return x;
        var cut = new Cut(group, ProcessGroup.Dim(x, dim), sizes);
        return Step(x, x => cut.Gather(x, new(site, false)), cut.Own);
    }

    /// <summary>P→S: summed and scattered; the gradients are gathered.</summary>
    public static Tensor ReduceScatter(ProcessGroup group, Tensor x, int dim, int site, IReadOnlyList<long>? sizes = null)
    {
        if (group.Size == 1)
            return x;
        var cut = new Cut(group, ProcessGroup.Dim(x, dim), sizes);
        return Step(
            x,
            x => cut.ReduceScatter(x, new(site, false)),
            gradient => cut.Gather(gradient, new(site, true)));
    }

    /// <summary>I→S: each rank keeps its part; the gradients are gathered.</summary>
    public static Tensor Split(ProcessGroup group, Tensor x, int dim, int site, IReadOnlyList<long>? sizes = null)
    {
        if (group.Size == 1)
            return x;
        var cut = new Cut(group, ProcessGroup.Dim(x, dim), sizes);
        return Step(x, cut.Own, gradient => cut.Gather(gradient, new(site, true)));
    }

    /// <summary>R→S: each rank keeps its part; the gradient is zero elsewhere. Nothing is sent in either direction.</summary>
    public static Tensor SplitReplicated(ProcessGroup group, Tensor x, int dim, int site, IReadOnlyList<long>? sizes = null)
    {
        if (group.Size == 1)
            return x;
        var cut = new Cut(group, ProcessGroup.Dim(x, dim), sizes);
        return Step(x, cut.Own, cut.Pad);
    }

    /// <summary>
    /// S(concatDim)→S(splitDim): all-to-all that shards <paramref name="splitDim"/> and makes
    /// <paramref name="concatDim"/> whole; the backward goes the other way.
    /// </summary>
    public static Tensor Exchange(ProcessGroup group, Tensor x, int splitDim, int concatDim, int site)
    {
        if (group.Size == 1)
            return x;
        int split = ProcessGroup.Dim(x, splitDim), concat = ProcessGroup.Dim(x, concatDim);
        if (split == concat)
            throw new ArgumentException($"site {site}: an exchange splits and concatenates different dimensions; found {split} for both.");
        return Step(
            x,
            x =>
            {
                var y = group.AllToAll(x, split, concat, new(site, false));
                Cut.Check(group, concat, x.shape[concat], Shards.Sizes(y.shape[concat], group.Size), site);
                return y;
            },
            gradient => group.AllToAll(gradient, concat, split, new(site, true)));
    }

    /// <summary>Rows to the ranks that want them, as <see cref="ProcessGroup.AllToAllRows"/>; the gradients go back.</summary>
    public static Tensor ExchangeRows(
        ProcessGroup group, Tensor x, IReadOnlyList<long> sendRows, IReadOnlyList<long> receiveRows, int site) => group.Size == 1 ? x : Step(
            x,
            x => group.AllToAllRows(x, sendRows, receiveRows, new(site, false)),
            gradient => group.AllToAllRows(gradient, receiveRows, sendRows, new(site, true)));

    // No lambda above may name the outer x: one that did would keep the whole tensor until backward.
    private static Tensor Step(Tensor x, Func<Tensor, Tensor> forward, Func<Tensor, Tensor> backward) =>
        x.requires_grad && is_grad_enabled() ? StepFunction.apply(x, forward, backward) : forward(x);

    private sealed class StepFunction : autograd.SingleTensorFunction<StepFunction>
    {
        private Func<Tensor, Tensor>? back;

        public override string Name => nameof(Collective);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            back = (Func<Tensor, Tensor>)vars[2];
            return ((Func<Tensor, Tensor>)vars[1])((Tensor)vars[0]);
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => [back!(grad_output), null!, null!];
    }
}
