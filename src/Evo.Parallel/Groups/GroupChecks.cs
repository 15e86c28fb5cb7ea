using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>What every kind of group refuses, in the same words, and the calls that it makes of its arguments.</summary>
internal static class GroupChecks
{
    public static GroupCall Call(this ProcessGroup group, GroupOperation operation, Tensor x, Site site) =>
        new(operation, site, group.Axis, group.Size, x.shape, x.dtype);

    public static GroupCall AllReduceCall(this ProcessGroup group, Tensor x, ReduceOperation operation, Site site) =>
        operation == ReduceOperation.Average && !x.is_floating_point()
            ? throw new ArgumentException(
                $"{site}, axis {group.Axis}: the average of {x.dtype} is not a whole number; sum it, or cast it to a floating type.")
            : group.Call(GroupOperation.AllReduce, x, site) with { Reduction = operation };

    public static GroupCall AllGatherCall(this ProcessGroup group, Tensor x, int dim, Site site) =>
        group.Call(GroupOperation.AllGather, x, site) with { Dim = ProcessGroup.Dim(x, dim) };

    public static GroupCall ReduceScatterCall(
        this ProcessGroup group, Tensor x, int dim, IReadOnlyList<long> sizes, ReduceOperation operation, Site site)
    {
        var along = ProcessGroup.Dim(x, dim);
        group.CheckParts(sizes, x.shape[along], $"dimension {along}", site);
        return group.Call(GroupOperation.ReduceScatter, x, site) with { Dim = along, Reduction = operation, Parts = sizes };
    }

    public static GroupCall AllToAllCall(this ProcessGroup group, Tensor x, int splitDim, int concatDim, Site site)
    {
        int split = ProcessGroup.Dim(x, splitDim), concat = ProcessGroup.Dim(x, concatDim);
        return split == concat
            ? throw new ArgumentException(
                $"{site}, axis {group.Axis}: an all-to-all splits and concatenates different dimensions; found {split} for both.")
            : group.Call(GroupOperation.AllToAll, x, site) with { Dim = split, ConcatDim = concat };
    }

    public static GroupCall AllToAllRowsCall(
        this ProcessGroup group, Tensor x, IReadOnlyList<long> sendRows, IReadOnlyList<long> receiveRows, Site site)
    {
        group.CheckParts(sendRows, x.shape[0], "the rows", site);
        group.CheckParts(receiveRows, receiveRows.Sum(), "what is received", site);
        return group.Call(GroupOperation.AllToAllRows, x, site) with { Parts = sendRows, ReceivedParts = receiveRows };
    }

    public static GroupCall BroadcastCall(this ProcessGroup group, Tensor x, int root, Site site) =>
        group.Call(GroupOperation.Broadcast, x, site) with { Peer = group.CheckPeer(root, site) };

    public static GroupCall SendCall(this ProcessGroup group, Tensor x, int to, Site site) =>
        group.Call(GroupOperation.Send, x, site) with { Peer = group.CheckOther(to, site) };

    public static GroupCall ReceiveCall(this ProcessGroup group, long[] shape, ScalarType dtype, int from, Site site) =>
        new(GroupOperation.Receive, site, group.Axis, group.Size, shape, dtype) { Peer = group.CheckOther(from, site) };

    public static GroupCall BarrierCall(this ProcessGroup group, Site site) =>
        new(GroupOperation.Barrier, site, group.Axis, group.Size, [], null);

    /// <summary>What one rank sends is what the other expects.</summary>
    public static void CheckRows(
        this ProcessGroup group, IReadOnlyList<IReadOnlyList<long>> sent, IReadOnlyList<IReadOnlyList<long>> expected)
    {
        for (var from = 0; from < group.Size; from++)
        {
            for (var to = 0; to < group.Size; to++)
            {
                if (sent[from][to] != expected[to][from])
                {
                    throw new ArgumentException(
                        $"rank {group.Ranks[from]} sends {sent[from][to]} rows to rank {group.Ranks[to]}, which expects {expected[to][from]}");
                }
            }
        }
    }

    private static void CheckParts(this ProcessGroup group, IReadOnlyList<long> parts, long length, string what, Site site)
    {
        if (parts.Count != group.Size || parts.Any(part => part < 0) || parts.Sum() != length)
        {
            throw new ArgumentException(
                $"{site}, axis {group.Axis}: {what} has {length}, cut into [{string.Join(", ", parts)}]; {group.Size} lengths that sum to {length} are needed.");
        }
    }

    private static int CheckPeer(this ProcessGroup group, int peer, Site site) => peer >= 0 && peer < group.Size
        ? peer
        : throw new ArgumentException($"{site}, axis {group.Axis}: there is no place {peer} in a group of {group.Size}.");

    private static int CheckOther(this ProcessGroup group, int peer, Site site) => group.CheckPeer(peer, site) != group.Rank
        ? peer
        : throw new ArgumentException(
            $"{site}, axis {group.Axis}: rank {group.Ranks[group.Rank]} (place {group.Rank}) is its own partner.");
}
