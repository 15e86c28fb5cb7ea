using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>The operations of a <see cref="ProcessGroup"/>.</summary>
public enum GroupOperation
{
    /// <summary>All tensors become one.</summary>
    AllReduce,

    /// <summary>Shards become the whole.</summary>
    AllGather,

    /// <summary>Tensors become one, of which each rank gets its part.</summary>
    ReduceScatter,

    /// <summary>One dimension is cut, another made whole.</summary>
    AllToAll,

    /// <summary>Rows to the ranks that want them.</summary>
    AllToAllRows,

    /// <summary>The tensor of one rank.</summary>
    Broadcast,

    /// <summary>A tensor to one rank.</summary>
    Send,

    /// <summary>A tensor from one rank.</summary>
    Receive,

    /// <summary>All wait for all.</summary>
    Barrier,
}

/// <summary>One call of a group's operation by one rank: what messages, recorders and mutants know of it.</summary>
/// <param name="Operation">Which operation.</param>
/// <param name="Site">Its place.</param>
/// <param name="Axis">The group's axis.</param>
/// <param name="Size">Ranks in the group.</param>
/// <param name="Shape">Shape of this rank's tensor (what is received, for Receive); empty for a barrier.</param>
/// <param name="Dtype">Its type; null for a barrier.</param>
public sealed record GroupCall(
    GroupOperation Operation, Site Site, string Axis, int Size, IReadOnlyList<long> Shape, ScalarType? Dtype)
{
    /// <summary>How a reduction reduces.</summary>
    public ReduceOperation? Reduction { get; init; }

    /// <summary>The dimension that is gathered, scattered or split.</summary>
    public int? Dim { get; init; }

    /// <summary>The dimension that an all-to-all makes whole.</summary>
    public int? ConcatDim { get; init; }

    /// <summary>Root of a broadcast, receiver of a send, sender of a receive: a place in the group.</summary>
    public int? Peer { get; init; }

    /// <summary>Lengths of the parts of a reduce-scatter; rows sent of an exchange of rows.</summary>
    public IReadOnlyList<long>? Parts { get; init; }

    /// <summary>Rows received of an exchange of rows.</summary>
    public IReadOnlyList<long>? ReceivedParts { get; init; }

    /// <summary>Bytes of this rank's tensor.</summary>
    public long Bytes => Dtype is { } type ? Elements * SizeOf(type) : 0;

    private long Elements => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>"all-reduce (sum) of float32 [4, 8], site 3 forward, axis tensor".</summary>
    public override string ToString()
    {
        string[] details =
        [
            .. Reduction is { } r ? [r.ToString().ToLowerInvariant()] : Array.Empty<string>(),
            .. Dim is { } d ? [$"dim {d}"] : Array.Empty<string>(),
            .. ConcatDim is { } c ? [$"concatenating dim {c}"] : Array.Empty<string>(),
            .. Peer is { } p ? [$"{(Operation == GroupOperation.Send ? "to" : Operation == GroupOperation.Receive ? "from" : "root")} {p}"] : Array.Empty<string>(),
            .. Parts is { } parts ? [$"parts {string.Join("+", parts)}"] : Array.Empty<string>(),
            .. ReceivedParts is { } received ? [$"received {string.Join("+", received)}"] : Array.Empty<string>(),
        ];
        return Name(Operation) + (details.Length > 0 ? $" ({string.Join(", ", details)})" : "")
            + (Dtype is { } type ? $" of {type.ToString().ToLowerInvariant()} [{string.Join(", ", Shape)}]" : "") + $", {Site}, axis {Axis}";
    }

    /// <summary>
    /// What has to be equal on all ranks that meet, as text: the operation, its place and its parameters, the type, and the
    /// shape but for the dimension in which ranks may differ.
    /// </summary>
    internal string Agreement()
    {
        var free = Operation switch
        {
            GroupOperation.AllGather => Dim,
            GroupOperation.AllToAll => ConcatDim,
            GroupOperation.AllToAllRows => 0,
            _ => null,
        };
        var parts = Operation == GroupOperation.AllToAllRows ? null : Parts;
        return $"{Operation} {Site} {Reduction} {Dim} {ConcatDim} {Peer} {(parts is null ? "" : string.Join("+", parts))} {Dtype} "
            + string.Join(",", Shape.Select((size, dim) => dim == free ? "*" : size.ToString()));
    }

    private static string Name(GroupOperation operation) => operation switch
    {
        GroupOperation.AllReduce => "all-reduce",
        GroupOperation.AllGather => "all-gather",
        GroupOperation.ReduceScatter => "reduce-scatter",
        GroupOperation.AllToAll => "all-to-all",
        GroupOperation.AllToAllRows => "all-to-all of rows",
        GroupOperation.Broadcast => "broadcast",
        GroupOperation.Send => "send",
        GroupOperation.Receive => "receive",
        _ => "barrier",
    };

    private static int SizeOf(ScalarType type) => type switch
    {
        ScalarType.Float64 or ScalarType.Int64 or ScalarType.ComplexFloat32 => 8,
        ScalarType.Float32 or ScalarType.Int32 => 4,
        ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Int16 => 2,
        ScalarType.ComplexFloat64 => 16,
        _ => 1,
    };
}
