// A linear map whose input has its gradient at once, and its weight later: in the bubble of a pipeline (Qi et al. 2023, "Zero
// Bubble Pipeline Parallelism", section 2), or while a collective is under way.
using Evo.Torch.Native;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>
/// The products dW = dyᵀ x that backward passes put off. A parameter that was given to <see cref="PutOff"/> is no part
/// of the graph of the linear maps that use it: their backward gives dx and leaves the rest here, and whoever calls
/// <see cref="Take"/> computes it when the time has come. Used in one thread.
/// </summary>
/// <remarks>Gradients are added to <c>grad</c> in the order in which the products were put off: that of the plain backward.</remarks>
public sealed class WeightGradients
{
    private List<Action> waiting = [];

    /// <summary>From now on, linear maps over this parameter leave its gradient here.</summary>
    public void PutOff(Parameter parameter) => parameter.Later = this;

    /// <summary>Products that wait.</summary>
    public int Count => waiting.Count;

    /// <summary>All products that wait, as one action that computes them; none waits afterwards.</summary>
    public Action Take()
    {
        var taken = waiting;
        waiting = [];
        return () =>
        {
            using var quiet = no_grad();
            foreach (var product in taken)
                product();
        };
    }

    internal void Add(Action product) => waiting.Add(product);
}

/// <summary>A linear map over parameters whose gradients come later.</summary>
internal static class DeferredLinear
{
    /// <summary>
    /// Where the gradients of these weights and biases wait; null where they do not, or where one of them is no parameter itself
    /// but was made from one, whose gradient has a way to go.
    /// </summary>
    public static WeightGradients? Of(IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor?> biases) =>
        is_grad_enabled() && weights[0] is Parameter { Later: { } later }
        && weights.Concat(biases.OfType<Tensor>()).All(w => w is Parameter p && p.Later == later) ? later : null;

    /// <summary>The map, of x or, where <paramref name="gelu"/> is given, of what <see cref="Ops.GatedPair"/> makes of x.</summary>
    public static Tensor Apply(
        WeightGradients later, Tensor x, IReadOnlyList<Tensor> weights, IReadOnlyList<Tensor?> biases, bool? gelu = null) =>
        Function.apply([x, new Operands(later, [.. weights.Cast<Parameter>()], [.. biases.Cast<Parameter?>()], gelu)]);

    /// <summary>Adds to a parameter's gradient, which is made where there is none.</summary>
    public static void Accumulate(Parameter parameter, Tensor gradient)
    {
        if (parameter.grad is { } sum)
            using (sum)
            {
                GradientSums.Complete(sum);
                sum.add_(gradient);
            }
        else
            using (var own = gradient.clone())
                parameter.grad = own;
    }

    // Not tensors to autograd: the parameters are outside of the graph.
    private sealed record Operands(WeightGradients Later, IReadOnlyList<Parameter> Weights, IReadOnlyList<Parameter?> Biases, bool? Gelu);

    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        private Operands? operands;

        public override string Name => "DeferredLinear";

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var x = (Tensor)vars[0];
            operands = (Operands)vars[1];
            ctx.save_for_backward([x]);
            if (operands.Gelu is not { } gelu)
                return StackedLinear.Forward(x, operands.Weights, operands.Biases);
            using var quiet = no_grad();
            using var product = EvoOperators.gated_pair(x, gelu);
            return StackedLinear.Forward(product, operands.Weights, operands.Biases);
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            var (later, weights, biases, gated) = operands!;
            var x = ctx.get_saved_variables()[0];
            bool[] nothing = new bool[1 + 2 * weights.Count];
            var ofInput = StackedLinear.Backward(
                grad_output, null, [.. x.shape[..^1], weights[0].shape[1]], weights, [true, .. nothing.Skip(1)])[0]!;
            if (gated is { } gelu)
            {
                // What waits keeps the product, which is half of what it was made of.
                using var ofProduct = ofInput;
                (ofInput, x) = EvoOperators.gated_pair_backward(ofProduct, x, gelu);
            }

            // Both outlive this call: the closure owns what it computes with.
            var (kept, gradient) = (x.detach().DetachFromDisposeScope(), grad_output.detach().DetachFromDisposeScope());
            bool[] needed = [false, .. weights.Select(w => w.requires_grad), .. biases.Select(b => b is { requires_grad: true })];
            later.Add(() =>
            {
                using (kept)
                using (gradient)
                using (NewDisposeScope())
                {
                    // As the plain backward, which adds in place where it can: the same bits.
                    if (StackedLinear.AddToWeights(gradient, kept, weights))
                        needed.AsSpan(1, weights.Count).Clear();
                    var gradients = StackedLinear.Backward(gradient, kept, kept.shape, weights, needed);
                    for (var i = 0; i < weights.Count; i++)
                    {
                        if (gradients[1 + i] is { } ofWeight)
                            Accumulate(weights[i], ofWeight);
                        if (gradients[1 + weights.Count + i] is { } ofBias)
                            Accumulate(biases[i]!, ofBias);
                    }
                }
            });
            return [ofInput, null!];
        }
    }
}
