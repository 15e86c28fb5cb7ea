using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>A group of ranks that are threads of this process. The last rank to arrive computes everybody's result.</summary>
internal sealed class LocalGroup : ProcessGroup
{
    private readonly LocalMeetings world;
    private readonly LocalMeeting meeting;

    public LocalGroup(LocalMeetings world, string axis, int rank, IReadOnlyList<int> ranks)
        : base(axis, rank, ranks)
    {
        this.world = world;
        meeting = world.MeetingOf(axis, Ranks);
    }

    public override Tensor AllReduce(Tensor x, ReduceOperation operation, Site site)
    {
        if (operation == ReduceOperation.Average && !x.is_floating_point())
        {
            throw new ArgumentException($"{site}, axis {Axis}: the average of {x.dtype} is not a whole number; sum it, or cast it to a floating type.");
        }

        return Meet(Call(GroupOperation.AllReduce, x, site) with { Reduction = operation }, x, all => LocalMeaning.AllReduce(all, operation));
    }

    public override Tensor AllGather(Tensor x, int dim, Site site)
    {
        var along = Dim(x, dim);
        return Meet(Call(GroupOperation.AllGather, x, site) with { Dim = along }, x, all => LocalMeaning.AllGather(all, along));
    }

    public override Tensor ReduceScatter(Tensor x, int dim, IReadOnlyList<long> sizes, ReduceOperation operation, Site site)
    {
        var along = Dim(x, dim);
        CheckParts(sizes, x.shape[along], $"dimension {along}", site);
        return Meet(
            Call(GroupOperation.ReduceScatter, x, site) with { Dim = along, Reduction = operation, Parts = sizes },
            x,
            all => LocalMeaning.ReduceScatter(all, along, sizes, operation));
    }

    public override Tensor AllToAll(Tensor x, int splitDim, int concatDim, Site site)
    {
        int split = Dim(x, splitDim), concat = Dim(x, concatDim);
        if (split == concat)
        {
            throw new ArgumentException($"{site}, axis {Axis}: an all-to-all splits and concatenates different dimensions; found {split} for both.");
        }

        return Meet(
            Call(GroupOperation.AllToAll, x, site) with { Dim = split, ConcatDim = concat },
            x,
            all => LocalMeaning.AllToAll(all, split, concat));
    }

    public override Tensor AllToAllRows(Tensor x, IReadOnlyList<long> sendRows, IReadOnlyList<long> receiveRows, Site site)
    {
        CheckParts(sendRows, x.shape[0], "the rows", site);
        CheckParts(receiveRows, receiveRows.Sum(), "what is received", site);
        return world.Meet(
            meeting,
            Rank,
            Call(GroupOperation.AllToAllRows, x, site) with { Parts = sendRows, ReceivedParts = receiveRows },
            x,
            (tensors, calls) =>
            {
                CheckRows(calls);
                return LocalMeaning.AllToAllRows(tensors!, [.. calls.Select(call => call.Parts!)]);
            })!;
    }

    public override Tensor Broadcast(Tensor x, int root, Site site) => Meet(
        Call(GroupOperation.Broadcast, x, site) with { Peer = CheckPeer(root, site) },
        x,
        all => LocalMeaning.Broadcast(all, root));

    public override void Send(Tensor x, int to, Site site) =>
        world.Send(meeting, Rank, Call(GroupOperation.Send, x, site) with { Peer = CheckOther(to, site) }, x);

    public override Tensor Receive(long[] shape, ScalarType dtype, int from, Site site) => world.Receive(
        meeting, Rank, new(GroupOperation.Receive, site, Axis, Size, shape, dtype) { Peer = CheckOther(from, site) });

    public override void Barrier(Site site) =>
        world.Meet(meeting, Rank, new(GroupOperation.Barrier, site, Axis, Size, [], null), null, (_, _) => null);

    private GroupCall Call(GroupOperation operation, Tensor x, Site site) => new(operation, site, Axis, Size, x.shape, x.dtype);

    private Tensor Meet(GroupCall call, Tensor x, Func<IReadOnlyList<Tensor>, Tensor[]> compute) =>
        world.Meet(meeting, Rank, call, x, (tensors, _) => compute(tensors!))!;

    private void CheckParts(IReadOnlyList<long> parts, long length, string what, Site site)
    {
        if (parts.Count != Size || parts.Any(part => part < 0) || parts.Sum() != length)
        {
            throw new ArgumentException(
                $"{site}, axis {Axis}: {what} has {length}, cut into [{string.Join(", ", parts)}]; {Size} lengths that sum to {length} are needed.");
        }
    }

    // What one rank sends is what the other expects.
    private void CheckRows(IReadOnlyList<GroupCall> calls)
    {
        for (var from = 0; from < Size; from++)
        {
            for (var to = 0; to < Size; to++)
            {
                if (calls[from].Parts![to] != calls[to].ReceivedParts![from])
                {
                    throw new ArgumentException(
                        $"rank {Ranks[from]} sends {calls[from].Parts![to]} rows to rank {Ranks[to]}, which expects {calls[to].ReceivedParts![from]}");
                }
            }
        }
    }

    private int CheckPeer(int peer, Site site) => peer >= 0 && peer < Size
        ? peer
        : throw new ArgumentException($"{site}, axis {Axis}: there is no place {peer} in a group of {Size}.");

    private int CheckOther(int peer, Site site) => CheckPeer(peer, site) != Rank
        ? peer
        : throw new ArgumentException($"{site}, axis {Axis}: rank {Ranks[Rank]} (place {Rank}) is its own partner.");
}
