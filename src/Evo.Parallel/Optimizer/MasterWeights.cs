using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// The weights that updates are applied to, where the model computes in another dtype: in the optimizer's dtype, or, split, what the
/// model's weights lack of them (<see cref="WeightHalves"/>). Whatever is asked for is a stretch of them, and the same one of the weights.
/// </summary>
/// <param name="kept">All that this rank owns, in one line.</param>
internal sealed class MasterWeights(Tensor kept) : IDisposable
{
    /// <summary>Bytes of what is kept.</summary>
    internal long Bytes => kept.numel() * kept.element_size();

    private bool Split => kept.dtype == ScalarType.Int16;

    /// <summary>What an update takes.</summary>
    internal Tensor Kept(long start, long length) => kept.narrow(0, start, length);

    /// <summary>The master weights: a view, or made of both halves.</summary>
    internal Tensor Values(Tensor weights, long start)
    {
        var own = Kept(start, weights.numel());
        if (!Split)
        {
            return own;
        }

        using (own)
        {
            return WeightHalves.Join(weights, own);
        }
    }

    /// <summary>Keeps <see cref="Values"/> that were written to: of a view nothing is to be done, of halves both are written.</summary>
    internal void Keep(Tensor values, Tensor weights, long start)
    {
        if (Split)
        {
            using var own = Kept(start, weights.numel());
            WeightHalves.Part(values, weights, own);
        }
    }

    /// <summary>Makes the weights the rounded master weights, which those in halves are.</summary>
    internal void Round(Tensor weights, long start)
    {
        if (!Split)
        {
            using var own = Kept(start, weights.numel());
            weights.copy_(own);
        }
    }

    /// <summary>Makes the master weights those of the model.</summary>
    internal void Take(Tensor weights, long start)
    {
        using var own = Kept(start, weights.numel());
        _ = Split ? own.zero_() : own.copy_(weights);
    }

    /// <inheritdoc/>
    public void Dispose() => kept.Dispose();
}
