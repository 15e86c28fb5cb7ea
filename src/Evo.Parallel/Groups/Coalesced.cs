using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>Several tensors in one message: they are laid one after the other, and the results are views of what comes back.</summary>
public static class Coalesced
{
    /// <summary>All-reduces tensors of one type; each rank gives as many, of the same shapes.</summary>
    public static IReadOnlyList<Tensor> AllReduce(ProcessGroup group, IReadOnlyList<Tensor> tensors, ReduceOperation operation, Site site) =>
        Now(tensors, flat => group.AllReduce(flat, operation, site));

    /// <summary>The same, begun.</summary>
    public static PendingTensors StartAllReduce(ProcessGroup group, IReadOnlyList<Tensor> tensors, ReduceOperation operation, Site site)
    {
        using var flat = Flat(tensors);
        return new(group.StartAllReduce(flat, operation, site), Shapes(tensors), null);
    }

    /// <summary>One rank's tensors; the others give tensors of the same shapes.</summary>
    public static IReadOnlyList<Tensor> Broadcast(ProcessGroup group, IReadOnlyList<Tensor> tensors, int root, Site site) =>
        Now(tensors, flat => group.Broadcast(flat, root, site));

    /// <summary>Gathers tensors of one type and of the same shapes on all ranks: each becomes [ranks, its own shape].</summary>
    public static IReadOnlyList<Tensor> AllGather(ProcessGroup group, IReadOnlyList<Tensor> tensors, Site site) =>
        Now(tensors, flat => group.AllGather(flat, 0, site), group.Size);

    private static IReadOnlyList<Tensor> Now(IReadOnlyList<Tensor> tensors, Func<Tensor, Tensor> operation, int? ranks = null)
    {
        using var flat = Flat(tensors);
        return new PendingTensors(PendingTensor.Of(operation(flat)), Shapes(tensors), ranks).Wait();
    }

    private static Tensor Flat(IReadOnlyList<Tensor> tensors)
    {
        if (tensors.Count == 0 || tensors.Any(tensor => tensor.dtype != tensors[0].dtype))
        {
            throw new ArgumentException(
                $"one message takes tensors of one type; found [{string.Join(", ", tensors.Select(tensor => tensor.dtype))}].", nameof(tensors));
        }

        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        return cat([.. tensors.Select(tensor => tensor.reshape(-1))], 0).MoveToOuterDisposeScope();
    }

    private static long[][] Shapes(IReadOnlyList<Tensor> tensors) => [.. tensors.Select(tensor => tensor.shape)];
}

/// <summary>Several tensors that are under way in one message.</summary>
public sealed class PendingTensors
{
    private readonly PendingTensor whole;
    private readonly long[][] shapes;
    private readonly int? ranks;

    internal PendingTensors(PendingTensor whole, long[][] shapes, int? ranks) => (this.whole, this.shapes, this.ranks) = (whole, shapes, ranks);

    /// <summary>Whether they are there.</summary>
    public bool IsDone => whole.IsDone;

    /// <summary>Waits for them; views of one memory, in the caller's scope.</summary>
    public IReadOnlyList<Tensor> Wait()
    {
        using var flat = whole.Wait();
        using var all = ranks is { } rows ? flat.view(rows, -1) : flat.alias();
        var start = 0L;
        var views = new List<Tensor>();
        foreach (var shape in shapes)
        {
            var length = shape.Aggregate(1L, (product, size) => product * size);
            using var part = all.narrow(-1, start, length);
            views.Add(part.reshape(ranks is { } count ? [count, .. shape] : shape));
            start += length;
        }

        return views;
    }
}
