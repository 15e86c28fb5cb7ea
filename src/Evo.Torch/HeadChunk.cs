namespace Evo.Torch;

/// <summary>
/// How many tokens the head and its loss take at a time. Every chunk reads the head three times and its gradient once, and writes that:
/// below some hundred tokens it is memory that sets the time, not products. Where the vocabulary is small a chunk is as many tokens
/// as have 8 Mi logits, 32 MiB in float32, or on a GPU 64 Mi: work enough for all of it. Chunks are of one size, as few as that takes.
/// </summary>
public static class HeadChunk
{
    /// <summary>Tokens of a chunk, but the last one, which may have fewer. <c>native/kernels/loss.cpp</c> has the same.</summary>
    /// <param name="tokens">That there are.</param>
    /// <param name="vocabulary">Rows of the head, at least 1.</param>
    /// <param name="onGpu">Whether it is on a GPU.</param>
    public static long Tokens(long tokens, long vocabulary, bool onGpu)
    {
        var most = onGpu ? Math.Max(8192, (1L << 26) / vocabulary) : Math.Max(512, (1L << 23) / vocabulary);
        var chunks = Math.Max(1, (tokens + most - 1) / most);
        return (tokens + chunks - 1) / chunks;
    }
}
