using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// Each operation of a group over one line. Between processors only bytes move: sums are made here, in the order of the ranks, by
/// the code that makes those of local ranks, so that both give the same bits. Results belong to no scope.
/// </summary>
/// <param name="group">The group.</param>
/// <param name="line">Its connections.</param>
/// <param name="control">Connections for what must be known of other ranks before data moves.</param>
/// <param name="controlDevice">Where tensors are that go over these.</param>
internal abstract class C10dOperations(ProcessGroup group, C10dLine line, C10dLine control, Device controlDevice)
{
    // A small tensor goes whole to everybody: one message and many additions instead of two messages.
    private const long Small = 32 * 1024;

    protected ProcessGroup Group => group;

    protected C10dLine Line => line;

    private int Size => group.Size;

    public virtual Tensor AllReduce(GroupCall call, Tensor x) => Made(() =>
    {
        Agree(call, 0);
        var operation = call.Reduction!.Value;
        var flat = Flat(x);
        if (call.Bytes <= Small)
        {
            var all = Gather(call, flat).view(Size, flat.numel());
            return LocalMeaning.Reduced([.. all.unbind(0)], operation).view(x.shape);
        }

        // Each rank adds up one block of all, and the blocks are gathered. Only the last ones are short, so that what pads them
        // stands at the end.
        var blocks = Shards.Sizes(flat.numel(), Size);
        var block = Padded(Scattered(call, flat, blocks, operation), Shards.Block(flat.numel(), Size));
        return Gather(call, block).narrow(0, 0, flat.numel()).view(x.shape);
    });

    public virtual Tensor ReduceScatter(GroupCall call, Tensor x) => Made(() =>
    {
        Agree(call, 0);
        var (dim, parts) = (call.Dim!.Value, call.Parts!);
        var flat = Packed(x, dim, parts);
        var row = x.shape[dim] == 0 ? 0 : flat.numel() / x.shape[dim];
        return Scattered(call, flat, [.. parts.Select(part => part * row)], call.Reduction!.Value).view(Resized(x, dim, parts[group.Rank]));
    });

    public Tensor AllGather(GroupCall call, Tensor x) => Made(() =>
    {
        var dim = call.Dim!.Value;
        var lengths = Agree(call, x.shape[dim]).Select(header => header.Length).ToArray();
        var flat = Flat(x);
        var row = lengths.Sum() == 0 ? 0 : lengths.Max() * Elements(Resized(x, dim, 1));
        var all = Gather(call, Padded(flat, row));
        if (lengths.All(length => length == lengths[0]) && x.shape.Take(dim).All(size => size == 1))
        {
            return all.view(Resized(x, dim, lengths.Sum()));
        }

        var shapes = lengths.Select(length => Resized(x, dim, length));
        return cat([.. shapes.Select((shape, rank) => all.narrow(0, rank * row, Elements(shape)).view(shape))], dim);
    });

    public Tensor AllToAll(GroupCall call, Tensor x) => Made(() =>
    {
        var (split, concat) = (call.Dim!.Value, call.ConcatDim!.Value);
        var lengths = Agree(call, x.shape[concat]).Select(header => header.Length).ToArray();
        var parts = Shards.Sizes(x.shape[split], Size);
        var sent = parts.Select(part => Elements(Resized(x, split, part))).ToArray();
        var shapes = lengths.Select(length =>
        {
            var shape = Resized(x, split, parts[group.Rank]);
            shape[concat] = length;
            return shape;
        }).ToArray();
        return cat([.. Exchange(call, Packed(x, split, parts), sent, shapes)], concat);
    });

    public Tensor AllToAllRows(GroupCall call, Tensor x) => Made(() =>
    {
        var headers = Agree(call, 0);
        group.CheckRows(
            [.. headers.Select(header => header.Rows.Take(Size).ToArray())], [.. headers.Select(header => header.Rows.Skip(Size).ToArray())]);
        var row = Elements(Resized(x, 0, 1));
        var shapes = call.ReceivedParts!.Select(rows => Resized(x, 0, rows)).ToArray();
        return cat([.. Exchange(call, Flat(x), [.. call.Parts!.Select(rows => rows * row)], shapes)], 0);
    });

    public Tensor Broadcast(GroupCall call, Tensor x) => Made(() =>
    {
        Agree(call, 0);
        var result = call.Peer == group.Rank ? x.detach().contiguous().clone() : empty(x.shape, x.dtype, x.device);
        if (result.numel() > 0)
        {
            line.Finish(line.Begin(call, engine => engine.Broadcast(result, call.Peer!.Value)), call);
        }

        return result;
    });

    public void Barrier(GroupCall call)
    {
        using var scope = NewDisposeScope();
        Agree(call, 0);
    }

    public void Send(GroupCall call, Tensor x, C10dOutbox outbox)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        // Its own memory: the caller may change x.
        var copy = x.detach().contiguous().clone();
        outbox.Add(line.Begin(call, engine => engine.Send(C10dEnvelope.Of(call, x.device), call.Peer!.Value, C10dEnvelope.Tag)));
        if (copy.numel() > 0)
        {
            outbox.Add(line.Begin(call, engine => engine.Send(copy, call.Peer!.Value, C10dEnvelope.ContentTag)));
        }
    }

    public Tensor Receive(GroupCall call, Device device) => Made(() =>
    {
        var from = call.Peer!.Value;
        var envelope = C10dEnvelope.Empty(device);
        line.FinishMessage(line.Begin(call, engine => engine.Receive(envelope, from, C10dEnvelope.Tag)), call);
        if (C10dEnvelope.Differs(envelope, call) is { } sent)
        {
            throw new RankFaultException(
                $"rank {group.Ranks[group.Rank]} calls {call}, and rank {group.Ranks[from]} had called {sent}", null);
        }

        var content = empty([.. call.Shape], call.Dtype, device);
        if (content.numel() > 0)
        {
            line.FinishMessage(line.Begin(call, engine => engine.Receive(content, from, C10dEnvelope.ContentTag)), call);
        }

        return content;
    });

    /// <summary>Tells the others of a call, and learns of theirs; all ranks throw when they differ.</summary>
    protected C10dHeader[] Agree(GroupCall call, long length)
    {
        var mine = C10dHeader.Of(call, length).ToTensor().to(controlDevice);
        var all = empty(mine.numel() * Size, ScalarType.Byte, controlDevice);
        control.Finish(control.Begin(call, engine => engine.Gather(mine, all)), call);
        // No read where they are the host's already: it would stand against recording the pass.
        var headers = C10dHeader.Read(all.to(CPU), Size);
        var other = Array.FindIndex(headers, header => header.Hash != headers[0].Hash);
        return other < 0
            ? headers
            : throw new RankFaultException(
                $"ranks of {call.Axis} [{string.Join(", ", group.Ranks)}] call different things: "
                + $"rank {group.Ranks[0]} calls {headers[0].Words}; rank {group.Ranks[other]} calls {headers[other].Words}",
                null);
    }

    /// <summary>As many elements of each rank, one after the other.</summary>
    protected Tensor Gather(GroupCall call, Tensor flat)
    {
        var all = empty(flat.numel() * Size, flat.dtype, flat.device);
        if (all.numel() > 0)
        {
            line.Finish(line.Begin(call, engine => engine.Gather(flat, all)), call);
        }

        return all;
    }

    protected static Tensor Made(Func<Tensor> make)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var result = make();
        scope.Detach(result);
        return result;
    }

    protected static Tensor Flat(Tensor x) => x.detach().contiguous().view(-1);

    protected static Tensor Padded(Tensor flat, long length)
    {
        if (flat.numel() == length)
        {
            return flat;
        }

        var padded = zeros(length, flat.dtype, flat.device);
        padded.narrow(0, 0, flat.numel()).copy_(flat);
        return padded;
    }

    /// <summary>The parts along a dimension one after the other.</summary>
    protected static Tensor Packed(Tensor x, int dim, IReadOnlyList<long> parts)
    {
        if (x.shape.Take(dim).All(size => size == 1))
        {
            return Flat(x);
        }

        var start = 0L;
        var pieces = new List<Tensor>();
        foreach (var part in parts)
        {
            pieces.Add(x.detach().narrow(dim, start, part).reshape(-1));
            start += part;
        }

        return cat(pieces, 0);
    }

    protected static long[] Resized(Tensor x, int dim, long length)
    {
        var shape = x.shape;
        shape[dim] = length;
        return shape;
    }

    private static long Elements(IEnumerable<long> shape) => shape.Aggregate(1L, (product, size) => product * size);

    // Each rank gets its block of every rank's tensor, and reduces it.
    private Tensor Scattered(GroupCall call, Tensor flat, long[] parts, ReduceOperation operation)
    {
        var mine = parts[group.Rank];
        return LocalMeaning.Reduced(
            [.. Exchange(call, flat, parts, [.. Enumerable.Repeat<long[]>([mine], Size)])], operation);
    }

    private Tensor[] Exchange(GroupCall call, Tensor flat, long[] sent, IReadOnlyList<long[]> shapes)
    {
        var received = shapes.Select(Elements).ToArray();
        var all = empty(received.Sum(), flat.dtype, flat.device);
        var width = flat.element_size();
        line.Finish(line.Begin(call, engine => engine.Exchange(flat, [.. sent.Select(n => n * width)], all, [.. received.Select(n => n * width)])), call);

        var start = 0L;
        return [.. shapes.Select((shape, rank) =>
        {
            var part = all.narrow(0, start, received[rank]).view(shape);
            start += received[rank];
            return part;
        })];
    }
}
