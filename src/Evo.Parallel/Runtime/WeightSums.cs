using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// Gradients of shares on their way. They are added as autograd adds them, so that the bits are the same: what the places that
/// read one weight found is summed in the order of the backward pass, and that sum is added to the gradient, once a pass.
/// </summary>
internal sealed class WeightSums : IDisposable
{
    // The first block that reads a share: the last in the backward pass.
    private readonly Dictionary<nint, int> firstBlock = [];
    private readonly Dictionary<nint, (Tensor Share, Tensor Sum)> held = [];
    private List<(GatheredWeight Weight, PendingTensor Sum)> begun = [];
    private List<(GatheredWeight Weight, PendingTensor Sum)> underWay = [];

    /// <summary>A block reads a share.</summary>
    internal void ReadIn(int block, Tensor share) =>
        firstBlock[share.Handle] = Math.Min(block, firstBlock.GetValueOrDefault(share.Handle, block));

    /// <summary>Begins to sum a gradient over the ranks.</summary>
    internal void Begin(GatheredWeight weight, Tensor gradient) => begun.Add((weight, weight.StartReduce(gradient)));

    /// <summary>What was begun is a block's; it is waited for next.</summary>
    internal void EndBlock()
    {
        underWay.AddRange(begun);
        begun = [];
    }

    /// <summary>Waits for the sums of a block, and adds those that are complete when it has ended.</summary>
    internal void Arrive(int block)
    {
        var waited = underWay;
        underWay = [];
        foreach (var (weight, pending) in waited)
        {
            using var scope = NewDisposeScope();
            var (share, sum) = (weight.Share, pending.Wait());
            if (held.TryGetValue(share.Handle, out var before))
            {
                sum = before.Sum + sum;
                before.Sum.Dispose();
            }

            held[share.Handle] = (share, sum.DetachFromDisposeScope());
        }

        foreach (var handle in held.Keys.Where(handle => firstBlock[handle] >= block).ToArray())
        {
            Add(held[handle].Share, held[handle].Sum);
            held.Remove(handle);
        }
    }

    /// <summary>Lets go of everything; nothing is waited for, because after a failure nothing comes.</summary>
    public void Dispose()
    {
        foreach (var (_, sum) in held.Values)
        {
            sum.Dispose();
        }
    }

    private static void Add(Tensor share, Tensor sum)
    {
        using (sum)
        {
            if (share.grad is { } gradient)
            {
                using (gradient)
                {
                    GradientSums.Complete(gradient);
                    gradient.add_(sum);
                }
            }
            else
            {
                share.grad = sum;
            }
        }
    }
}
