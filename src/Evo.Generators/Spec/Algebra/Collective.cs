// Typed steps between two placements, and what they send.
namespace Evo.Generators.Spec.Algebra;

/// <summary>What moves between the ranks, or within each.</summary>
internal enum Wire
{
    /// <summary>The local values stay as they are.</summary>
    None,
    AllReduce,
    AllGather,
    ReduceScatter,
    AllToAll,

    /// <summary>Each rank takes its slice of what it holds.</summary>
    Slice,

    /// <summary>Each rank puts its slice where it belongs among zeros.</summary>
    Pad,

    /// <summary>The first rank keeps what it holds, the others hold zeros.</summary>
    Keep,
}

/// <summary>What a rank sends to each other rank: parts (an n-th of the tensor) and crumbs (an n-th of a part).</summary>
internal readonly record struct WireCost(int Parts, int Crumbs);

/// <param name="Dual">The collective that its backward is.</param>
internal sealed record Collective(string Name, PlacementKind From, PlacementKind To, Wire Wire, string Dual)
{
    public override string ToString() =>
        Name + " " + Placement.Letter(From) + " -> " + Placement.Letter(To) + " " + Text(Wire) + " dual " + Dual;

    /// <summary>As in the table.</summary>
    public static string Text(Wire wire) => wire switch
    {
        Wire.None => "none",
        Wire.AllReduce => "all_reduce",
        Wire.AllGather => "all_gather",
        Wire.ReduceScatter => "reduce_scatter",
        Wire.AllToAll => "all_to_all",
        Wire.Slice => "slice",
        Wire.Pad => "pad",
        _ => "keep",
    };
}

/// <summary>A collective between two given placements of one tensor.</summary>
internal sealed record CollectiveStep(Collective Collective, Placement From, Placement To)
{
    public override string ToString() => Collective.Name + " " + From + " -> " + To;
}
