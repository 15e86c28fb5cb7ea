namespace Evo.Core

open System

/// How one tensor lies on the ranks of one mesh axis.
type Placement =
    /// The whole on every rank, each with uses of its own: the gradients of the ranks add up.
    | Replicated
    /// The whole on every rank, in one computation that all ranks do alike: so is its gradient.
    | Invariant
    /// A slice along a dim of the tensor; of an uneven dim the first ranks hold one more.
    | Sharded of dim: int
    /// A tensor of full size on every rank; the value is their sum.
    | Partial

    /// One function for each case, so that a C# reader cannot forget one.
    member placement.Match
        (replicated: Func<'r>, invariant: Func<'r>, sharded: Func<int, 'r>, partial: Func<'r>)
        =
        match placement with
        | Replicated -> replicated.Invoke()
        | Invariant -> invariant.Invoke()
        | Sharded dim -> sharded.Invoke dim
        | Partial -> partial.Invoke()

    /// As in the table: R, I, S(d), P.
    override placement.ToString() =
        match placement with
        | Replicated -> "R"
        | Invariant -> "I"
        | Sharded dim -> $"S({dim})"
        | Partial -> "P"

/// A placement without its dim: what the table's types are made of.
[<RequireQualifiedAccess>]
type PlacementKind =
    | R
    | I
    | S
    | P

    static member Of(placement: Placement) =
        match placement with
        | Replicated -> PlacementKind.R
        | Invariant -> PlacementKind.I
        | Sharded _ -> PlacementKind.S
        | Partial -> PlacementKind.P

    /// As in the table.
    override kind.ToString() =
        match kind with
        | R -> "R"
        | I -> "I"
        | S -> "S"
        | P -> "P"
