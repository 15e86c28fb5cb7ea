// Rows of tokens in the order of their experts: steps 2 to 4 of a mixture of experts, each with its plain form, in TorchSharp calls and
// nothing else. Ops.Native.Experts.cs fills the partial methods with kernels of our own.
//
// Shapes: N tokens, K choices of a token, E experts, M choices that were kept, C channels, F width inside of an expert.
// A pair is a token's choice; pair n * K + k is choice k of token n.

using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>The pairs in the order of their experts, and within an expert in the order of the tokens.</summary>
/// <param name="Pairs">[N * K] int64: the pair at each place; those that were dropped stand at the end.</param>
/// <param name="Places">[N * K] int64: the place of each pair, the inverse of <paramref name="Pairs"/>.</param>
/// <param name="Counts">[E]: places of each expert; their sum is M, N * K where nothing was dropped.</param>
public sealed record ExpertOrder(Tensor Pairs, Tensor Places, long[] Counts)
{
    /// <summary>M: the pairs that an expert computes.</summary>
    public long Kept => Counts.Sum();
}

public static partial class Ops
{
    /// <summary>Step 2a: sorts the pairs by expert. Not differentiable; reads the counts back from the device.</summary>
    /// <param name="experts">[N, K] int64, E where a choice was dropped.</param>
    /// <param name="count">E</param>
    public static ExpertOrder OrderByExpert(Tensor experts, long count)
    {
        ExpertOrder? fast = null;
        NativeOrderByExpert(experts, count, ref fast);
        return fast ?? PlainOrderByExpert(experts, count);
    }

    /// <summary>
    /// Step 2b: the rows of the tokens in the order of the experts. Differentiable in <paramref name="x"/>: a token's gradient is the
    /// sum of those of its places, choices in order.
    /// </summary>
    /// <param name="x">[N, C]</param>
    /// <param name="order">Of the pairs.</param>
    /// <param name="topK">K</param>
    /// <returns>[M, C]</returns>
    public static Tensor PermuteToExperts(Tensor x, ExpertOrder order, int topK)
    {
        Tensor? fast = null;
        NativePermuteToExperts(x, order, topK, ref fast);
        return fast ?? PlainPermuteToExperts(x, order, topK);
    }

    /// <summary>
    /// Each expert's linear map over its own rows: <c>x · weight[e]ᵀ</c>; with a second weight that map's results stand behind those of
    /// the first in each row. Differentiable in the rows and the weights; an expert without rows has a gradient of zeros.
    /// </summary>
    /// <param name="rows">[M, C], those of one expert together, experts in order.</param>
    /// <param name="counts">Rows of each expert; their sum is M.</param>
    /// <param name="weight">[E, F, C]</param>
    /// <param name="second">[E, F, C] or none.</param>
    /// <returns>[M, F], or [M, 2 F].</returns>
    /// <exception cref="ArgumentException">Not as many counts as experts, or their sum is not M.</exception>
    public static Tensor GroupedLinear(Tensor rows, IReadOnlyList<long> counts, Tensor weight, Tensor? second = null)
    {
        if (counts.Count != weight.shape[0] || counts.Sum() != rows.shape[0])
            throw new ArgumentException(
                $"GroupedLinear: {counts.Count} counts of {counts.Sum()} rows, rows [{string.Join(", ", rows.shape)}] and weight "
                + $"[{string.Join(", ", weight.shape)}]: each expert of [E, F, C] has a count, and their sum is that of the rows.");
        Tensor? fast = null;
        NativeGroupedLinear(rows, counts, weight, second, ref fast);
        return fast ?? PlainGroupedLinear(rows, counts, weight, second);
    }

    /// <summary>
    /// Step 3: each expert's MLP over its own rows: <c>down · (activation(gate · x) * (up · x))</c>, or
    /// <c>down · activation(up · x)</c> without a gate. Differentiable in the rows and the weights; an expert without rows has a
    /// gradient of zeros.
    /// </summary>
    /// <param name="rows">[M, C], those of one expert together, experts in order.</param>
    /// <param name="counts">Rows of each expert; their sum is M.</param>
    /// <param name="gate">[E, F, C] or none.</param>
    /// <param name="up">[E, F, C]</param>
    /// <param name="down">[E, C, F]</param>
    /// <param name="activation">As for <see cref="Activation"/>.</param>
    /// <returns>[M, C]</returns>
    public static Tensor GroupedMlp(Tensor rows, IReadOnlyList<long> counts, Tensor? gate, Tensor up, Tensor down, string activation)
    {
        using var scope = NewDisposeScope();
        var inner = gate is null
            ? Activation(activation, GroupedLinear(rows, counts, up))
            : GatedPair(activation, GroupedLinear(rows, counts, gate, up));
        return GroupedLinear(inner, counts, down).MoveToOuterDisposeScope();
    }

    /// <summary>Step 4: each token's outputs, weighted and summed. Differentiable in rows and weights; a dropped choice adds nothing.</summary>
    /// <param name="rows">[M, C] in the order of the experts.</param>
    /// <param name="order">That order.</param>
    /// <param name="weights">[N, K]</param>
    /// <returns>[N, C], the rows' type.</returns>
    public static Tensor CombineExperts(Tensor rows, ExpertOrder order, Tensor weights)
    {
        Tensor? fast = null;
        NativeCombineExperts(rows, order, weights, ref fast);
        return fast ?? PlainCombineExperts(rows, order, weights);
    }

    private static ExpertOrder PlainOrderByExpert(Tensor experts, long count)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var flat = experts.reshape(-1);
        var (_, pairs) = flat.sort(0, stable: true);
        var counts = flat.unsqueeze(1).eq(arange(count, device: flat.device)).sum([0L]).cpu();
        return new(
            pairs.MoveToOuterDisposeScope(), pairs.argsort().MoveToOuterDisposeScope(), [.. counts.data<long>()]);
    }

    private static Tensor PlainPermuteToExperts(Tensor x, ExpertOrder order, int topK)
    {
        using var scope = NewDisposeScope();
        return x.index_select(0, order.Pairs.narrow(0, 0, order.Kept).floor_divide(topK)).MoveToOuterDisposeScope();
    }

    private static Tensor PlainGroupedLinear(Tensor rows, IReadOnlyList<long> counts, Tensor weight, Tensor? second)
    {
        using var scope = NewDisposeScope();
        var inputs = rows.split([.. counts]);
        // One backward of unbind stacks all gradients; one of select for each expert would add up E tensors of the whole size.
        var (firsts, seconds) = (weight.unbind(), second?.unbind());
        var outputs = new List<Tensor>();
        // Where no expert has a row the first one computes none, so that all have their gradient of zeros: a rank without one
        // would be missing when gradients are added up.
        var idle = counts.All(c => c == 0);
        for (int e = 0; e < counts.Count; e++)
        {
            if (counts[e] == 0 && !(idle && e == 0))
                continue;
            var output = Linear(inputs[e], firsts[e]);
            outputs.Add(seconds is null ? output : cat([output, Linear(inputs[e], seconds[e])], -1));
        }

        return cat([.. outputs], 0).MoveToOuterDisposeScope();
    }

    private static Tensor PlainCombineExperts(Tensor rows, ExpertOrder order, Tensor weights)
    {
        using var scope = NewDisposeScope();
        long tokens = weights.shape[0], choices = weights.shape[1], width = rows.shape[1];
        if (order.Kept < tokens * choices)
            rows = cat([rows, zeros([tokens * choices - order.Kept, width], rows.dtype, rows.device)], 0);
        var outputs_NKC = rows.index_select(0, order.Places).view(tokens, choices, width);
        return (outputs_NKC * weights.to_type(rows.dtype).unsqueeze(-1)).sum([1L]).MoveToOuterDisposeScope();
    }

    static partial void NativeOrderByExpert(Tensor experts, long count, ref ExpertOrder? result);

    static partial void NativePermuteToExperts(Tensor x, ExpertOrder order, int topK, ref Tensor? result);

    static partial void NativeGroupedLinear(
        Tensor rows, IReadOnlyList<long> counts, Tensor weight, Tensor? second, ref Tensor? result);

    static partial void NativeCombineExperts(Tensor rows, ExpertOrder order, Tensor weights, ref Tensor? result);
}
