using Evo.Models;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>The weight axis as emitted forwards see it: weights are asked of those that are gathered.</summary>
/// <param name="inner">The ranks that share the weights.</param>
/// <param name="weights">What gathers them, block by block.</param>
internal sealed class WeightGroup(ProcessGroup inner, GatheredWeights weights) : GroupDecorator(inner), IGathersWeights
{
    public Tensor Gather(Tensor share, int site)
    {
        if (!share.is_leaf)
        {
            throw new ArgumentException($"axis {Axis}, site {site}: a weight that is gathered for its block is a parameter; found the result of a computation.");
        }

        return share.requires_grad && is_grad_enabled() ? Late.apply(share, weights, site) : weights.Read(share, site).Read();
    }

    protected override Tensor? Around(GroupCall call, Tensor? x) => Pass(Inner, call, x);

    protected override PendingTensor Begun(GroupCall call, Tensor x) => PassBegun(Inner, call, x);

    // Autograd gets no gradient: the sum is added to the share's own when it has arrived.
    private sealed class Late : autograd.SingleTensorFunction<Late>
    {
        private GatheredWeights? weights;
        private GatheredWeight? weight;

        public override string Name => nameof(WeightGroup);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            weights = (GatheredWeights)vars[1];
            weight = weights.Read((Tensor)vars[0], (int)vars[2]);
            return weight.Read();
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            weights!.Reduce(weight!, grad_output);
            return [null!, null!, null!];
        }
    }
}
