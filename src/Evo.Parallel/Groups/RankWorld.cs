using Evo.Torch;

namespace Evo.Parallel;

/// <summary>One rank among all: who it is, and its groups.</summary>
public abstract class RankWorld
{
    /// <summary>The global rank, from 0.</summary>
    public abstract int Rank { get; }

    /// <summary>Ranks in the world.</summary>
    public abstract int Size { get; }

    /// <summary>
    /// The group of an axis. The same axis and ranks are the same group, whoever asks and however often; a group of this rank
    /// alone is the identity.
    /// </summary>
    /// <param name="axis">Name of the mesh axis.</param>
    /// <param name="ranks">Global ranks in the order of the group, this rank among them.</param>
    public abstract ProcessGroup Group(string axis, IReadOnlyList<int> ranks);
}
