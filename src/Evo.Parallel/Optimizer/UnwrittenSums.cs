using Evo.Core;
using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// The gradients of a flat buffer at the begin of a pass: those of matrices, nearly all of it, are left unwritten, and a kernel's backward
/// writes the first that it finds there (<see cref="GradientSums"/>). The rest is set to zero.
/// </summary>
internal sealed class UnwrittenSums : IDisposable
{
    private readonly FlatPlan plan;
    private readonly Tensor flat;
    private readonly List<Tensor>[] matrices;
    private readonly List<Tensor>[] vectors;

    /// <summary>Of a buffer, zero now, that has the elements of a plan.</summary>
    internal UnwrittenSums(FlatPlan plan, Tensor flat)
    {
        (this.plan, this.flat) = (plan, flat);
        matrices = [.. plan.Buckets.Select(_ => new List<Tensor>())];
        vectors = [.. plan.Buckets.Select(_ => new List<Tensor>())];
        foreach (var (isMatrix, bucket, offset, length) in Stretches())
        {
            (isMatrix ? matrices : vectors)[bucket].Add(flat.narrow(0, offset, length).DetachFromDisposeScope());
        }
    }

    /// <summary>A bucket is zero, or as good as that.</summary>
    internal void Clear(int bucket)
    {
        matrices[bucket].ForEach(GradientSums.LeaveUnwritten);
        vectors[bucket].ForEach(sums => sums.zero_());
    }

    /// <summary>A bucket is there to be read.</summary>
    internal void Complete(int bucket)
    {
        using var sums = flat.narrow(0, plan.Buckets[bucket].Offset, plan.Buckets[bucket].Length);
        GradientSums.Complete(sums);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        GradientSums.Complete(flat);
        foreach (var sums in matrices.Concat(vectors).SelectMany(bucket => bucket))
        {
            sums.Dispose();
        }
    }

    // Each matrix by itself. Vectors that follow one another are one stretch; what is between them is nobody's, and stays zero.
    private List<(bool IsMatrix, int Bucket, long Offset, long Length)> Stretches()
    {
        var found = new List<(bool IsMatrix, int Bucket, long Offset, long Length)>();
        foreach (var slot in plan.Slots.OrderBy(slot => slot.Offset))
        {
            var isMatrix = slot.Parameter.Dims > 1;
            if (!isMatrix && found.Count > 0 && found[^1] is (false, var bucket, var start, _) && bucket == slot.Bucket)
            {
                found[^1] = (false, bucket, start, slot.Offset + slot.Length - start);
            }
            else
            {
                found.Add((isMatrix, slot.Bucket, slot.Offset, slot.Length));
            }
        }

        return found;
    }
}
