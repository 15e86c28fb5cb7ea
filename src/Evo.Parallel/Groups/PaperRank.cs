using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>A rank on paper: it knows its place in every group, and there is nobody to talk to. What is planned needs no more.</summary>
/// <param name="rank">The global rank, from 0.</param>
/// <param name="size">Ranks in the world.</param>
public sealed class PaperRank(int rank, int size) : RankWorld(rank, size)
{
    protected override ProcessGroup Make(string axis, int place, IReadOnlyList<int> ranks) => new PaperGroup(axis, place, ranks);

    private sealed class PaperGroup(string axis, int place, IReadOnlyList<int> ranks) : ProcessGroup(axis, place, ranks)
    {
        public override Tensor AllReduce(Tensor x, ReduceOperation operation, Site site) => throw Nobody(site);

        public override Tensor AllGather(Tensor x, int dim, Site site) => throw Nobody(site);

        public override Tensor ReduceScatter(Tensor x, int dim, IReadOnlyList<long> sizes, ReduceOperation operation, Site site) => throw Nobody(site);

        public override Tensor AllToAll(Tensor x, int splitDim, int concatDim, Site site) => throw Nobody(site);

        public override Tensor AllToAllRows(Tensor x, IReadOnlyList<long> sendRows, IReadOnlyList<long> receiveRows, Site site) => throw Nobody(site);

        public override Tensor Broadcast(Tensor x, int root, Site site) => throw Nobody(site);

        public override void Send(Tensor x, int to, Site site) => throw Nobody(site);

        public override Tensor Receive(long[] shape, ScalarType dtype, int from, Site site) => throw Nobody(site);

        public override void Barrier(Site site) => throw Nobody(site);

        private InvalidOperationException Nobody(Site site) => new($"{site}: the ranks of axis {Axis} are on paper only");
    }
}
