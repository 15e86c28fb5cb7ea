using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>A group around another: every operation arrives as a value, and can be passed on, changed or not.</summary>
public abstract class GroupDecorator : ProcessGroup
{
    /// <param name="inner">The group that does the work.</param>
    protected GroupDecorator(ProcessGroup inner)
        : base(inner.Axis, inner.Rank, inner.Ranks) => Inner = inner;

    /// <summary>The group around which this is.</summary>
    protected ProcessGroup Inner { get; }

    public sealed override Tensor AllReduce(Tensor x, ReduceOperation operation, Site site) =>
        Around(Call(GroupOperation.AllReduce, x, site) with { Reduction = operation }, x)!;

    public sealed override Tensor AllGather(Tensor x, int dim, Site site) =>
        Around(Call(GroupOperation.AllGather, x, site) with { Dim = Dim(x, dim) }, x)!;

    public sealed override Tensor ReduceScatter(Tensor x, int dim, IReadOnlyList<long> sizes, ReduceOperation operation, Site site) =>
        Around(Call(GroupOperation.ReduceScatter, x, site) with { Dim = Dim(x, dim), Parts = sizes, Reduction = operation }, x)!;

    public sealed override Tensor AllToAll(Tensor x, int splitDim, int concatDim, Site site) =>
        Around(Call(GroupOperation.AllToAll, x, site) with { Dim = Dim(x, splitDim), ConcatDim = Dim(x, concatDim) }, x)!;

    public sealed override Tensor AllToAllRows(Tensor x, IReadOnlyList<long> sendRows, IReadOnlyList<long> receiveRows, Site site) =>
        Around(Call(GroupOperation.AllToAllRows, x, site) with { Parts = sendRows, ReceivedParts = receiveRows }, x)!;

    public sealed override Tensor Broadcast(Tensor x, int root, Site site) =>
        Around(Call(GroupOperation.Broadcast, x, site) with { Peer = root }, x)!;

    public sealed override void Send(Tensor x, int to, Site site) => Around(Call(GroupOperation.Send, x, site) with { Peer = to }, x);

    public sealed override Tensor Receive(long[] shape, ScalarType dtype, int from, Site site) =>
        Around(new(GroupOperation.Receive, site, Axis, Size, shape, dtype) { Peer = from }, null)!;

    public sealed override void Barrier(Site site) => Around(new(GroupOperation.Barrier, site, Axis, Size, [], null), null);

    public override PendingTensor StartAllReduce(Tensor x, ReduceOperation operation, Site site) =>
        Begun(Call(GroupOperation.AllReduce, x, site) with { Reduction = operation }, x);

    public override PendingTensor StartAllGather(Tensor x, int dim, Site site) =>
        Begun(Call(GroupOperation.AllGather, x, site) with { Dim = Dim(x, dim) }, x);

    public override PendingTensor StartReduceScatter(Tensor x, int dim, IReadOnlyList<long> sizes, ReduceOperation operation, Site site) =>
        Begun(Call(GroupOperation.ReduceScatter, x, site) with { Dim = Dim(x, dim), Parts = sizes, Reduction = operation }, x);

    public override PendingTensor StartBroadcast(Tensor x, int root, Site site) =>
        Begun(Call(GroupOperation.Broadcast, x, site) with { Peer = root }, x);

    /// <summary>Does one call that is only begun: at once, unless the derived class begins it.</summary>
    protected virtual PendingTensor Begun(GroupCall call, Tensor x) => PendingTensor.Of(Around(call, x)!);

    /// <summary>Begins a call of a group.</summary>
    protected static PendingTensor PassBegun(ProcessGroup group, GroupCall call, Tensor x) => call.Operation switch
    {
        GroupOperation.AllReduce => group.StartAllReduce(x, call.Reduction!.Value, call.Site),
        GroupOperation.AllGather => group.StartAllGather(x, call.Dim!.Value, call.Site),
        GroupOperation.ReduceScatter => group.StartReduceScatter(x, call.Dim!.Value, call.Parts!, call.Reduction!.Value, call.Site),
        GroupOperation.Broadcast => group.StartBroadcast(x, call.Peer!.Value, call.Site),
        _ => throw new ArgumentException($"{call.Operation} cannot be begun", nameof(call)),
    };

    /// <summary>Does one call, by <see cref="Pass"/> or otherwise.</summary>
    /// <param name="call">What was called.</param>
    /// <param name="x">This rank's tensor; null for a receive or a barrier.</param>
    /// <returns>The result; null for a send or a barrier.</returns>
    protected abstract Tensor? Around(GroupCall call, Tensor? x);

    /// <summary>Makes a call of a group.</summary>
    protected static Tensor? Pass(ProcessGroup group, GroupCall call, Tensor? x)
    {
        switch (call.Operation)
        {
            case GroupOperation.AllReduce:
                return group.AllReduce(x!, call.Reduction!.Value, call.Site);
            case GroupOperation.AllGather:
                return group.AllGather(x!, call.Dim!.Value, call.Site);
            case GroupOperation.ReduceScatter:
                return group.ReduceScatter(x!, call.Dim!.Value, call.Parts!, call.Reduction!.Value, call.Site);
            case GroupOperation.AllToAll:
                return group.AllToAll(x!, call.Dim!.Value, call.ConcatDim!.Value, call.Site);
            case GroupOperation.AllToAllRows:
                return group.AllToAllRows(x!, call.Parts!, call.ReceivedParts!, call.Site);
            case GroupOperation.Broadcast:
                return group.Broadcast(x!, call.Peer!.Value, call.Site);
            case GroupOperation.Send:
                group.Send(x!, call.Peer!.Value, call.Site);
                return null;
            case GroupOperation.Receive:
                return group.Receive([.. call.Shape], call.Dtype!.Value, call.Peer!.Value, call.Site);
            default:
                group.Barrier(call.Site);
                return null;
        }
    }

    private GroupCall Call(GroupOperation operation, Tensor x, Site site) => new(operation, site, Axis, Size, x.shape, x.dtype);
}
