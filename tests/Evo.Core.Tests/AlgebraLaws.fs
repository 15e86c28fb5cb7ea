/// The laws of placements and collectives, on exact whole numbers.
module Evo.Core.Tests.AlgebraLaws

open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Meaning
open Evo.Core.Tests.Properties
open Evo.Core.Tests.AlgebraWorlds

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

[<Fact>]
let ``where the ranks do not divide a dim the first of them hold one more`` () =
    let lengths ranks size =
        [ for rank in 0 .. ranks - 1 -> Sharding.length ranks size rank ]

    Assert.Equal<int list>([ 3; 2; 2 ], lengths 3 7)
    Assert.Equal<int list>([ 2; 2; 2 ], lengths 3 6)
    Assert.Equal<int list>([ 1; 1; 0; 0 ], lengths 4 2)

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

[<Fact>]
let ``the dual of every collective is its adjoint`` () =
    law worlds smaller (fun world -> steps world.Shape |> List.map (adjoint algebra world) |> both)

[<Fact>]
let ``every collective leaves the value as it is`` () =
    law worlds smaller (fun world -> steps world.Shape |> List.map (keepsValue world) |> both)

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
