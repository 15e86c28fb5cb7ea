module Evo.Core.Tests.TopologyTests

open System
open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Meshes
open Evo.Core.Tests.Properties

let private axes = Enum.GetValues<MeshAxis>() |> List.ofArray

let private dataAxes = [ MeshAxis.Data; MeshAxis.WeightData; MeshAxis.ExpertData ]

let private zeroGroups (topology: Topology) parent =
    lists (topology.Parts(parent, topology.Degrees.Zero))

/// `[0,2,4,6][1,3,5,7]` as InternEvo's documentation writes groups.
let private written (text: string) =
    [
        for group in text.Trim('[', ']').Split "][" -> [ for rank in group.Split ',' -> int rank ]
    ]

let private groups (topology: Topology) axis = lists (topology.Groups axis)

// ---- the laws

[<Fact>]
let ``the groups of every axis partition the ranks`` () =
    law degrees fewer (fun degrees ->
        let topology = Topology degrees
        let all = [ 0 .. degrees.World - 1 ]

        [
            for axis in axes do
                axis, List.sort (List.concat (groups topology axis)), (groups topology axis).Length
        ]
        =? [
            for axis in axes do
                axis, all, degrees.World / degrees.Size axis
        ])

[<Fact>]
let ``a rank stands at its place in its group, and all of a group see the same group`` () =
    law degrees fewer (fun degrees ->
        let topology = Topology degrees

        [
            for axis in axes do
                for group in topology.Groups axis do
                    for place, rank in Seq.indexed group do
                        if
                            topology.PlaceOf(axis, rank) <> place
                            || List.ofSeq (topology.GroupOf(axis, rank)) <> List.ofSeq group
                        then
                            axis, rank
        ]
        =? [])

[<Fact>]
let ``a place on each axis of an order is one rank, and every rank has its own`` () =
    law degrees fewer (fun degrees ->
        let topology = Topology degrees

        let orders =
            [ MeshAxis.Tensor; MeshAxis.Weight; MeshAxis.Expert ] |> List.map Degrees.Order

        let coordinates order =
            [
                for rank in 0 .. degrees.World - 1 -> [ for axis in order -> topology.PlaceOf(axis, rank) ]
            ]

        let product order =
            order |> List.fold (fun n axis -> n * degrees.Size axis) 1

        let back =
            [
                for rank in 0 .. degrees.World - 1 ->
                    topology.RankAt(
                        topology.PlaceOf(MeshAxis.Tensor, rank),
                        topology.PlaceOf(MeshAxis.Data, rank),
                        topology.PlaceOf(MeshAxis.Pipeline, rank)
                    )
            ]

        ([
            for order in orders do
                (List.distinct (coordinates order)).Length, product order
         ],
         back)
        =? ([
                for _ in orders do
                    degrees.World, degrees.World
            ],
            [ 0 .. degrees.World - 1 ]))

[<Fact>]
let ``along the first axis of an order ranks are neighbours, and a stage is a block of ranks`` () =
    law degrees fewer (fun degrees ->
        let topology = Topology degrees

        let stage rank = List.ofSeq (topology.StageOf rank)

        [
            for rank in 0 .. degrees.World - 1 do
                for first in [ MeshAxis.Tensor; MeshAxis.Weight; MeshAxis.ExpertTensor ] do
                    let group = List.ofSeq (topology.GroupOf(first, rank))

                    if group <> [ group.Head .. group.Head + group.Length - 1 ] then
                        $"{first} of {rank}"

                for axis in axes do
                    if axis <> MeshAxis.Pipeline && axis <> MeshAxis.World then
                        for other in topology.GroupOf(axis, rank) do
                            if not (List.contains other (stage rank)) then
                                $"{axis} of {rank} leaves its stage"

                // A pipeline meets each stage once.
                let stages =
                    [ for other in topology.GroupOf(MeshAxis.Pipeline, rank) -> (stage other).Head ]

                if stages <> [ for s in 0 .. degrees.Pipeline - 1 -> s * degrees.StageSize ] then
                    $"pipeline of {rank}"
        ]
        =? [])

[<Fact>]
let ``ZeRO groups partition their parent, and meet each group of replicas in one rank`` () =
    law degrees fewer (fun degrees ->
        let topology = Topology degrees

        [
            for parent in dataAxes do
                for group in topology.Groups parent do
                    let parts =
                        [ for rank in group -> List.ofSeq (topology.ZeroGroupOf(parent, rank)) ]
                        |> List.distinct

                    let replicas =
                        [ for rank in group -> List.ofSeq (topology.ZeroReplicaGroupOf(parent, rank)) ]
                        |> List.distinct

                    if List.concat parts <> List.ofSeq group then
                        $"{parent}: {parts}"

                    if List.sort (List.concat replicas) <> List.sort (List.ofSeq group) then
                        $"{parent}: replicas {replicas}"

                    for part in parts do
                        if part.Length <> topology.ZeroSize parent then
                            $"{parent}: {part.Length} ranks"

                        for replica in replicas do
                            if (Set.intersect (Set.ofList part) (Set.ofList replica)).Count <> 1 then
                                $"{parent}: {part} meets {replica}"
        ]
        =? [])

[<Fact>]
let ``a ZeRO size that suits its parent is taken, another is cut down to what divides it`` () =
    law degrees fewer (fun degrees ->
        let topology = Topology degrees

        [
            for parent in dataAxes do
                let whole = degrees.Size parent
                let size = topology.ZeroSize parent

                if whole % size <> 0 then
                    $"{parent}: {size} does not divide {whole}"

                if degrees.Zero = -1 && size <> whole then
                    $"{parent}: -1 takes {size} of {whole}"

                if degrees.Zero > 0 && whole % degrees.Zero = 0 && size <> degrees.Zero then
                    $"{parent}: {degrees.Zero} is {size}"
        ]
        =? [])

[<Fact>]
let ``ranks that share an expert's matrices, the experts, and their replicas make up a stage`` () =
    law degrees fewer (fun degrees ->
        let topology = Topology degrees

        [
            for rank in 0 .. degrees.World - 1 do
                let stage = List.ofSeq (topology.StageOf rank)

                let reached =
                    [
                        for data in topology.GroupOf(MeshAxis.ExpertData, rank) do
                            for expert in topology.GroupOf(MeshAxis.Expert, data) do
                                yield! topology.GroupOf(MeshAxis.ExpertTensor, expert)
                    ]

                if List.sort reached <> stage then
                    rank
        ]
        =? [])

// ---- InternEvo's worked examples

[<Fact>]
let ``16 ranks: tensor 4, pipeline 2, data 2`` () =
    let topology = mesh 16 TensorMode.Mtp 4 2 1 2

    Assert.Equal<int list list>(
        written "[0,1,2,3][4,5,6,7][8,9,10,11][12,13,14,15]",
        groups topology MeshAxis.Tensor
    )

    let data = written "[0,4][1,5][2,6][3,7][8,12][9,13][10,14][11,15]"
    Assert.Equal<int list list>(data, groups topology MeshAxis.Data)

    Assert.Equal<int list list>(
        written "[0,8][1,9][2,10][3,11][4,12][5,13][6,14][7,15]",
        groups topology MeshAxis.Pipeline
    )

    Assert.Equal<int list list>(data, zeroGroups topology MeshAxis.Data)

[<Fact>]
let ``16 ranks: tensor 2, pipeline 2, data 4, zero 2`` () =
    let topology = mesh 16 TensorMode.Msp 2 2 1 2

    Assert.Equal<int list list>(
        written "[0,2,4,6][1,3,5,7][8,10,12,14][9,11,13,15]",
        groups topology MeshAxis.Data
    )

    Assert.Equal<int list list>(
        written "[0,2][1,3][4,6][5,7][8,10][9,11][12,14][13,15]",
        zeroGroups topology MeshAxis.Data
    )

    Assert.Equal<int list>([ 1; 5 ], List.ofSeq (topology.ZeroReplicaGroupOf(MeshAxis.Data, 5)))

[<Fact>]
let ``16 ranks of isp: sequence 4, pipeline 2, weight 2, zero 2 and 4`` () =
    let topology = mesh 16 TensorMode.Isp 4 2 2 2

    Assert.Equal<int list list>(
        written "[0,1][2,3][4,5][6,7][8,9][10,11][12,13][14,15]",
        groups topology MeshAxis.Weight
    )

    let weightData = written "[0,2,4,6][1,3,5,7][8,10,12,14][9,11,13,15]"
    Assert.Equal<int list list>(weightData, groups topology MeshAxis.WeightData)

    Assert.Equal<int list list>(
        written "[0,4][1,5][2,6][3,7][8,12][9,13][10,14][11,15]",
        groups topology MeshAxis.Data
    )

    Assert.Equal<int list list>(
        written "[0,2][1,3][4,6][5,7][8,10][9,11][12,14][13,15]",
        zeroGroups topology MeshAxis.WeightData
    )

    for zero in [ 4; -1 ] do
        Assert.Equal<int list list>(
            weightData,
            zeroGroups (mesh 16 TensorMode.Isp 4 2 2 zero) MeshAxis.WeightData
        )

[<Fact>]
let ``16 ranks of isp: sequence 4, pipeline 2, weight 8`` () =
    let topology = mesh 16 TensorMode.Isp 4 2 8 -1
    Assert.Equal<int list list>([ [ 0..7 ]; [ 8..15 ] ], groups topology MeshAxis.Weight)
    Assert.Equal<int list list>([ for rank in 0..15 -> [ rank ] ], groups topology MeshAxis.WeightData)

[<Fact>]
let ``32 ranks of isp: sequence 4, weight 8, zero 2`` () =
    let topology = mesh 32 TensorMode.Isp 4 1 8 2

    Assert.Equal<int list list>(
        [ [ 0..7 ]; [ 8..15 ]; [ 16..23 ]; [ 24..31 ] ],
        groups topology MeshAxis.Weight
    )

    Assert.Equal<int list list>(
        [ for k in 0..7 -> [ k; 8 + k; 16 + k; 24 + k ] ],
        groups topology MeshAxis.WeightData
    )

    Assert.Equal<int list list>(
        [ for first in 0..7 -> [ first; first + 8 ] ]
        @ [ for first in 16..23 -> [ first; first + 8 ] ],
        zeroGroups topology MeshAxis.WeightData
    )

[<Fact>]
let ``16 ranks with experts: tensor 2, experts over 2, their data 2, pipeline 2`` () =
    let degrees =
        { Degrees.Single with
            World = 16
            Tensor = 2
            Pipeline = 2
            Expert = 2
            Zero = 4
        }

    let split = Topology degrees

    Assert.Equal<int list list>(
        written "[0,2][1,3][4,6][5,7][8,10][9,11][12,14][13,15]",
        groups split MeshAxis.Expert
    )

    Assert.Equal<int list list>(
        written "[0,4][1,5][2,6][3,7][8,12][9,13][10,14][11,15]",
        groups split MeshAxis.ExpertData
    )

    Assert.Equal<int list list>(groups split MeshAxis.Tensor, groups split MeshAxis.ExpertTensor)
    // Four ranks share the state of the rest, two that of the experts.
    Assert.Equal((4, 2), (split.ZeroSize MeshAxis.Data, split.ZeroSize MeshAxis.ExpertData))

    // Experts that are not split stand on neighbours.
    let whole = Topology { degrees with NoTp = true }

    Assert.Equal<int list list>(
        written "[0,1][2,3][4,5][6,7][8,9][10,11][12,13][14,15]",
        groups whole MeshAxis.Expert
    )

    Assert.Equal<int list list>(
        written "[0,2,4,6][1,3,5,7][8,10,12,14][9,11,13,15]",
        groups whole MeshAxis.ExpertData
    )

[<Fact>]
let ``8 ranks whose parameters are shared by 2 of their 4 data ranks`` () =
    let topology =
        Topology
            { Degrees.Single with
                World = 8
                Tensor = 2
                Fsdp = 2
            }

    Assert.Equal<int list>([ 1; 3 ], List.ofSeq (topology.FsdpGroupOf(MeshAxis.Data, 3)))
    Assert.Equal<int list>([ 3; 7 ], List.ofSeq (topology.FsdpReplicaGroupOf(MeshAxis.Data, 3)))

// ---- what is no mesh

[<Fact>]
let ``degrees that cannot be built are refused with everything that is wrong`` () =
    let wrong =
        { Degrees.Single with
            World = 12
            Tensor = 5
            Weight = 2
            Zero = 3
        }

    let refused = Assert.Throws<ArgumentException>(fun () -> Topology wrong |> ignore)
    Assert.Contains("parallel.weight.size = 2: needs parallel.tensor.mode \"isp\"", refused.Message)

    Assert.Contains(
        "parallel.tensor.size = 5: does not divide the 12 ranks of a stage; use 1, 2, 3, 4, 6 or 12",
        refused.Message
    )

[<Theory>]
[<InlineData(-1)>]
[<InlineData(4)>]
let ``a rank beyond the world is refused`` (rank: int) =
    let topology = mesh 4 TensorMode.Mtp 2 1 1 1

    let refused =
        Assert.Throws<ArgumentOutOfRangeException>(fun () -> topology.GroupOf(MeshAxis.Data, rank) |> ignore)

    Assert.Contains("the world has the ranks 0 to 3", refused.Message)
