using Evo.Torch;

namespace Evo.Parallel;

/// <summary>One rank of a <see cref="LocalWorld"/>. Used in its own thread only.</summary>
public sealed class LocalRank : RankWorld
{
    private readonly LocalMeetings world;

    internal LocalRank(LocalMeetings world, int rank, int size)
        : base(rank, size) => this.world = world;

    protected override ProcessGroup Make(string axis, int place, IReadOnlyList<int> ranks) => new LocalGroup(world, axis, place, ranks);
}
