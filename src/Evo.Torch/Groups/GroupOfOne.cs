// One rank alone: every operation is the identity.
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>A group that has only this rank. Results share the input's memory.</summary>
public sealed class GroupOfOne(string axis, int globalRank = 0) : ProcessGroup(axis, 0, [globalRank])
{
    public override Tensor AllReduce(Tensor x, ReduceOperation operation, Site site) => x.detach();

    public override Tensor AllGather(Tensor x, int dim, Site site) => x.detach();

    public override Tensor ReduceScatter(Tensor x, int dim, IReadOnlyList<long> sizes, ReduceOperation operation, Site site) =>
        x.detach();

    public override Tensor AllToAll(Tensor x, int splitDim, int concatDim, Site site) => x.detach();

    public override Tensor AllToAllRows(Tensor x, IReadOnlyList<long> sendRows, IReadOnlyList<long> receiveRows, Site site) =>
        x.detach();

    public override Tensor Broadcast(Tensor x, int root, Site site) => x.detach();

    /// <exception cref="InvalidOperationException">Always: nobody else is there.</exception>
    public override void Send(Tensor x, int to, Site site) =>
        throw new InvalidOperationException($"{site}: rank {Ranks[0]} is alone on axis {Axis} and has nobody to send to.");

    /// <exception cref="InvalidOperationException">Always: nobody else is there.</exception>
    public override Tensor Receive(long[] shape, ScalarType dtype, int from, Site site) =>
        throw new InvalidOperationException($"{site}: rank {Ranks[0]} is alone on axis {Axis} and has nobody to receive from.");

    public override void Barrier(Site site)
    {
    }
}
