using System.Diagnostics;
using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>A group whose calls are written into the rank's flight record.</summary>
/// <param name="inner">The group that does the work.</param>
/// <param name="record">The record of the rank, which all its groups share.</param>
public sealed class RecordedGroup(ProcessGroup inner, FlightRecord record) : GroupDecorator(inner)
{
    public override PendingTensor StartAllReduce(Tensor x, ReduceOperation operation, Site site) =>
        Begun(this.AllReduceCall(x, operation, site), () => Inner.StartAllReduce(x, operation, site));

    public override PendingTensor StartAllGather(Tensor x, int dim, Site site) =>
        Begun(this.AllGatherCall(x, dim, site), () => Inner.StartAllGather(x, dim, site));

    public override PendingTensor StartReduceScatter(Tensor x, int dim, IReadOnlyList<long> sizes, ReduceOperation operation, Site site) =>
        Begun(this.ReduceScatterCall(x, dim, sizes, operation, site), () => Inner.StartReduceScatter(x, dim, sizes, operation, site));

    public override PendingTensor StartBroadcast(Tensor x, int root, Site site) =>
        Begun(this.BroadcastCall(x, root, site), () => Inner.StartBroadcast(x, root, site));

    protected override Tensor? Around(GroupCall call, Tensor? x) => Recorded(record.Begin(call, FlightRecord.SeriesOf(Inner, call)), () => Pass(Inner, call, x));

    private PendingTensor Begun(GroupCall call, Func<PendingTensor> begin)
    {
        var entry = record.Begin(call, FlightRecord.SeriesOf(Inner, call));
        try
        {
            return new Pending(this, entry, begin());
        }
        catch (Exception)
        {
            record.End(entry, failed: true);
            throw;
        }
    }

    private T Recorded<T>(FlightEntry entry, Func<T> act)
    {
        var began = Stopwatch.GetTimestamp();
        try
        {
            var result = act();
            record.End(entry, failed: false);
            record.Waited?.Invoke($"{entry.Call.Operation} over {Axis}", began, Stopwatch.GetTimestamp());
            return result;
        }
        catch (Exception)
        {
            record.End(entry, failed: true);
            throw;
        }
    }

    private sealed class Pending(RecordedGroup group, FlightEntry entry, PendingTensor inner) : PendingTensor
    {
        public override bool IsDone => inner.IsDone;

        public override Tensor Wait() => group.Recorded(entry, inner.Wait);
    }
}
