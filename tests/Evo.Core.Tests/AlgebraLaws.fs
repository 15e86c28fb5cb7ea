/// The laws of placements, collectives and redistribution, on exact whole numbers.
module Evo.Core.Tests.AlgebraLaws

open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Meaning
open Evo.Core.Tests.Properties

let private algebra = Algebra.standard ()

/// One axis and one tensor on it.
type private World =
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

let private worlds =
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

let private smaller (world: World) =
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

let private places (shape: int list) = Soundness.placements shape.Length

/// A world and some placements of its tensor, by number, so that they stay placements while the world shrinks.
let private placed count =
    Gen.zip worlds (Gen.listOfLength count (Gen.choose (0, 99)))

let private smallerPlaced (world, choices) =
    seq { for world in smaller world -> world, choices }

let private chosen (world: World) choices =
    let places = places world.Shape
    choices |> List.map (fun (choice: int) -> places[choice % places.Length])

/// All laws of one case together.
let private both (laws: Property list) =
    laws |> List.reduce (fun a b -> FsCheck.Fluent.Prop.And(a, b))

[<Fact>]
let ``what is sharded and put together again is what it was, for every placement and uneven sizes`` () =
    law worlds smaller (fun world ->
        let x = world.Values 1

        places world.Shape
        |> List.map (fun placement ->
            Sharding.shard (world.Splitter 2) world.Ranks placement x
            |> Sharding.unshard placement
            =? Ok x)
        |> both)

/// A mesh, and a tensor that lies on it.
type private MeshWorld =
    {
        Mesh: int list
        Layout: Sharding.Layout
        Tensor: World
    }

let private meshWorlds =
    gen {
        let! axes = Gen.choose (1, 3)
        let! mesh = Gen.listOfLength axes (Gen.choose (1, 3))
        let! tensor = worlds
        let! order = Gen.shuffle [| 0 .. axes - 1 |]
        let! placements = Gen.listOfLength axes (Gen.elements (places tensor.Shape))

        return
            {
                Mesh = mesh
                Layout = List.zip (List.ofArray order) placements
                Tensor = tensor
            }
    }

let private smallerMesh world =
    seq {
        for axis in 0 .. world.Mesh.Length - 1 do
            if world.Mesh[axis] > 1 then
                { world with
                    Mesh = List.updateAt axis (world.Mesh[axis] - 1) world.Mesh
                }

        for i in 0 .. world.Layout.Length - 1 do
            let axis, placement = world.Layout[i]

            if placement <> Replicated then
                { world with
                    Layout = List.updateAt i (axis, Replicated) world.Layout
                }

        for tensor in smaller world.Tensor do
            if tensor.Shape.Length = world.Tensor.Shape.Length then
                { world with Tensor = tensor }
    }

[<Fact>]
let ``what is sharded over several axes, in any order, and put together again is what it was`` () =
    law meshWorlds smallerMesh (fun world ->
        let x = world.Tensor.Values 1

        Sharding.shardOnMesh (world.Tensor.Splitter 2) world.Mesh world.Layout x
        |> Sharding.unshardOnMesh world.Mesh world.Layout
        =? Ok x)

[<Fact>]
let ``the order of two axes that shard one dim says who holds what`` () =
    let x = { Shape = [ 6 ]; Data = [| 1L .. 6L |] }

    let held layout =
        Sharding.shardOnMesh (Sharding.split 1UL) [ 2; 3 ] layout x
        |> List.map (fun piece -> piece.Data[0])

    Assert.Equal<int64 list>([ 1L; 2L; 3L; 4L; 5L; 6L ], held [ 0, Sharded 0; 1, Sharded 0 ])
    Assert.Equal<int64 list>([ 1L; 3L; 5L; 2L; 4L; 6L ], held [ 1, Sharded 0; 0, Sharded 0 ])

    // Put together in the other order it is another tensor.
    let pieces =
        Sharding.shardOnMesh (Sharding.split 1UL) [ 2; 3 ] [ 0, Sharded 0; 1, Sharded 0 ] x

    Assert.NotEqual(Ok x, Sharding.unshardOnMesh [ 2; 3 ] [ 1, Sharded 0; 0, Sharded 0 ] pieces)

[<Fact>]
let ``pieces that no tensor has are refused`` () =
    let piece size =
        {
            Shape = [ size ]
            Data = [| for i in 1..size -> int64 i |]
        }

    Assert.Equal(Error "rank 0 holds 1 of dim 0, not 2", Sharding.unshard (Sharded 0) [ piece 1; piece 2 ])

    Assert.Equal(
        Error "rank 0 holds [2: 1 2], rank 1 holds [3: 1 2 3]",
        Sharding.unshard Invariant [ piece 2; piece 3 ]
    )

    Assert.Equal(Error "shapes [2] and [3] differ", Sharding.unshard Partial [ piece 2; piece 3 ])
    Assert.Equal(Error "there is no dim 1", Sharding.unshard (Sharded 1) [ piece 2; piece 2 ])

/// Every collective as a step between all placements of its types.
let private steps (shape: int list) =
    [
        for source in places shape do
            for target in places shape do
                yield! algebra.Step(source, target) |> Option.toList
    ]

let private dual step = (algebra.Dual step).Value

[<Fact>]
let ``there is a step for every collective, and one between any two placements`` () =
    let shape = [ 1; 1 ]
    let used = steps shape |> List.map _.Collective.Name |> List.distinct |> List.sort
    Assert.Equal<string list>(algebra.Collectives |> List.map _.Name |> List.sort, used)
    Assert.Equal(5 * 4, (steps shape).Length)

[<Fact>]
let ``the dual of the dual of a step is the step, and its types are the gradients of the other's`` () =
    for placement in places [ 1; 1; 1 ] do
        Assert.Equal(placement, algebra.Gradient(algebra.Gradient placement))

    for step in steps [ 1; 1; 1 ] do
        Assert.Equal(step, dual (dual step))
        Assert.Equal(algebra.Gradient step.To, (dual step).From)
        Assert.Equal(algebra.Gradient step.From, (dual step).To)

/// ⟨C x, y⟩ = ⟨x, C* y⟩ for a collective and its dual in a world.
let private adjoint (algebra: Algebra) (world: World) (step: CollectiveStep) =
    let backward = (algebra.Dual step).Value
    let x = Sharding.shard (world.Splitter 3) world.Ranks step.From (world.Values 4)
    let y = Sharding.shard (world.Splitter 5) world.Ranks backward.From (world.Values 6)

    Sharding.inner step.To (Movement.run step x) y
    =? Sharding.inner step.From x (Movement.run backward y)
    |> Prop.label $"{step}, {backward}"

[<Fact>]
let ``the dual of every collective is its adjoint`` () =
    law worlds smaller (fun world -> steps world.Shape |> List.map (adjoint algebra world) |> both)

/// What a step gives stands for what it was given, and lies as it says.
let private keepsValue (world: World) (step: CollectiveStep) =
    let x = world.Values 7

    Sharding.shard (world.Splitter 8) world.Ranks step.From x
    |> Movement.run step
    |> Sharding.unshard step.To
    =? Ok x
    |> Prop.label $"{step}"

[<Fact>]
let ``every collective leaves the value as it is`` () =
    law worlds smaller (fun world -> steps world.Shape |> List.map (keepsValue world) |> both)

let private plan source target =
    Redistribute.plan algebra source target |> Option.get

[<Fact>]
let ``redistribution composes: by way of any placement the ranks come to hold the same tensor`` () =
    law (placed 3) smallerPlaced (fun (world, choices) ->
        match chosen world choices with
        | [ a; b; c ] ->
            let x = world.Values 9
            let start = Sharding.shard (world.Splitter 10) world.Ranks a x
            let direct = Movement.runAll (plan a c) start
            let around = start |> Movement.runAll (plan a b) |> Movement.runAll (plan b c)

            both
                [
                    Sharding.unshard c direct =? Ok x
                    Sharding.unshard c around =? Ok x
                    // The addends of a sum may differ; what anything else holds may not.
                    if c <> Partial then
                        around =? direct
                ]
            |> Prop.label $"{a} -> {b} -> {c}"
        | _ -> Prop.ofTestable false)

[<Fact>]
let ``the duals of a redistribution, last step first, carry the gradient back as it is`` () =
    law (placed 2) smallerPlaced (fun (world, choices) ->
        match chosen world choices with
        | [ a; b ] ->
            let gradient = world.Values 11
            let back = plan a b |> List.rev |> List.map dual

            Sharding.shard (world.Splitter 12) world.Ranks (algebra.Gradient b) gradient
            |> Movement.runAll back
            |> Sharding.unshard (algebra.Gradient a)
            =? Ok gradient
            |> Prop.label $"{a} -> {b}"
        | _ -> Prop.ofTestable false)

[<Fact>]
let ``nothing is done where nothing is to do, and no detour is cheaper`` () =
    let places = places [ 1; 1; 1 ]

    for a in places do
        Assert.Empty(plan a a)

        for c in places do
            for b in places do
                for n in 2..8 do
                    // A multiple of n² bytes, so that nothing is rounded.
                    let bytes steps =
                        Redistribute.bytes algebra n (int64 (n * n)) steps

                    let direct, around = bytes (plan a c), bytes (plan a b) + bytes (plan b c)

                    Assert.True(
                        direct <= around,
                        $"{a} -> {c} on {n} ranks: {direct}, by way of {b} {around}"
                    )

[<Fact>]
let ``the bytes of an example`` () =
    let bytes a b =
        Redistribute.bytes algebra 4 1600L (plan a b)

    Assert.Equal(2400L, bytes Partial Replicated)
    Assert.Equal(1200L, bytes (Sharded 1) Invariant)
    Assert.Equal(1200L, bytes Partial (Sharded 0))
    Assert.Equal(300L, bytes (Sharded 0) (Sharded 1))
    Assert.Equal(0L, bytes Invariant Replicated)
    // Rounded up: 3 · 4 / 16 of 10 bytes.
    Assert.Equal(8L, Redistribute.bytes algebra 4 10L (plan (Sharded 0) Replicated))

[<Fact>]
let ``a table without a collective goes around it, and says where there is no way`` () =
    let without names =
        { algebra with
            Collectives = algebra.Collectives |> List.filter (fun c -> not (List.contains c.Name names))
        }

    let text algebra a b =
        Redistribute.plan algebra a b
        |> Option.map (fun steps -> steps |> List.map string |> String.concat "; ")

    Assert.Equal(Some "exchange S(0) -> S(1)", text algebra (Sharded 0) (Sharded 1))

    Assert.Equal(
        Some "gather S(0) -> R; split_replicated R -> S(1)",
        text (without [ "exchange" ]) (Sharded 0) (Sharded 1)
    )

    Assert.Equal(
        Some "reduce_scatter P -> S(0); gather_invariant S(0) -> I",
        text (without [ "reduce"; "reduce_replicated" ]) Partial Invariant
    )

    Assert.Equal(None, text (without [ "reduce"; "reduce_replicated"; "reduce_scatter" ]) Partial Invariant)

/// Worlds that show what a wrong collective does.
let private telling =
    [
        for ranks in 2..3 do
            for shape in [ [ 4; 3 ]; [ 3; 5 ] ] do
                {
                    Ranks = ranks
                    Shape = shape
                    Seed = ranks
                }
    ]

let private holds (property: unit -> Property) =
    try
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(1).WithQuietOnSuccess(true), property ())
        true
    with _ ->
        false

[<Fact>]
let ``a collective that goes over another wire, or has another dual, breaks a law`` () =
    let mutable mutants = 0

    for i, collective in List.indexed algebra.Collectives do
        let alternatives =
            [
                for wire in Wire.All do
                    if wire <> collective.Wire then
                        { collective with Wire = wire }
                for other in algebra.Collectives do
                    if other.Name <> collective.Dual then
                        { collective with Dual = other.Name }
            ]

        for mutant in alternatives do
            let table =
                { algebra with
                    Collectives = List.updateAt i mutant algebra.Collectives
                }

            let survives =
                telling
                |> List.forall (fun world ->
                    places world.Shape
                    |> List.allPairs (places world.Shape)
                    |> List.choose table.Step
                    |> List.forall (fun step ->
                        let back = (table.Dual step).Value

                        back.Collective.From = PlacementKind.Of back.From
                        && back.Collective.To = PlacementKind.Of back.To
                        && holds (fun () -> keepsValue world step)
                        && holds (fun () -> adjoint table world step)))

            mutants <- mutants + 1
            Assert.False(survives, $"{mutant} breaks nothing")

    printfn $"{mutants} wrong collectives, each breaks a law"
