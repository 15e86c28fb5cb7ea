using System.Diagnostics;
using Evo.Torch;

namespace Evo.Parallel;

/// <summary>A world of one rank: every group is the identity.</summary>
public sealed class SoleRank() : RankWorld(0, 1)
{
    protected override ProcessGroup Make(string axis, int place, IReadOnlyList<int> ranks) =>
        throw new UnreachableException($"a group of {ranks.Count} ranks in a world of one");
}
