using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// A group of ranks that are processes, over c10d. Every call is announced to the others before data moves, so that calls that
/// differ end with both in words. What was begun goes on in a thread and over connections of its own.
/// </summary>
internal sealed class C10dGroup : ProcessGroup
{
    private readonly C10dOperations now;
    private readonly Lazy<C10dOperations> meanwhile;
    private readonly Lazy<C10dLane> lane;
    private readonly C10dOutbox outbox;
    private readonly List<C10dLine> lines = [];
    private readonly Device device;

    /// <param name="axis">The axis.</param>
    /// <param name="rank">This rank's place.</param>
    /// <param name="ranks">The group's ranks.</param>
    /// <param name="connect">Connects a line of this name, between processors or, where it says so, between GPUs.</param>
    /// <param name="faults">What is known of faults.</param>
    /// <param name="options">The kind, and the longest wait.</param>
    public C10dGroup(
        string axis, int rank, IReadOnlyList<int> ranks, Func<string, bool, C10dEngine> connect, RankFaults faults, C10dOptions options)
        : base(axis, rank, ranks)
    {
        device = options.Place;
        outbox = new(faults);
        now = Over("now");
        meanwhile = new(() => Over("meanwhile"));
        lane = new(() => new($"{axis}, begun"));

        C10dOperations Over(string name)
        {
            if (options.Engine == RankEngine.Gloo)
            {
                return new GlooOperations(this, LineOf(name, false));
            }

            var data = LineOf(name + " device", true);
            // Without Gloo, as in pip's torch, calls are announced between the GPUs, too, for which processors wait.
            return new NcclOperations(this, data, C10dEngine.HasGloo ? LineOf(name, false) : data, device);
        }

        C10dLine LineOf(string name, bool onDevice)
        {
            var line = new C10dLine(this, () => connect(name, onDevice), faults, options.Timeout);
            lines.Add(line);
            return line;
        }
    }

    public override Tensor AllReduce(Tensor x, ReduceOperation operation, Site site) =>
        Scoped(now.AllReduce(this.AllReduceCall(x, operation, site), Here(x)));

    public override Tensor AllGather(Tensor x, int dim, Site site) => Scoped(now.AllGather(this.AllGatherCall(x, dim, site), Here(x)));

    public override Tensor ReduceScatter(Tensor x, int dim, IReadOnlyList<long> sizes, ReduceOperation operation, Site site) =>
        Scoped(now.ReduceScatter(this.ReduceScatterCall(x, dim, sizes, operation, site), Here(x)));

    public override Tensor AllToAll(Tensor x, int splitDim, int concatDim, Site site) =>
        Scoped(now.AllToAll(this.AllToAllCall(x, splitDim, concatDim, site), Here(x)));

    public override Tensor AllToAllRows(Tensor x, IReadOnlyList<long> sendRows, IReadOnlyList<long> receiveRows, Site site) =>
        Scoped(now.AllToAllRows(this.AllToAllRowsCall(x, sendRows, receiveRows, site), Here(x)));

    public override Tensor Broadcast(Tensor x, int root, Site site) =>
        Scoped(now.Broadcast(this.BroadcastCall(x, root, site), Here(x)));

    public override void Send(Tensor x, int to, Site site) => now.Send(this.SendCall(x, to, site), Here(x), outbox);

    public override Tensor Receive(long[] shape, ScalarType dtype, int from, Site site) =>
        Scoped(now.Receive(this.ReceiveCall(shape, dtype, from, site), device));

    public override void Barrier(Site site) => now.Barrier(this.BarrierCall(site));

    public override PendingTensor StartAllReduce(Tensor x, ReduceOperation operation, Site site)
    {
        var call = this.AllReduceCall(x, operation, site);
        return Begin(call, x, x => meanwhile.Value.AllReduce(call, x));
    }

    public override PendingTensor StartAllGather(Tensor x, int dim, Site site)
    {
        var call = this.AllGatherCall(x, dim, site);
        return Begin(call, x, x => meanwhile.Value.AllGather(call, x));
    }

    public override PendingTensor StartReduceScatter(Tensor x, int dim, IReadOnlyList<long> sizes, ReduceOperation operation, Site site)
    {
        var call = this.ReduceScatterCall(x, dim, sizes, operation, site);
        return Begin(call, x, x => meanwhile.Value.ReduceScatter(call, x));
    }

    public override PendingTensor StartBroadcast(Tensor x, int root, Site site)
    {
        var call = this.BroadcastCall(x, root, site);
        return Begin(call, x, x => meanwhile.Value.Broadcast(call, x));
    }

    /// <summary>Closes the connections, when what is under way has ended.</summary>
    /// <param name="failed">The run has failed: nothing is waited for, and what is open is left to the end of the process.</param>
    public void Close(bool failed)
    {
        if (lane.IsValueCreated && !failed)
        {
            lane.Value.Dispose();
        }

        var taken = !failed && outbox.Close();
        outbox.Dispose();
        foreach (var line in lines)
        {
            line.Close(abandon: !taken);
        }
    }

    private static Tensor Scoped(Tensor result) => result.MoveToOtherDisposeScope(CurrentDisposeScope);

    private Tensor Here(Tensor x) => x.device.type == device.type
        ? x
        : throw new ArgumentException($"axis {Axis}: a tensor on {x.device}; this group's are on {device}, or ask for the other engine.");

    private PendingTensor Begin(GroupCall call, Tensor x, Func<Tensor, Tensor> operation) => meanwhile.Value is NcclOperations nccl
        ? nccl.Begin(call, Here(x))
        : lane.Value.Begin(Here(x), operation);
}
