// The places in the graph where a block's backward begins and ends: nodes that pass gradients on and call back.
using static TorchSharp.torch;

namespace Evo.Models;

/// <summary>
/// Identities around a block. Of the nodes that can run, autograd runs the one that was made last, and sums of gradients before
/// all: so a node at the block's input, made before the block, runs when nothing of the block is left.
/// </summary>
internal static class BlockGate
{
    /// <summary>A block's input; in the backward pass, the end of the block.</summary>
    public static Tensor Input(BlockEvents? events, int block, Tensor x) =>
        events is null || !x.requires_grad || !is_grad_enabled() ? x : Gate.apply((Action)(() => events.AfterBackward(block)), x)[0];

    /// <summary>All outputs of a block; in the backward pass, its beginning.</summary>
    public static Tensor[] Outputs(BlockEvents? events, int block, Tensor[] outputs) =>
        events is null || !outputs.Any(y => y.requires_grad) || !is_grad_enabled()
            ? outputs : [.. Gate.apply([(Action)(() => events.BeforeBackward(block)), .. outputs])];

    private sealed class Gate : autograd.MultiTensorFunction<Gate>
    {
        private Action? passed;

        public override string Name => nameof(BlockGate);

        public override List<Tensor> forward(autograd.AutogradContext ctx, params object[] vars)
        {
            passed = (Action)vars[0];
            ctx.set_materialize_grads(false);
            return [.. vars.Skip(1).Cast<Tensor>().Select(x => x.alias())];
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, List<Tensor> grad_outputs)
        {
            passed!();
            return [null!, .. grad_outputs];
        }
    }
}
