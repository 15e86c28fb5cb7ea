using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// A whole weight between its uses: one tensor, whose memory comes and goes. Graphs that saved it keep it; only its bytes are
/// away. All passes of a step read the same weight, so that they share it.
/// </summary>
/// <param name="share">This rank's share, a parameter.</param>
/// <param name="group">The ranks that hold the others.</param>
/// <param name="site">The place in the emitted code that reads it.</param>
internal sealed class GatheredWeight(Tensor share, ProcessGroup group, int site) : IDisposable
{
    private Tensor? whole;
    private PendingTensor? arriving;

    /// <summary>This rank's share.</summary>
    internal Tensor Share => share;

    /// <summary>The place in the emitted code.</summary>
    internal int Site => site;

    /// <summary>Bytes of the whole.</summary>
    internal long Bytes => share.numel() * share.element_size() * group.Size;

    /// <summary>Whether the whole can be read.</summary>
    internal bool IsWhole { get; private set; }

    /// <summary>Whether the whole is there or under way.</summary>
    internal bool HasBegun => IsWhole || arriving is not null;

    /// <summary>Begins to gather the weight, unless it is there or under way.</summary>
    internal void Begin(bool backward)
    {
        if (!HasBegun)
        {
            using var own = share.detach();
            arriving = group.StartAllGather(own, 0, new(site, backward));
        }
    }

    /// <summary>Waits for the whole, unless it is there.</summary>
    internal void Fill()
    {
        if (IsWhole)
        {
            return;
        }

        using var scope = NewDisposeScope();
        var arrived = arriving!.Wait();
        arriving = null;
        if (whole is null)
        {
            whole = empty(arrived.shape, dtype: arrived.dtype, device: arrived.device).DetachFromDisposeScope();
        }
        else
        {
            TensorStorage.Restore(whole);
        }

        // Filling the memory again is no change of a weight: graphs that saved it find what they saw.
        TensorStorage.Untracked(whole).copy_(arrived);
        IsWhole = true;
    }

    /// <summary>The whole as a tensor of a graph's own.</summary>
    internal Tensor Read() => TensorStorage.Untracked(whole!);

    /// <summary>Begins to add up the gradients of all ranks; of the sum each gets its share.</summary>
    internal PendingTensor StartReduce(Tensor gradient) =>
        group.StartReduceScatter(gradient, 0, Shards.Sizes(gradient.shape[0], group.Size), ReduceOperation.Sum, new(site, true));

    /// <summary>Gives the memory of the whole back, and one that is under way.</summary>
    internal void Free()
    {
        if (arriving is not null)
        {
            using var unused = arriving.Wait();
            arriving = null;
        }

        if (IsWhole)
        {
            TensorStorage.Free(whole!);
            IsWhole = false;
        }
    }

    /// <summary>Lets go of everything; nothing is waited for, because after a failure nothing comes.</summary>
    public void Dispose() => whole?.Dispose();
}
