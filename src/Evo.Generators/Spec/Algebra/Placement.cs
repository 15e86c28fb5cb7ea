// How a tensor lies on the ranks of one mesh axis. Evo.Core has the same type; an F# assembly cannot be loaded into the compiler.
using System;
using System.Globalization;

namespace Evo.Generators.Spec.Algebra;

/// <summary>The placements, without the dim of a sharded one.</summary>
internal enum PlacementKind
{
    /// <summary>The whole on every rank, each with uses of its own: the gradients of the ranks add up.</summary>
    Replicated,

    /// <summary>The whole on every rank, in one computation that all ranks do alike: so is its gradient.</summary>
    Invariant,

    /// <summary>A slice along a dim of the tensor.</summary>
    Sharded,

    /// <summary>A tensor of full size on every rank; the value is their sum.</summary>
    Partial,
}

/// <summary>A placement; <see cref="Dim"/> is 0 unless it is sharded.</summary>
internal readonly record struct Placement(PlacementKind Kind, int Dim) : IEquatable<Placement>
{
    public static Placement Replicated => new(PlacementKind.Replicated, 0);

    public static Placement Invariant => new(PlacementKind.Invariant, 0);

    public static Placement Partial => new(PlacementKind.Partial, 0);

    public static Placement Sharded(int dim) => new(PlacementKind.Sharded, dim);

    /// <summary>As in the table: R, I, S(d), P.</summary>
    public override string ToString() =>
        Kind == PlacementKind.Sharded ? "S(" + Dim.ToString(CultureInfo.InvariantCulture) + ")" : Letter(Kind);

    /// <summary>The letter of the table for a kind.</summary>
    public static string Letter(PlacementKind kind) => kind switch
    {
        PlacementKind.Replicated => "R",
        PlacementKind.Invariant => "I",
        PlacementKind.Sharded => "S",
        _ => "P",
    };
}
