namespace Evo.Core

open System
open System.Collections.Generic

/// Which ranks do what together: the groups of every axis of a mesh, by InternEvo's construction. An axis of size g that
/// follows axes of product p in its order has the groups {start + k·p | k < g}, for start in blocks of g·p; a sub-group takes
/// consecutive members of its parent. A pure value: ranks are numbers, and nothing is sent.
[<Sealed>]
type Topology(degrees: Degrees) =

    do
        match DegreeRules.problems degrees with
        | [] -> ()
        | problems -> raise (ArgumentException(String.Join("\n", problems), nameof degrees))

    /// How far apart neighbours along an axis are: the product of the axes before it.
    let stride axis =
        Degrees.Order axis
        |> List.takeWhile ((<>) axis)
        |> List.fold (fun product before -> product * degrees.Size before) 1

    let place axis rank = rank / stride axis % degrees.Size axis

    let group axis rank =
        let apart = stride axis
        let first = rank - place axis rank * apart
        Array.init (degrees.Size axis) (fun k -> first + k * apart)

    let list (ranks: int array) : IReadOnlyList<int> = Array.AsReadOnly ranks

    /// Each group once, by its first rank.
    let every (groupOf: int -> int array) : IReadOnlyList<IReadOnlyList<int>> =
        [|
            for rank in 0 .. degrees.World - 1 do
                let members = groupOf rank

                if members[0] = rank then
                    list members
        |]
        |> Array.AsReadOnly
        :> IReadOnlyList<_>

    let known rank =
        if rank < 0 || rank >= degrees.World then
            raise (
                ArgumentOutOfRangeException(
                    nameof rank,
                    rank,
                    $"the world has the ranks 0 to {degrees.World - 1}"
                )
            )

    /// A size that does not divide its parent's, such as a ZeRO size taken over to the experts' data ranks, is cut down to
    /// what does.
    let part parent size =
        let whole = degrees.Size parent
        if size = -1 then whole else DegreeRules.gcd size whole

    let block parent size rank =
        let size = part parent size
        let members = group parent rank
        Array.sub members (place parent rank / size * size) size

    let across parent size rank =
        let size = part parent size
        let members = group parent rank
        Array.init (members.Length / size) (fun b -> members[b * size + place parent rank % size])

    /// The sizes that it is made from.
    member _.Degrees = degrees

    /// All groups of an axis, in the order of their first ranks. They partition the world.
    member _.Groups(axis: MeshAxis) = every (group axis)

    /// The ranks along an axis through one rank, in the order of their places.
    member _.GroupOf(axis: MeshAxis, rank: int) =
        known rank
        list (group axis rank)

    /// A rank's place along an axis, from 0.
    member _.PlaceOf(axis: MeshAxis, rank: int) =
        known rank
        place axis rank

    /// The rank at a place of each axis of the order (tensor, data, pipeline).
    member _.RankAt(tensor: int, data: int, pipeline: int) =
        let rank = tensor + degrees.Tensor * data + degrees.Tensor * degrees.Data * pipeline

        known rank
        rank

    /// The ranks of the stage that a rank belongs to: data-major, the tensor axis inner.
    member _.StageOf(rank: int) =
        known rank
        let first = rank / degrees.StageSize * degrees.StageSize
        list (Array.init degrees.StageSize (fun k -> first + k))

    /// Ranks of a sub-group of a given size along an axis: the size where it divides the axis, otherwise the largest part of
    /// it that does; -1 takes the whole axis.
    member _.PartSize(parent: MeshAxis, size: int) = part parent size

    /// The sub-group of a rank: consecutive members of its group along the parent axis.
    member _.PartOf(parent: MeshAxis, size: int, rank: int) =
        known rank
        list (block parent size rank)

    /// The ranks at the same place of each sub-group of the rank's group along the parent axis.
    member _.ReplicasOf(parent: MeshAxis, size: int, rank: int) =
        known rank
        list (across parent size rank)

    /// All sub-groups, by their first ranks. They partition every group of the parent axis.
    member _.Parts(parent: MeshAxis, size: int) = every (block parent size)

    /// All groups across sub-groups, by their first ranks. Each meets each sub-group of its parent group in one rank.
    member _.Replicas(parent: MeshAxis, size: int) = every (across parent size)

    /// Ranks that share the optimizer's state of what the parent axis holds alike.
    member _.ZeroSize(parent: MeshAxis) = part parent degrees.Zero

    /// The ranks that share the optimizer's state with this one.
    member topology.ZeroGroupOf(parent: MeshAxis, rank: int) =
        topology.PartOf(parent, degrees.Zero, rank)

    /// The ranks that hold the same share of the optimizer's state as this one.
    member topology.ZeroReplicaGroupOf(parent: MeshAxis, rank: int) =
        topology.ReplicasOf(parent, degrees.Zero, rank)

    /// Ranks that share each parameter between its uses.
    member _.FsdpSize(parent: MeshAxis) = part parent degrees.Fsdp

    /// The ranks that share each parameter with this one.
    member topology.FsdpGroupOf(parent: MeshAxis, rank: int) =
        topology.PartOf(parent, degrees.Fsdp, rank)

    /// The ranks that hold the same share of each parameter as this one.
    member topology.FsdpReplicaGroupOf(parent: MeshAxis, rank: int) =
        topology.ReplicasOf(parent, degrees.Fsdp, rank)
