using Evo.Models;
using Evo.Torch;

namespace Evo.Parallel;

/// <summary>What one rank computes of the head of a micro-batch.</summary>
/// <param name="Tokens">Tokens whose losses it takes part in.</param>
/// <param name="Entries">Rows of the table that it multiplies them with.</param>
/// <param name="ChunkTokens">Tokens whose logits are there at a time.</param>
/// <param name="IsSpread">Whether other ranks of the tensor axis have the other rows.</param>
internal readonly record struct HeadShare(long Tokens, long Entries, long ChunkTokens, bool IsSpread)
{
    /// <summary>The share of each rank of a tensor axis; the largest, where the table does not divide.</summary>
    /// <param name="mode">How the model runs.</param>
    /// <param name="tokens">Tokens of the micro-batch.</param>
    /// <param name="vocabulary">Rows of the table.</param>
    /// <param name="tensor">Ranks of the axis.</param>
    /// <param name="onGpu">Whether it runs on a GPU.</param>
    public static HeadShare Of(ParallelMode mode, long tokens, long vocabulary, long tensor, bool onGpu)
    {
        var isSpread = mode is not (ParallelMode.Serial or ParallelMode.Isp);
        var entries = isSpread ? (vocabulary + tensor - 1) / tensor : vocabulary;
        var own = mode == ParallelMode.Isp ? tokens / tensor : tokens;
        return new(own, entries, HeadChunk.Tokens(own, entries, onGpu), isSpread);
    }
}
