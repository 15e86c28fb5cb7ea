/// Which rank holds which layers.
module Evo.Core.Tests.Partitions

open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Pipelines
open Evo.Core.Tests.Properties

let private made (result: Result<Partition, string list>) =
    match result with
    | Ok partition -> partition
    | Error problems -> raise (ScheduleException(String.concat "; " problems))

let private counts (partition: Partition) =
    [ for range in partition.Ranges -> range.Count ]

let private ranges shape (partition: Partition) =
    [
        for rank in 0 .. shape.Stages - 1 ->
            [
                for chunk in 0 .. shape.Chunks - 1 ->
                    let range = partition.Of(rank, chunk)
                    range.First, range.End
            ]
    ]

/// A shape and costs of as many layers as it needs or more.
let private model most =
    gen {
        let! shape = Gen.elements (legal 4 8 3)
        let! layers = Gen.choose (shape.VirtualStages, shape.VirtualStages + most)
        let! costs = Gen.listOfLength layers (Gen.choose (0, 9) |> Gen.map float)
        let! entry = Gen.choose (0, 20) |> Gen.map float
        let! exit = Gen.choose (0, 20) |> Gen.map float
        return shape, costs, entry, exit
    }

[<Fact>]
let ``every layer is held once, in the order of the virtual stages, and by nobody none`` () =
    forAll (model 20) noShrink (fun (shape, costs, entry, exit) ->
        let layers = costs.Length

        [
            made (Partition.Uniform(shape, layers))
            made (Partition.ByCost(shape, costs, entry, exit))
        ]
        |> List.forall (fun partition ->
            let inOrder = List.ofSeq partition.Ranges

            inOrder.Length = shape.VirtualStages
            && inOrder.Head.First = 0
            && (List.last inOrder).End = layers
            && List.pairwise inOrder |> List.forall (fun (a, b) -> a.End = b.First)
            && inOrder |> List.forall (fun range -> range.Count > 0)
            && List.forall
                (fun stage ->
                    let holder = shape.HolderOf stage
                    partition.Of(holder.Rank, holder.Chunk) = inOrder[stage])
                [ 0 .. shape.VirtualStages - 1 ]
            && counts (made (Partition.ByHand(shape, layers, counts partition))) = counts partition))

[<Fact>]
let ``uniform stages of a slice differ by one layer at most, and the later ones hold it`` () =
    forAll (model 40) noShrink (fun (shape, costs, _, _) ->
        made (Partition.Uniform(shape, costs.Length))
        |> counts
        |> List.chunkBySize shape.Stages
        |> List.forall (fun slice -> List.sort slice = slice && List.last slice - slice.Head <= 1))

[<Fact>]
let ``uniform partitions are InternEvo's`` () =
    // 30 layers over 4 stages: the remainder goes to the last ones.
    let flat = shape ScheduleKind.OneForwardOneBackward 4 8 1

    Assert.Equal<(int * int) list list>(
        [ [ 0, 7 ]; [ 7, 14 ]; [ 14, 22 ]; [ 22, 30 ] ],
        ranges flat (made (Partition.Uniform(flat, 30)))
    )

    // Chunk c of stage p lies in slice c.
    let round = shape ScheduleKind.Interleaved 2 4 2

    Assert.Equal<(int * int) list list>(
        [ [ 0, 2; 5, 7 ]; [ 2, 5; 7, 10 ] ],
        ranges round (made (Partition.Uniform(round, 10)))
    )

    // In a V the first rank holds the first and the last layers.
    let vee = shape ScheduleKind.ZeroBubbleV 2 4 2

    Assert.Equal<(int * int) list list>(
        [ [ 0, 2; 7, 10 ]; [ 2, 5; 5, 7 ] ],
        ranges vee (made (Partition.Uniform(vee, 10)))
    )

/// Every way to write a number as a sum of so many numbers of 1 or more.
let rec private sums whole parts =
    if parts = 1 then
        [ [ whole ] ]
    else
        [
            for first in 1 .. whole - parts + 1 do
                for rest in sums (whole - first) (parts - 1) do
                    first :: rest
        ]

[<Fact>]
let ``by cost, no other partition has a smaller largest stage, nor, with the same, costs more alike`` () =
    forAll (model 5) noShrink (fun (shape, costs, entry, exit) ->
        let stageCosts counts =
            let ends = List.scan (+) 0 counts

            List.pairwise ends
            |> List.map (fun (first, last) ->
                List.sum costs[first .. last - 1]
                + (if first = 0 then entry else 0.0)
                + (if last = costs.Length then exit else 0.0))

        let worth counts =
            let costs = stageCosts counts
            List.max costs, List.sumBy (fun cost -> cost * cost) costs

        let best = sums costs.Length shape.VirtualStages |> List.map worth |> List.min
        worth (counts (made (Partition.ByCost(shape, costs, entry, exit)))) = best)

[<Fact>]
let ``an expensive head takes layers from its stage`` () =
    let flat = shape ScheduleKind.OneForwardOneBackward 4 8 1
    let partition = made (Partition.ByCost(flat, List.replicate 16 1.0, 0.0, 3.0))
    Assert.Equal<int list>([ 5; 5; 4; 2 ] |> List.sort, counts partition |> List.sort)
    Assert.Equal(2, (counts partition)[3])

[<Fact>]
let ``what is no partition is refused with everything that is wrong`` () =
    let flat = shape ScheduleKind.OneForwardOneBackward 4 8 1

    let problems (result: Result<Partition, string list>) =
        match result with
        | Ok _ -> []
        | Error problems -> problems

    Assert.Equal<string list>(
        [
            "layers = 3: 4 virtual stages (4 stages x 1 chunks) hold 1 layer or more each"
        ],
        problems (Partition.Uniform(flat, 3))
    )

    Assert.Equal<string list>(
        [
            "3 numbers of layers: 4 stages x 1 chunks need 4, in the order of the model"
            "virtual stage 1 with 0 layers: must hold 1 or more"
            "7 layers in all: the model has 8"
        ],
        problems (Partition.ByHand(flat, 8, [ 4; 0; 3 ]))
    )

    Assert.Equal<string list>(
        [
            "cost of layer 2 = NaN: must be a finite number of 0 or more"
            "cost of the exit = -1: must be a finite number of 0 or more"
        ],
        problems (Partition.ByCost(flat, [ 1.0; 1.0; nan; 1.0 ], 0.0, -1.0))
    )
