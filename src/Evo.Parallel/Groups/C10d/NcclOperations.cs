using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// The operations between GPUs. NCCL adds up in an order of its own, the same on every run with the same layout; calls whose
/// shapes are equal on all ranks are not announced, so that processors need not wait for one another. What is begun goes on in
/// NCCL's own stream, and the wait makes the present stream wait for it.
/// </summary>
/// <param name="group">The group.</param>
/// <param name="line">Its connections.</param>
/// <param name="control">Connections between processors, or the same ones, for what must be known of other ranks before data moves.</param>
/// <param name="device">The GPU of this rank.</param>
internal sealed class NcclOperations(ProcessGroup group, C10dLine line, C10dLine control, Device device)
    : C10dOperations(group, line, control, line == control ? device : CPU)
{
    public override Tensor AllReduce(GroupCall call, Tensor x) => End(StartReduce(call, x));

    public override Tensor ReduceScatter(GroupCall call, Tensor x) => End(StartScatter(call, x));

    /// <summary>Begins what NCCL does in one operation; the rest is done at once.</summary>
    public PendingTensor Begin(GroupCall call, Tensor x) => call.Operation switch
    {
        GroupOperation.AllReduce => StartReduce(call, x),
        GroupOperation.ReduceScatter => StartScatter(call, x),
        GroupOperation.AllGather => StartGather(call, x),
        _ => PendingTensor.Of(Broadcast(call, x).MoveToOtherDisposeScope(CurrentDisposeScope)),
    };

    private static Tensor End(PendingTensor begun) => begun.Wait().DetachFromDisposeScope();

    private Queued StartReduce(GroupCall call, Tensor x)
    {
        var result = Made(() => x.detach().contiguous().clone());
        return new(this, call, Line.Begin(call, engine => engine.Reduce(result, call.Reduction!.Value)), result, [], all => all);
    }

    private Queued StartScatter(GroupCall call, Tensor x)
    {
        var (dim, parts) = (call.Dim!.Value, call.Parts!);
        var mine = parts[Group.Rank];
        var shape = Resized(x, dim, mine);
        var row = x.shape[dim] == 0 ? 0 : x.numel() / x.shape[dim];
        var block = parts.Max() * row;
        // NCCL's parts are even: shorter ones are padded.
        var packed = Made(() =>
        {
            var flat = Packed(x, dim, parts);
            return parts.All(part => part == parts[0])
                ? flat.alias()
                : cat([.. flat.split([.. parts.Select(part => part * row)], 0).Select(part => Padded(part, block))], 0);
        });
        var result = Made(() => empty(block, x.dtype, x.device));
        return new(
            this,
            call,
            Line.Begin(call, engine => engine.ReduceScatter(packed, result, call.Reduction!.Value)),
            result,
            [packed],
            all => all.narrow(0, 0, mine * row).view(shape));
    }

    private PendingTensor StartGather(GroupCall call, Tensor x)
    {
        var dim = call.Dim!.Value;
        long[] lengths;
        using (NewDisposeScope())
        {
            lengths = [.. Agree(call, x.shape[dim]).Select(header => header.Length)];
        }

        if (lengths.Any(length => length != lengths[0]) || x.shape.Take(dim).Any(size => size != 1) || x.numel() == 0)
        {
            return PendingTensor.Of(AllGather(call, x).MoveToOtherDisposeScope(CurrentDisposeScope));
        }

        var flat = Made(() => Flat(x).alias());
        var all = Made(() => empty(flat.numel() * Group.Size, x.dtype, x.device));
        var whole = Resized(x, dim, lengths.Sum());
        return new Queued(this, call, Line.Begin(call, engine => engine.Gather(flat, all)), all, [flat], gathered => gathered.view(whole));
    }

    private sealed class Queued(
        NcclOperations operations, GroupCall call, C10dWork work, Tensor target, Tensor[] sources, Func<Tensor, Tensor> shaped) : PendingTensor
    {
        public override bool IsDone => false;

        public override Tensor Wait()
        {
            operations.Line.Finish(work, call);
            var result = Made(() => shaped(target).alias());
            target.Dispose();
            Array.ForEach(sources, source => source.Dispose());
            return result.MoveToOtherDisposeScope(CurrentDisposeScope);
        }
    }
}
