using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// A group that is wrong at one site in one way, and right everywhere else. All ranks wear the same mutant, so that calls still
/// meet; results have the right shape, so that nothing but the values can give the mistake away.
/// </summary>
/// <param name="inner">The group that does the work.</param>
/// <param name="mutant">What is wrong.</param>
/// <param name="other">The group of another axis, for <see cref="Mutation.WrongAxis"/>; without it that mutant changes nothing.</param>
public sealed class MutantGroup(ProcessGroup inner, Mutant mutant, ProcessGroup? other = null) : GroupDecorator(inner)
{
    private int changed;

    /// <summary>How many calls were changed: a mutant that changed none proves nothing.</summary>
    public int Changed => changed;

    protected override Tensor? Around(GroupCall call, Tensor? x)
    {
        if (!mutant.Concerns(call) || (mutant.Mutation == Mutation.WrongAxis && other is null))
        {
            return Pass(Inner, call, x);
        }

        changed++;
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var result = mutant.Mutation switch
        {
            Mutation.Delete => Deleted(call, x),
            Mutation.Double => call.Operation == GroupOperation.AllReduce ? Right(call, Right(call, x)) : Right(call, x) * 2,
            Mutation.AverageForSum => Right(call with { Reduction = ReduceOperation.Average }, x),
            Mutation.WrongKind => OfWrongKind(call, x!),
            Mutation.WrongDim => AlongAnotherDim(call, x!),
            Mutation.WrongOrder => InWrongOrder(call, x!),
            _ => Pass(other!, call, x)!,
        };
        return result.MoveToOuterDisposeScope();
    }

    // What is wrong is done at once, on all ranks alike; what is right is begun as it should be.
    protected override PendingTensor Begun(GroupCall call, Tensor x) =>
        mutant.Concerns(call) && (mutant.Mutation != Mutation.WrongAxis || other is not null) ? base.Begun(call, x) : PassBegun(Inner, call, x);

    private Tensor Right(GroupCall call, Tensor? x) => Pass(Inner, call, x)!;

    // Where the shape of the result depends on other ranks they are asked all the same; their data is not used.
    private Tensor Deleted(GroupCall call, Tensor? x) => call.Operation switch
    {
        GroupOperation.AllReduce or GroupOperation.Broadcast => x!.clone(),
        GroupOperation.AllGather => Fit(x!, call.Dim!.Value, Right(call, x).shape[call.Dim.Value]),
        GroupOperation.ReduceScatter => OwnPart(x!, call.Dim!.Value, call.Parts!).clone(),
        GroupOperation.AllToAll => Fit(OwnReshuffled(call, x!), call.ConcatDim!.Value, Right(call, x).shape[call.ConcatDim.Value]),
        GroupOperation.AllToAllRows => Fit(x!, 0, call.ReceivedParts!.Sum()),
        _ => zeros_like(Right(call, x)),
    };

    private Tensor OfWrongKind(GroupCall call, Tensor x)
    {
        switch (call.Operation)
        {
            case GroupOperation.AllGather:
                var right = Right(call, x);
                var dim = call.Dim!.Value;
                var padded = zeros_like(right);
                var start = Math.Min(right.shape[dim] - x.shape[dim], Rank * x.shape[dim]);
                padded.narrow(dim, start, x.shape[dim]).copy_(x);
                return padded;
            case GroupOperation.AllToAll:
                var own = OwnPart(x, call.Dim!.Value, Shards.Sizes(x.shape[call.Dim.Value], Size));
                return Fit(own, call.ConcatDim!.Value, Right(call, x).shape[call.ConcatDim.Value]);
            default:
                return Right(call with { Reduction = call.Reduction == ReduceOperation.Max ? ReduceOperation.Min : ReduceOperation.Max }, x);
        }
    }

    private Tensor AlongAnotherDim(GroupCall call, Tensor x)
    {
        int dim = call.Dim!.Value, wrong = Mutant.OtherDim(call)!.Value;
        var shape = x.shape;
        switch (call.Operation)
        {
            case GroupOperation.AllGather:
                // Uneven shards have one dimension only along which they can be gathered.
                var right = Right(call, x);
                if (right.shape[dim] != x.shape[dim] * Size)
                {
                    return right;
                }

                return cat(right.split(x.shape[dim], dim), wrong).reshape(right.shape);
            case GroupOperation.ReduceScatter:
                shape[dim] /= Size;
                return Right(call with { Dim = wrong, Parts = Shards.Sizes(x.shape[wrong], Size) }, x).reshape(shape);
            default:
                shape[dim] /= Size;
                shape[call.ConcatDim!.Value] = 1;
                var result = Right(call with { Dim = wrong }, x);
                shape[call.ConcatDim.Value] = result.numel() / Math.Max(1, shape.Aggregate(1L, (product, size) => product * size));
                return result.reshape(shape);
        }
    }

    private Tensor InWrongOrder(GroupCall call, Tensor x) => call.Operation switch
    {
        GroupOperation.AllGather => Right(call, x).roll(x.shape[call.Dim!.Value], call.Dim),
        GroupOperation.Broadcast => Right(call with { Peer = (call.Peer!.Value + 1) % Size }, x),
        GroupOperation.AllToAllRows => Right(call, x).roll(call.ReceivedParts!.FirstOrDefault(rows => rows > 0), 0),
        // Each rank gets what is meant for the next one.
        _ => Right(call, x.roll(-x.shape[call.Dim!.Value] / Size, call.Dim)),
    };

    private Tensor OwnPart(Tensor x, int dim, IReadOnlyList<long> sizes) => x.narrow(dim, sizes.Take(Rank).Sum(), sizes[Rank]);

    // What an exchange would be if every rank had this rank's data.
    private Tensor OwnReshuffled(GroupCall call, Tensor x)
    {
        var sizes = Shards.Sizes(x.shape[call.Dim!.Value], Size);
        var mine = sizes[Rank];
        return cat(
            [.. sizes.Select((_, part) => x.narrow(call.Dim.Value, Math.Min(sizes.Take(part).Sum(), x.shape[call.Dim.Value] - mine), mine))],
            call.ConcatDim!.Value);
    }

    /// <summary>Repeated, or cut off, to a length.</summary>
    private static Tensor Fit(Tensor x, int dim, long length)
    {
        var shape = x.shape;
        if (shape[dim] == 0)
        {
            shape[dim] = length;
            return zeros(shape, x.dtype, x.device);
        }

        var times = Enumerable.Repeat(1L, shape.Length).ToArray();
        times[dim] = (length + shape[dim] - 1) / shape[dim];
        return x.repeat(times).narrow(dim, 0, length).clone();
    }
}
