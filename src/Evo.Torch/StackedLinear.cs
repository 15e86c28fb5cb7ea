// Several weights as the rows of one matrix: one product forward, one for dx, one for all dw.
using Evo.Torch.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>The products behind <see cref="Ops.LinearMany"/> and <see cref="Collective.GatherLinear"/>.</summary>
internal static class StackedLinear
{
    public static Tensor Apply(Tensor x, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor?> biases) =>
        is_grad_enabled() && (x.requires_grad || weights.Any(w => w.requires_grad) || biases.Any(b => b is { requires_grad: true }))
            ? Function.apply([x, weights.Count, .. weights, .. biases!])
            : Forward(x, weights, biases);

    /// <summary>
    /// The same where the weights lie one behind the other, and the biases, if each has one, and the gradients of both: nothing is copied,
    /// and the backward adds where gradients are summed. Null where they do not.
    /// </summary>
    public static Tensor? InPlace(Tensor x, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor?> biases)
    {
        Tensor[] added = [.. biases.OfType<Tensor>()];
        if (!x.requires_grad || (added.Length > 0 && added.Length < biases.Count) || !FollowOneAnother(weights) || !FollowOneAnother(added))
            return null;
        using var scope = NewDisposeScope();
        if (GradientSums.OfAll(weights) is not { } sums || GradientSums.OfAll(added) is not { } ofBiases
            || !FollowOneAnother(sums) || !FollowOneAnother(ofBiases))
            return null;
        var (bias, biasSum) = added.Length == 0 ? (null, null) : (Stacked(added), Stacked(ofBiases));
        return EvoOperators.linear(x, Stacked(weights), bias, Stacked(sums), biasSum).MoveToOuterDisposeScope();
    }

    /// <summary>Adds the gradients of the weights to where they are summed, by one product; false where that is not one place.</summary>
    /// <param name="gradient">[..., sum of O]</param>
    /// <param name="x">The x of the forward.</param>
    /// <param name="weights">The weights of the forward.</param>
    public static bool AddToWeights(Tensor gradient, Tensor x, IReadOnlyList<Tensor> weights)
    {
        using var scope = NewDisposeScope();
        if (GradientSums.OfAll(weights) is not { } sums || !FollowOneAnother(sums))
            return false;
        var dy = gradient.reshape(-1, gradient.shape[^1]).contiguous();
        EvoOperators.add_product_(Stacked(sums), dy, true, x.reshape(-1, x.shape[^1]).contiguous(), false);
        return true;
    }

    /// <summary>x · (the weights under one another)ᵀ + (the biases one after the other). Records nothing.</summary>
    public static Tensor Forward(Tensor x, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor?> biases)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var bias = biases.All(b => b is null)
            ? null
            : Stacked([.. weights.Zip(biases, (w, b) => b ?? zeros([w.shape[0]], w.dtype, w.device))]);
        return EvoOperators.linear(x, Stacked(weights), bias).MoveToOuterDisposeScope();
    }

    /// <summary>The gradients that are needed, in the order x, weights, biases; null for the others.</summary>
    /// <param name="gradient">[..., sum of O]</param>
    /// <param name="x">The x of the forward; null where no weight needs a gradient.</param>
    /// <param name="shape">The shape of x.</param>
    /// <param name="weights">The weights of the forward.</param>
    /// <param name="needed">For x, each weight and each bias, whether its gradient is needed.</param>
    public static List<Tensor?> Backward(
        Tensor gradient, Tensor? x, long[] shape, IReadOnlyList<Tensor> weights, bool[] needed)
    {
        long channels = shape[^1], outputs = weights.Sum(w => w.shape[0]), rows = shape[..^1].Aggregate(1L, (product, size) => product * size);
        var dy = gradient.reshape(rows, outputs).contiguous();
        var gradients = new List<Tensor?>
        {
            needed[0] ? EvoOperators.product(dy, false, Stacked(weights), false).reshape(shape) : null,
        };
        var ofWeights = NeedWeights(needed, weights.Count)
            ? EvoOperators.product(dy, true, x!.reshape(rows, channels).contiguous(), false)
            : null;
        var ofBiases = needed.AsSpan(1 + weights.Count).Contains(true) ? dy.sum([0L]) : null;
        Parts(ofWeights, 1);
        Parts(ofBiases, 1 + weights.Count);
        return gradients;

        void Parts(Tensor? whole, int first)
        {
            long start = 0;
            for (var i = 0; i < weights.Count; i++)
            {
                gradients.Add(needed[first + i] ? whole!.narrow(0, start, weights[i].shape[0]) : null);
                start += weights[i].shape[0];
            }
        }
    }

    /// <summary>Whether some weight's gradient is among the needed ones, for which x is wanted.</summary>
    public static bool NeedWeights(bool[] needed, int weights) => needed.AsSpan(1, weights).Contains(true);

    /// <summary>
    /// Tensors one after the other in dimension 0: a view where they stand so in memory already, otherwise a copy.
    /// </summary>
    private static Tensor Stacked(IReadOnlyList<Tensor> parts)
    {
        if (parts.Count == 1)
            return parts[0].detach();
        if (!FollowOneAnother(parts))
            return cat([.. parts]);
        var first = parts[0];
        var shape = first.shape;
        shape[0] = parts.Sum(p => p.shape[0]);
        return first.detach().as_strided(shape, shape.Length == 2 ? [shape[1], 1] : [1], first.storage_offset());
    }

    // Storages do not overlap: two tensors whose storages begin at one address are in the same one.
    private static unsafe bool FollowOneAnother(IReadOnlyList<Tensor> parts)
    {
        TensorFacts before = default;
        byte* storage = null;
        for (var i = 0; i < parts.Count; i++)
        {
            if (!parts[i].is_contiguous())
                return false;
            var facts = parts[i].Facts();
            var begins = (byte*)parts[i].DataPointer() - facts.StorageOffset * facts.ElementSize;
            if (i > 0 && (begins != storage || facts.StorageOffset != before.StorageOffset + before.Elements))
                return false;
            before = facts;
            storage = begins;
        }

        GC.KeepAlive(parts);
        return true;
    }

    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        private bool[] needed = [];

        public override string Name => nameof(Ops.LinearMany);

        public override Tensor forward(autograd.AutogradContext ctx, params object?[] vars)
        {
            var (x, count) = ((Tensor)vars[0]!, (int)vars[1]!);
            Tensor[] weights = [.. vars.Skip(2).Take(count).Cast<Tensor>()];
            Tensor?[] biases = [.. vars.Skip(2 + count).Cast<Tensor?>()];
            needed = [x.requires_grad, .. weights.Select(w => w.requires_grad), .. biases.Select(b => b is { requires_grad: true })];
            ctx.save_for_backward([x, .. weights]);
            return Forward(x, weights, biases);
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            var saved = ctx.get_saved_variables();
            var gradients = Backward(grad_output, saved[0], saved[0].shape, saved.GetRange(1, saved.Count - 1), needed);
            gradients.Insert(1, null); // the number of weights
            return gradients!;
        }
    }
}
