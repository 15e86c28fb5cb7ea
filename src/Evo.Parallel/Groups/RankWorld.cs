using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// One rank among all ranks of a run: who it is, and its groups. Ranks are threads (<see cref="LocalRank"/>),
/// processes (<see cref="C10dRank"/>), or there is one only (<see cref="SoleRank"/>). Used in the rank's own thread.
/// </summary>
public abstract class RankWorld : IDisposable
{
    /// <param name="rank">The global rank, from 0.</param>
    /// <param name="size">Ranks in the world.</param>
    protected RankWorld(int rank, int size)
    {
        if (rank < 0 || rank >= size)
        {
            throw new ArgumentOutOfRangeException(nameof(rank), $"there is no rank {rank} among {size}; they are counted from 0.");
        }

        (Rank, Size) = (rank, size);
    }

    /// <summary>The global rank, from 0.</summary>
    public int Rank { get; }

    /// <summary>Ranks in the world.</summary>
    public int Size { get; }

    /// <summary>Where the tensors are that its groups take; null: anywhere.</summary>
    public virtual Device? Device => null;

    /// <summary>The record of the last collectives; null where none is kept.</summary>
    public virtual FlightRecord? Flight => null;

    /// <summary>Where the record of the last collectives is written when the run fails; null: nowhere.</summary>
    public virtual string? FlightFolder { get; set; }

    /// <summary>
    /// The group of an axis. The same axis and ranks are the same group, whoever asks and however often; a group of this rank
    /// alone is the identity. Every member asks for it, in any order.
    /// </summary>
    /// <param name="axis">Name of the mesh axis.</param>
    /// <param name="ranks">Global ranks in the order of the group, this rank among them.</param>
    /// <exception cref="ArgumentException">This rank is not among them, or one is not of the world.</exception>
    public ProcessGroup Group(string axis, IReadOnlyList<int> ranks)
    {
        var place = ranks.ToList().IndexOf(Rank);
        if (place < 0 || ranks.Any(r => r < 0 || r >= Size))
        {
            throw new ArgumentException(
                $"rank {Rank} asks for the group [{string.Join(", ", ranks)}] of axis {axis}; it needs ranks from 0 to {Size - 1}, itself among them.",
                nameof(ranks));
        }

        return ranks.Count == 1 ? new GroupOfOne(axis, Rank) : Make(axis, place, ranks);
    }

    /// <summary>The group of all ranks.</summary>
    public ProcessGroup Everyone(string axis) => Group(axis, [.. Enumerable.Range(0, Size)]);

    /// <summary>Says which step of the run begins: messages about a fault name it.</summary>
    public virtual void AtStep(long step)
    {
    }

    /// <summary>This rank cannot go on: tells the others why, so that they end, too. Returns when they can know it.</summary>
    public virtual void Failed(Exception exception)
    {
    }

    /// <summary>Does the rank's part; an exception of it is told to the others.</summary>
    public T Guard<T>(Func<T> body)
    {
        try
        {
            return body();
        }
        catch (Exception exception)
        {
            Failed(exception);
            throw;
        }
    }

    /// <summary>Leaves the world: this rank has done its part.</summary>
    public virtual void Dispose() => GC.SuppressFinalize(this);

    /// <summary>A group of two ranks or more.</summary>
    protected abstract ProcessGroup Make(string axis, int place, IReadOnlyList<int> ranks);
}
