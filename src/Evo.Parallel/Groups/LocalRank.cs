using Evo.Torch;

namespace Evo.Parallel;

/// <summary>One rank of a <see cref="LocalWorld"/>: who it is, its groups, its random numbers. Used in its own thread only.</summary>
public sealed class LocalRank : RankWorld
{
    private readonly LocalMeetings world;
    private byte[]? random;

    internal LocalRank(LocalMeetings world, int rank, int size) => (this.world, Rank, Size) = (world, rank, size);

    /// <summary>The global rank, from 0.</summary>
    public override int Rank { get; }

    /// <summary>Ranks in the world.</summary>
    public override int Size { get; }

    /// <summary>
    /// The group of an axis. The same axis and ranks are the same group, whoever asks and however often; a group of this rank
    /// alone is the identity.
    /// </summary>
    /// <param name="axis">Name of the mesh axis.</param>
    /// <param name="ranks">Global ranks in the order of the group, this rank among them.</param>
    /// <exception cref="ArgumentException">This rank is not among them, or one is not of the world.</exception>
    public override ProcessGroup Group(string axis, IReadOnlyList<int> ranks)
    {
        var place = ranks.ToList().IndexOf(Rank);
        if (place < 0 || ranks.Any(r => r < 0 || r >= Size))
        {
            throw new ArgumentException(
                $"rank {Rank} asks for the group [{string.Join(", ", ranks)}] of axis {axis}; it needs ranks from 0 to {Size - 1}, itself among them.",
                nameof(ranks));
        }

        return ranks.Count == 1 ? new GroupOfOne(axis, Rank) : new LocalGroup(world, axis, place, ranks);
    }

    /// <summary>The group of all ranks.</summary>
    public ProcessGroup Everyone(string axis) => Group(axis, [.. Enumerable.Range(0, Size)]);

    /// <summary>
    /// Draws from the processor's default generator, which is the process's and not a thread's (so use dropout and
    /// unseeded initialization in here only). One rank draws at a time, each from a stream of its own that goes on where
    /// its last draw ended; the first begins at <paramref name="seed"/>. No group operation may be called in here.
    /// </summary>
    /// <returns>What <paramref name="body"/> gave.</returns>
    public T Draw<T>(long seed, Func<T> body)
    {
        lock (RandomTurn)
        {
            var outside = RandomState.Get();
            try
            {
                if (random is null)
                {
                    using var generator = TorchSharp.torch.Generator.Default;
                    generator.manual_seed(seed);
                }
                else
                {
                    RandomState.Set(random);
                }

                world.Drawing(Rank, true);
                return body();
            }
            finally
            {
                world.Drawing(Rank, false);
                random = RandomState.Get();
                RandomState.Set(outside);
            }
        }
    }

    // The default generator belongs to the process, and so does the turn to draw from it.
    private static readonly Lock RandomTurn = new();
}
