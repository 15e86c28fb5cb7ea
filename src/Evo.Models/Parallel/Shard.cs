using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Models;

/// <summary>
/// What emitted forwards call beside operators and collectives. Every method is for any number of ranks, one included.
/// </summary>
public static class Shard
{
    /// <summary>How many of a size's units a rank has; one where there are fewer units than ranks.</summary>
    public static long Of(long size, int ranks) => Math.Max(1, size / ranks);

    /// <summary>Rotary positions of heads [B, T, H, D] at the places of their tokens.</summary>
    public static Tensor Rotate(Tensor x_BTHD, Positions at, RotaryTable table)
    {
        var (cos_BTD, sin_BTD) = at.Rotary(table, x_BTHD.dtype);
        return Ops.Rope(x_BTHD, cos_BTD, sin_BTD);
    }

    /// <summary>
    /// Queries, keys and values out of one product [B, T, (heads + 2 kvHeads) size], queries and keys turned at the places of their
    /// tokens where there is a table: <see cref="Ops.HeadsApart"/>.
    /// </summary>
    public static Tensor[] HeadsApart(
        Tensor x, long heads, long kvHeads, long size, bool grouped, Positions? at = null, RotaryTable? table = null)
    {
        if (x.shape[2] != (heads + 2 * kvHeads) * size)
            throw new ArgumentException($"{x.shape[2]} outputs are not {heads} query heads and {kvHeads} key-value heads of {size}.");
        if (at is null || table is null)
            return Ops.HeadsApart(x, heads, kvHeads, grouped);
        var (cos_BTD, sin_BTD) = at.Rotary(table, x.dtype);
        return Ops.HeadsApart(x, heads, kvHeads, grouped, cos_BTD, sin_BTD);
    }

    /// <summary>A sum and a bias, where there is one.</summary>
    public static Tensor Add(Tensor x, Tensor? bias) => bias is null ? x : x + bias;

    /// <summary>A bias copied for use on shares (I → R; backward: all-reduce), where there is one.</summary>
    public static Tensor? Copy(ProcessGroup group, Tensor? bias, int site) => bias is null ? null : Collective.Copy(group, bias, site);

    /// <summary>A whole weight from its padded shares of rows (S(0) → R; backward: reduce-scatter).</summary>
    public static Tensor Gather(ProcessGroup group, Tensor share, long rows, int site)
    {
        if (group.Size == 1)
            return share;
        var all = group is IGathersWeights weights ? weights.Gather(share, site) : Collective.Gather(group, share, 0, site);
        return all.shape[0] == rows ? all : all.narrow(0, 0, rows);
    }

    /// <summary>
    /// The rows of this rank's heads: the share itself where each rank has heads of its own; where there are fewer heads
    /// than ranks, its head of the whole weight, which all ranks hold (I → R; backward: all-reduce).
    /// </summary>
    [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(weight))]
    public static Tensor? Heads(ProcessGroup group, Tensor? weight, long heads, int site)
    {
        if (weight is null || group.Size == 1 || heads % group.Size == 0)
            return weight;
        var rows = weight.shape[0] / heads;
        return Collective.Copy(group, weight, site).narrow(0, group.Rank * heads / group.Size * rows, rows);
    }

    /// <summary>Each head as often as ranks share it, where there are fewer heads than ranks: [B, T, K, D] → [B, T, ranks, D].</summary>
    public static Tensor Repeat(Tensor x_BTKD, long heads, int ranks) =>
        heads % ranks == 0 ? x_BTKD : x_BTKD.repeat_interleave(ranks / heads, 2);

    /// <summary>This rank's share of a tensor that all hold and nobody differentiates.</summary>
    public static Tensor Own(ProcessGroup group, Tensor x, int dim)
    {
        var (start, length) = Shards.Of(x.shape[dim], group.Size, group.Rank);
        return x.narrow(dim, start, length);
    }

    /// <summary>A loss, its right guesses and its z-loss as one tensor [3] of the loss's type, to be summed over ranks in one message.</summary>
    public static Tensor Figures(Tensor lossSum, Tensor right, Tensor zSum) => stack([lossSum, right.to_type(lossSum.dtype), zSum]);

    /// <summary>
    /// The loss over all ranks of summed <see cref="Figures"/>, the labels that count, the right guesses among them, and what part of the
    /// loss is z-loss.
    /// </summary>
    /// <param name="figures">[3]</param>
    /// <param name="labels">Those of all ranks, the same on each.</param>
    public static (Tensor lossSum, Tensor count, Tensor right, Tensor zSum) Loss(Tensor figures, Tensor labels)
    {
        using var counted = labels.ne(Ops.IgnoredLabel);
        return (figures[0], counted.sum(), figures[1].detach().to_type(ScalarType.Int64), figures[2].detach());
    }
}
