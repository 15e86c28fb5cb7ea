// Activation recompute: a part of the model keeps its inputs only and is computed again when backward gets there.
using TorchSharp;

namespace Evo.Torch;

/// <summary>Trades memory for time: see <see cref="Run"/>.</summary>
public static class Recompute
{
    /// <summary>
    /// Computes <paramref name="f"/> without recording it, keeping only <paramref name="inputs"/>; backward computes it
    /// again and goes through the copy. Loss and gradients are bit-equal to those of the plain call.
    /// <paramref name="f"/> must be a function of its inputs and of parameters: what is random in it must be keyed, as
    /// <see cref="DropoutMask"/> is, not drawn from a generator.
    /// </summary>
    /// <returns>What <paramref name="f"/> gave.</returns>
    public static torch.Tensor[] Run(Func<torch.Tensor[], torch.Tensor[]> f, params torch.Tensor[] inputs)
    {
        ArgumentNullException.ThrowIfNull(f);
        if (!torch.is_grad_enabled())
        {
            return f(inputs);
        }

        // Where no input asks for a gradient the parameters in f still do: something has to carry the graph.
        using var anchor = Native.Aten.empty_memory_format([0], dtype: torch.float32, device: torch.CPU);
        anchor.requires_grad = true;
        return [.. Segment.apply([f, anchor, .. inputs])];
    }

    private sealed class Segment : torch.autograd.MultiTensorFunction<Segment>
    {
        private Func<torch.Tensor[], torch.Tensor[]>? body;

        public override string Name => nameof(Recompute);

        public override List<torch.Tensor> forward(torch.autograd.AutogradContext ctx, params object[] vars)
        {
            body = (Func<torch.Tensor[], torch.Tensor[]>)vars[0];
            var inputs = vars.Skip(2).Cast<torch.Tensor>().ToArray();
            ctx.save_for_backward([.. inputs]);
            ctx.set_materialize_grads(false);

            using var scope = torch.NewDisposeScope();
            var outputs = body(inputs);
            scope.MoveToOuter(outputs.Except(inputs));
            var fixedOutputs = outputs.Where(o => !o.is_floating_point() && !o.is_complex()).ToList();
            if (fixedOutputs.Count > 0)
            {
                ctx.mark_non_differentiable(fixedOutputs);
            }

            return [.. outputs];
        }

        public override List<torch.Tensor> backward(
            torch.autograd.AutogradContext ctx, List<torch.Tensor> grad_outputs)
        {
            var saved = ctx.get_saved_variables();
            var inputs = saved.Select(t => t.detach().requires_grad_(t.requires_grad)).ToArray();
            var gradients = new List<torch.Tensor> { null!, null! };
            using (torch.enable_grad())
            {
                // What the graph does not keep is free before the backward begins.
                torch.Tensor[] outputs;
                using (var scope = torch.NewDisposeScope())
                {
                    outputs = body!(inputs);
                    scope.MoveToOuter(outputs.Except(inputs));
                }

                var used = outputs.Zip(grad_outputs).Where(p => p.Second is not null && p.First.requires_grad).ToList();
                if (used.Count > 0)
                {
                    torch.autograd.backward([.. used.Select(p => p.First)], [.. used.Select(p => p.Second)]);
                }
            }

            gradients.AddRange(inputs.Select(t => t.grad!));
            return gradients;
        }
    }
}
