// Gradients of weights that a backward adds where they are summed, without a tensor of their own in between.
using Evo.Torch.Native;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>
/// Parameters whose <c>grad</c> is a place in a buffer that lives as long as the training does, zero at the start of a step. Kernels
/// add to it in their backward: one pass over the weights less to write, two less to read, than autograd's own sum takes. A sum may be
/// left unwritten, too, instead of being set to zero: what comes first is then written to it, which is one pass less to write and one
/// to read.
/// </summary>
/// <remarks>
/// What <c>torch.autograd.grad</c> would return for such a parameter is nothing: its gradient is in <c>grad</c> alone. Operators
/// without such a backward leave it to autograd, whose sum goes to the same place.
/// </remarks>
public static class GradientSums
{
    /// <summary>From now on, a backward of a kernel may add this parameter's gradient to its <c>grad</c> itself.</summary>
    public static void AddInPlace(Parameter parameter) => parameter.AddsInPlace = true;

    /// <summary>
    /// A sum is nothing from now on, whatever is in its memory, until a kernel's backward writes to it or <see cref="Complete"/> does.
    /// Whoever else adds to it calls that before; for autograd <see cref="CompleteBeforeAutograd"/> does it.
    /// </summary>
    public static void LeaveUnwritten(Tensor sum) => EvoOperators.leave_unwritten(sum);

    /// <summary>From now on a gradient that autograd adds to a parameter's <c>grad</c>, which is <paramref name="sum"/>, finds zeros there.</summary>
    /// <returns>Disposing it ends that.</returns>
    public static IDisposable CompleteBeforeAutograd(Parameter parameter, Tensor sum) => parameter.register_hook(_ =>
    {
        Complete(sum);
        return null;
    });

    /// <summary>Zeros in the sums that nothing was added to, of all that lie in a tensor without gaps: one of them, or a buffer.</summary>
    public static void Complete(Tensor sums) => EvoOperators.complete_(sums);

    /// <summary>Where the gradient of a weight is summed; null: a backward gives it to autograd. To be disposed of.</summary>
    internal static Tensor? Of(Tensor? weight)
    {
        if (weight is not Parameter { AddsInPlace: true, requires_grad: true } parameter)
            return null;
        var sum = parameter.grad;
        if (sum is null || (sum.is_contiguous() && sum.dtype == weight.dtype))
            return sum;
        sum.Dispose();
        return null;
    }

    /// <summary>Of each of these; null where one has none. They belong to the dispose scope.</summary>
    internal static Tensor[]? OfAll(IReadOnlyList<Tensor> weights)
    {
        var sums = new Tensor[weights.Count];
        for (var i = 0; i < sums.Length; i++)
        {
            if (Of(weights[i]) is not { } sum)
                return null;
            sums[i] = sum;
        }

        return sums;
    }
}
