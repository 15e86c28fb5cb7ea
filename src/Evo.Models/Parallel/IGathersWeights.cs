using static TorchSharp.torch;

namespace Evo.Models;

/// <summary>
/// A group whose whole weights come and go: it may have gathered one before it is asked, frees it when its block is over, and
/// adds the sum of its gradients to the share's gradient itself, when that has arrived.
/// </summary>
public interface IGathersWeights
{
    /// <summary>The shares of all ranks one after the other along dimension 0 (S(0) → R; backward: reduce-scatter).</summary>
    /// <param name="share">This rank's share: a parameter.</param>
    /// <param name="site">The place in the emitted code.</param>
    /// <returns>Part of the graph; to be read until the end of its block, and again in the backward of the block.</returns>
    Tensor Gather(Tensor share, int site);
}
