using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// A group whose sums and gathers are covered: while one is under way, the products that wait are computed. In the backward pass
/// of a column-split linear map these are the gradients of weights, which nobody needs yet, while the gradient of the input,
/// which everybody waits for, is summed over the ranks.
/// </summary>
/// <remarks>
/// The collectives are the same ones over the same numbers, and so are the products: no bit changes. Source: Shoeybi et al. 2019,
/// "Megatron-LM", whose column-parallel layers do so.
/// </remarks>
/// <param name="inner">The group that does the work.</param>
/// <param name="waiting">The products.</param>
public sealed class CoveredGroup(ProcessGroup inner, WeightGradients waiting) : GroupDecorator(inner)
{
    /// <inheritdoc/>
    protected override PendingTensor Begun(GroupCall call, Tensor x) => PassBegun(Inner, call, x);

    /// <inheritdoc/>
    protected override Tensor? Around(GroupCall call, Tensor? x)
    {
        if (waiting.Count == 0 || call.Operation is not (GroupOperation.AllReduce or GroupOperation.AllGather or GroupOperation.ReduceScatter))
        {
            return Pass(Inner, call, x);
        }

        var pending = PassBegun(Inner, call, x!);
        waiting.Take().Invoke();
        return pending.Wait();
    }
}
