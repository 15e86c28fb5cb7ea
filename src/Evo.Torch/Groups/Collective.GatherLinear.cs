// The column linear of fully sharded sequences: what is gathered is not kept, but gathered again.
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

public static partial class Collective
{
    /// <summary>
    /// All-gathers <paramref name="x"/> along <paramref name="dim"/>, then one product with all weights (as <see cref="Ops.LinearMany"/>).
    /// Only the shard is kept; the backward gathers it again where a weight needs its gradient, and sums and scatters dx.
    /// Both collectives of the backward have one site, and each is under way while a product is computed: x is gathered beside
    /// that for dx, and dx summed beside those for the weights.
    /// </summary>
    /// <param name="group">The ranks among which x is sharded.</param>
    /// <param name="x">[..., C], this rank's shard along dim, which is not the last dimension.</param>
    /// <param name="dim">The sharded dimension.</param>
    /// <param name="weights">Each [O, C], its own O.</param>
    /// <param name="biases">As many as weights, each [O] or none.</param>
    /// <param name="site">The place.</param>
    /// <param name="sizes">The length of each rank's shard; default as <see cref="Shards.Sizes"/>.</param>
    /// <returns>[..., sum of O], whole along dim.</returns>
    public static Tensor GatherLinear(
        ProcessGroup group, Tensor x, int dim, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor?> biases, int site,
        IReadOnlyList<long>? sizes = null)
    {
        if (group.Size == 1)
            return Ops.LinearMany(x, weights, biases);
        var along = ProcessGroup.Dim(x, dim);
        if (weights.Count == 0 || biases.Count != weights.Count || along == x.dim() - 1)
            throw new ArgumentException(
                $"GatherLinear at site {site}: {weights.Count} weights, {biases.Count} biases, dimension {dim} of {x.dim()}; it needs at "
                + "least one weight, a bias or null for each, and a dimension that is not the last.");
        // Products that are put off keep their input: what is gathered is kept until they are made.
        if (DeferredLinear.Of(weights, biases) is { } later)
            return DeferredLinear.Apply(later, Gather(group, x, along, site, sizes), weights, biases);
        var cut = new Cut(group, along, sizes);
        if (is_grad_enabled() && (x.requires_grad || weights.Any(w => w.requires_grad) || biases.Any(b => b is { requires_grad: true })))
            return GatherLinearFunction.apply([x, cut, site, weights.Count, .. weights, .. biases!]);
        using var whole = cut.Gather(x, new(site, false));
        return StackedLinear.Forward(whole, weights, biases);
    }

    private sealed class GatherLinearFunction : autograd.SingleTensorFunction<GatherLinearFunction>
    {
        private bool[] needed = [];
        private Cut? cut;
        private int site;

        public override string Name => nameof(GatherLinear);

        public override Tensor forward(autograd.AutogradContext ctx, params object?[] vars)
        {
            var x = (Tensor)vars[0]!;
            (cut, site) = ((Cut)vars[1]!, (int)vars[2]!);
            var count = (int)vars[3]!;
            Tensor[] weights = [.. vars.Skip(4).Take(count).Cast<Tensor>()];
            Tensor?[] biases = [.. vars.Skip(4 + count).Cast<Tensor?>()];
            needed = [x.requires_grad, .. weights.Select(w => w.requires_grad), .. biases.Select(b => b is { requires_grad: true })];
            ctx.save_for_backward([x, .. weights]);
            using var whole = cut.Gather(x, new(site, false));
            return StackedLinear.Forward(whole, weights, biases);
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            var saved = ctx.get_saved_variables();
            var weights = saved.GetRange(1, saved.Count - 1);
            long[] shape = [.. grad_output.shape[..^1], saved[0].shape[^1]];
            var gathering = StackedLinear.NeedWeights(needed, weights.Count) ? cut!.StartGather(saved[0], new(site, true)) : null;
            bool[] weightsOnly = [false, .. needed.Skip(1)], inputOnly = [needed[0], .. new bool[needed.Length - 1]];
            var ofInput = StackedLinear.Backward(grad_output, null, shape, weights, inputOnly)[0];
            using var whole = gathering?.Wait();
            var summing = ofInput is null ? null : cut!.StartReduceScatter(ofInput, new(site, true));
            var gradients = StackedLinear.Backward(grad_output, whole, shape, weights, weightsOnly);
            gradients[0] = summing?.Wait();
            gradients.InsertRange(1, [null, null, null]); // cut, site and the number of weights
            return gradients!;
        }
    }
}
