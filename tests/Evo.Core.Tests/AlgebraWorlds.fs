/// Small worlds of one axis, and what the laws of collectives say in each.
module Evo.Core.Tests.AlgebraWorlds

open FsCheck
open FsCheck.FSharp
open Evo.Core
open Evo.Core.Meaning
open Evo.Core.Tests.Properties

let algebra = Algebra.standard ()

/// One axis and one tensor on it.
type World =
    {
        Ranks: int
        Shape: int list
        Seed: int
    }

    /// The tensor: small numbers of both signs.
    member world.Values(salt: int) =
        Tensor.random (uint64 (1000 * world.Seed + salt)) world.Shape
        |> Tensor.map (fun x -> x % 10L)

    member world.Splitter(salt: int) =
        Sharding.split (uint64 (1000 * world.Seed + salt))

let worlds =
    gen {
        let! ranks = Gen.choose (1, 4)
        let! dims = Gen.choose (1, 3)
        let! shape = Gen.listOfLength dims (Gen.choose (1, 6))
        let! seed = Gen.choose (1, 100_000)

        return
            {
                Ranks = ranks
                Shape = shape
                Seed = seed
            }
    }

let smaller (world: World) =
    seq {
        if world.Ranks > 1 then
            { world with Ranks = world.Ranks - 1 }

        // A placement may name any dim but the first two, so two stay.
        if world.Shape.Length > 2 then
            { world with
                Shape = List.removeAt (world.Shape.Length - 1) world.Shape
            }

        for dim in 0 .. world.Shape.Length - 1 do
            if world.Shape[dim] > 1 then
                { world with
                    Shape = List.updateAt dim (world.Shape[dim] - 1) world.Shape
                }
    }

let places (shape: int list) = Soundness.placements shape.Length

/// A world and some placements of its tensor, by number, so that they stay placements while the world shrinks.
let placed count =
    Gen.zip worlds (Gen.listOfLength count (Gen.choose (0, 99)))

let smallerPlaced (world, choices) =
    seq { for world in smaller world -> world, choices }

let chosen (world: World) choices =
    let places = places world.Shape
    choices |> List.map (fun (choice: int) -> places[choice % places.Length])

/// All laws of one case together.
let both (laws: Property list) =
    laws |> List.reduce (fun a b -> FsCheck.Fluent.Prop.And(a, b))

/// Every collective as a step between all placements of its types.
let steps (shape: int list) =
    [
        for source in places shape do
            for target in places shape do
                yield! algebra.Step(source, target) |> Option.toList
    ]

let dual step = (algebra.Dual step).Value

/// ⟨C x, y⟩ = ⟨x, C* y⟩ for a collective and its dual in a world.
let adjoint (algebra: Algebra) (world: World) (step: CollectiveStep) =
    let backward = (algebra.Dual step).Value
    let x = Sharding.shard (world.Splitter 3) world.Ranks step.From (world.Values 4)
    let y = Sharding.shard (world.Splitter 5) world.Ranks backward.From (world.Values 6)

    Sharding.inner step.To (Movement.run step x) y
    =? Sharding.inner step.From x (Movement.run backward y)
    |> Prop.label $"{step}, {backward}"

/// What a step gives stands for what it was given, and lies as it says.
let keepsValue (world: World) (step: CollectiveStep) =
    let x = world.Values 7

    Sharding.shard (world.Splitter 8) world.Ranks step.From x
    |> Movement.run step
    |> Sharding.unshard step.To
    =? Ok x
    |> Prop.label $"{step}"
