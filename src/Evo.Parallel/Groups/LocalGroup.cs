using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>A group of ranks that are threads of this process. The last rank to arrive computes everybody's result.</summary>
internal sealed class LocalGroup : ProcessGroup
{
    private readonly LocalMeetings world;
    private readonly LocalMeeting meeting;
    private readonly LocalRounds rounds;

    public LocalGroup(LocalMeetings world, string axis, int rank, IReadOnlyList<int> ranks)
        : base(axis, rank, ranks)
    {
        this.world = world;
        (meeting, rounds) = world.MeetingOf(axis, Ranks);
    }

    public override Tensor AllReduce(Tensor x, ReduceOperation operation, Site site) =>
        Meet(this.AllReduceCall(x, operation, site), x, all => LocalMeaning.AllReduce(all, operation));

    public override Tensor AllGather(Tensor x, int dim, Site site)
    {
        var call = this.AllGatherCall(x, dim, site);
        return Meet(call, x, all => LocalMeaning.AllGather(all, call.Dim!.Value));
    }

    public override Tensor ReduceScatter(Tensor x, int dim, IReadOnlyList<long> sizes, ReduceOperation operation, Site site)
    {
        var call = this.ReduceScatterCall(x, dim, sizes, operation, site);
        return Meet(call, x, all => LocalMeaning.ReduceScatter(all, call.Dim!.Value, sizes, operation));
    }

    public override Tensor AllToAll(Tensor x, int splitDim, int concatDim, Site site)
    {
        var call = this.AllToAllCall(x, splitDim, concatDim, site);
        return Meet(call, x, all => LocalMeaning.AllToAll(all, call.Dim!.Value, call.ConcatDim!.Value));
    }

    public override Tensor AllToAllRows(Tensor x, IReadOnlyList<long> sendRows, IReadOnlyList<long> receiveRows, Site site) => world.Meet(
        meeting,
        Rank,
        this.AllToAllRowsCall(x, sendRows, receiveRows, site),
        x,
        (tensors, calls) =>
        {
            this.CheckRows([.. calls.Select(call => call.Parts!)], [.. calls.Select(call => call.ReceivedParts!)]);
            return LocalMeaning.AllToAllRows(tensors!, [.. calls.Select(call => call.Parts!)]);
        })!;

    public override Tensor Broadcast(Tensor x, int root, Site site) =>
        Meet(this.BroadcastCall(x, root, site), x, all => LocalMeaning.Broadcast(all, root));

    public override void Send(Tensor x, int to, Site site) => world.Send(meeting, Rank, this.SendCall(x, to, site), x);

    public override Tensor Receive(long[] shape, ScalarType dtype, int from, Site site) =>
        world.Receive(meeting, Rank, this.ReceiveCall(shape, dtype, from, site));

    public override void Barrier(Site site) => world.Meet(meeting, Rank, this.BarrierCall(site), null, (_, _) => null);

    public override PendingTensor StartAllReduce(Tensor x, ReduceOperation operation, Site site) =>
        Begin(this.AllReduceCall(x, operation, site), x, all => LocalMeaning.AllReduce(all, operation));

    public override PendingTensor StartAllGather(Tensor x, int dim, Site site)
    {
        var call = this.AllGatherCall(x, dim, site);
        return Begin(call, x, all => LocalMeaning.AllGather(all, call.Dim!.Value));
    }

    public override PendingTensor StartReduceScatter(Tensor x, int dim, IReadOnlyList<long> sizes, ReduceOperation operation, Site site)
    {
        var call = this.ReduceScatterCall(x, dim, sizes, operation, site);
        return Begin(call, x, all => LocalMeaning.ReduceScatter(all, call.Dim!.Value, sizes, operation));
    }

    public override PendingTensor StartBroadcast(Tensor x, int root, Site site) =>
        Begin(this.BroadcastCall(x, root, site), x, all => LocalMeaning.Broadcast(all, root));

    private Tensor Meet(GroupCall call, Tensor x, Func<IReadOnlyList<Tensor>, Tensor[]> compute) =>
        world.Meet(meeting, Rank, call, x, (tensors, _) => compute(tensors!))!;

    private PendingTensor Begin(GroupCall call, Tensor x, Func<IReadOnlyList<Tensor>, Tensor[]> compute)
    {
        var round = world.Deposit(rounds, Ranks, Rank, call, x, compute);
        return new Pending(world, rounds, round, Rank, call);
    }

    private sealed class Pending(LocalMeetings world, LocalRounds rounds, LocalMeeting round, int place, GroupCall call) : PendingTensor
    {
        public override bool IsDone => world.IsThere(round, place);

        public override Tensor Wait() => world.Take(rounds, round, place, call);
    }
}
