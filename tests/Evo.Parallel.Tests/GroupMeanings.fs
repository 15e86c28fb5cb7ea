/// Every operation of a group, on local ranks and over Gloo, beside its meaning over the list of all ranks' tensors.
module Evo.Parallel.Tests.GroupMeanings

open System
open Evo.Parallel
open Evo.Parallel.Tests.Grids
open Evo.Parallel.Tests.Worlds
open Evo.Torch
open FsCheck
open FsCheck.FSharp
open TorchSharp
open Xunit

let private forward = Site(1, false)

/// Integers that stay exact in every type, sums of eight included.
let private value = Gen.choose (-9, 9) |> Gen.map float

let grid shape =
    Gen.listOfLength (List.fold (*) 1 shape) value |> Gen.map (ofNumbers shape)

let sizes = Gen.choose (1, 8)

/// A shape of two or three dimensions, and one of them.
let shapes =
    gen {
        let! dims = Gen.choose (2, 3)
        let! shape = Gen.listOfLength dims (Gen.choose (1, 3))
        let! dim = Gen.choose (0, dims - 1)
        return shape, dim
    }

let replaced dim size shape =
    List.mapi (fun place old -> if place = dim then size else old) shape

/// One grid of one shape for each rank.
let private alike shape ranks = Gen.listOfLength ranks (grid shape)

/// One grid for each rank, of lengths along a dimension that differ and may be zero.
let shards shape dim ranks =
    gen {
        let! lengths = Gen.listOfLength ranks (Gen.choose (0, 3))

        return!
            lengths
            |> List.map (fun length -> grid (replaced dim length shape))
            |> Gen.sequenceToList
    }

let checkAll count (cases: Gen<'case>) (holds: 'case -> bool) =
    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest count,
        Prop.forAll (Arb.fromGen cases) (fun case ->
            use _ = torch.NewDisposeScope()
            holds case)
    )

let dtypes =
    [ torch.float64; torch.float32; torch.bfloat16; torch.float16; torch.int64 ]

/// Runs an operation of the group of all ranks on each rank's grid, in both worlds: their bits must be the same.
let run dtype (grids: Grid list) (operation: ProcessGroup -> torch.Tensor -> torch.Tensor) =
    onBoth grids.Length (fun rank ->
        let x = toTensor dtype grids[rank.Rank]
        let before = bits x
        let result = operation (rank.Everyone "tensor") x
        Assert.Equal<byte[]>(before, bits x)
        Assert.Equal(dtype, result.dtype)
        Assert.False result.requires_grad
        result)

[<Fact>]
let ``an all-reduce is the sum, the average, the largest or the smallest, on every rank`` () =
    let reductions =
        [
            ReduceOperation.Sum, combined (+)
            ReduceOperation.Max, combined max
            ReduceOperation.Min, combined min
        ]

    checkAll
        60
        (gen {
            let! ranks = sizes
            let! shape, _ = shapes
            let! grids = alike shape ranks
            let! reduction = Gen.elements reductions
            let! dtype = Gen.elements dtypes
            return grids, reduction, dtype
        })
        (fun (grids, (operation, meaning), dtype) ->
            let all = run dtype grids (fun group x -> group.AllReduce(x, operation, forward))
            all |> List.forall (same (meaning grids)))

    checkAll 20 (Gen.elements [ 1; 2; 4; 8 ] |> Gen.bind (alike [ 2; 3 ])) (fun grids ->
        run torch.float64 grids (fun group x -> group.AllReduce(x, ReduceOperation.Average, forward))
        |> List.forall (same (scaled (1.0 / float grids.Length) (combined (+) grids))))

[<Fact>]
let ``sums have the order of the ranks, and the same bits everywhere`` () =
    // In float32 these sums depend on their order; in bfloat16 on the digits that are kept underway.
    let parts = [ 1e8; 1.0; -1e8; 1.0; 3.0; 0.1 ]
    let grids = [ for value in parts -> ofNumbers [ 1 ] [ value ] ]

    let sums =
        run torch.float32 grids (fun group x -> group.AllReduce(x, ReduceOperation.Sum, forward))

    let expected = parts |> List.map float32 |> List.reduce (+)
    Assert.All(sums, (fun sum -> Assert.Equal(expected, sum.ToSingle())))
    let scattered = [ for value in parts -> ofNumbers [ 6 ] (List.replicate 6 value) ]

    let slices =
        run torch.float32 scattered (fun group x -> group.ReduceScatter(x, 0, ReduceOperation.Sum, forward))

    Assert.All(slices, (fun slice -> Assert.Equal(expected, slice.ToSingle())))
    let small = [ for value in [ 256.0; 1.0; 1.0 ] -> ofNumbers [ 1 ] [ value ] ]

    let rounded =
        run torch.bfloat16 small (fun group x -> group.AllReduce(x, ReduceOperation.Sum, forward))

    Assert.All(rounded, (fun sum -> Assert.Equal(258.0f, sum.ToSingle())))

[<Fact>]
let ``an all-gather puts uneven shards one after the other`` () =
    checkAll
        60
        (gen {
            let! ranks = sizes
            let! shape, dim = shapes
            let! grids = shards shape dim ranks
            let! dtype = Gen.elements dtypes
            return grids, dim, dtype
        })
        (fun (grids, dim, dtype) ->
            run dtype grids (fun group x -> group.AllGather(x, dim, forward))
            |> List.forall (same (joined dim grids)))

[<Fact>]
let ``a reduce-scatter gives each rank its part of the sum, even or as the sizes say`` () =
    checkAll
        60
        (gen {
            let! ranks = sizes
            let! shape, dim = shapes
            let! given = Gen.listOfLength ranks (Gen.choose (0, 3))
            let! length = Gen.choose (0, 9)
            let! useGiven = Gen.elements [ true; false ]
            let lengths = if useGiven then given else blocks length ranks
            let! grids = alike (replaced dim (List.sum lengths) shape) ranks
            let! dtype = Gen.elements dtypes
            return grids, dim, lengths, useGiven, dtype
        })
        (fun (grids, dim, lengths, useGiven, dtype) ->
            run dtype grids (fun group x ->
                if useGiven then
                    group.ReduceScatter(x, dim, longs lengths, ReduceOperation.Sum, forward)
                else
                    group.ReduceScatter(x, dim, ReduceOperation.Sum, forward))
            |> List.zip (List.zip (starts lengths) lengths)
            |> List.forall (fun ((start, length), result) ->
                same (combined (+) grids |> part dim start length) result))

[<Fact>]
let ``an all-to-all cuts one dimension and makes another whole`` () =
    checkAll
        60
        (gen {
            let! ranks = sizes
            let! shape, split = shapes
            let! length = Gen.choose (0, 9)
            let concat = (split + 1) % shape.Length
            let! grids = shards (replaced split length shape) concat ranks
            let! dtype = Gen.elements dtypes
            return grids, split, concat, dtype
        })
        (fun (grids, split, concat, dtype) ->
            let lengths = blocks grids.Head.Shape[split] grids.Length

            run dtype grids (fun group x -> group.AllToAll(x, split, concat, forward))
            |> List.zip (List.zip (starts lengths) lengths)
            |> List.forall (fun ((start, length), result) ->
                same (joined concat [ for g in grids -> part split start length g ]) result))

/// How many rows each rank sends to each, and the rows.
let rows =
    gen {
        let! ranks = sizes
        let! counts = Gen.listOfLength ranks (Gen.listOfLength ranks (Gen.choose (0, 3)))

        let! grids =
            counts |> List.map (fun row -> grid [ List.sum row; 2 ]) |> Gen.sequenceToList

        return counts, grids
    }

[<Fact>]
let ``an exchange of rows brings each row to the rank that wants it`` () =
    checkAll 60 (Gen.zip rows (Gen.elements dtypes)) (fun ((counts, grids), dtype) ->
        let received = List.transpose counts

        run dtype grids (fun group x ->
            group.AllToAllRows(x, longs counts[group.Rank], longs received[group.Rank], forward))
        |> List.indexed
        |> List.forall (fun (rank, result) ->
            let sent =
                List.map2 (fun row g -> part 0 (starts row).[rank] row[rank] g) counts grids

            same (joined 0 sent) result))

[<Fact>]
let ``a broadcast is the root's tensor`` () =
    checkAll
        30
        (gen {
            let! ranks = sizes
            let! root = Gen.choose (0, ranks - 1)
            let! grids = alike [ 2; 3 ] ranks
            let! dtype = Gen.elements dtypes
            return grids, root, dtype
        })
        (fun (grids, root, dtype) ->
            run dtype grids (fun group x -> group.Broadcast(x, root, forward))
            |> List.forall (same grids[root]))

[<Theory; InlineData "local"; InlineData "gloo">]
let ``what is sent arrives, in order, and the sender may go on and change it`` kind =
    let received =
        results kind 4 (fun rank ->
            let group = rank.Everyone "pipeline"
            let next, before = (group.Rank + 1) % 4, (group.Rank + 3) % 4

            for i in 0..2 do
                let x = torch.full ([| 2L |], Scalar.op_Implicit (float (10 * group.Rank + i)))
                group.Send(x, next, forward)
                x.fill_ (Scalar.op_Implicit -1.0) |> ignore

            [
                for _ in 0..2 ->
                    group.Receive([| 2L |], torch.float32, before, Site(2, false)).sum().ToDouble()
            ])

    for rank in 0..3 do
        let from = float ((rank + 3) % 4)
        Assert.Equal<float list>([ for i in 0.0 .. 2.0 -> 2.0 * (10.0 * from + i) ], received[rank])

[<Theory; InlineData "local"; InlineData "gloo">]
let ``nobody passes a barrier before all have come`` kind =
    let mutable came = 0

    let seen =
        results kind 6 (fun rank ->
            let group = rank.Everyone "data"

            [
                for round in 1..20 ->
                    Threading.Interlocked.Increment &came |> ignore
                    group.Barrier(Site(round, false))
                    let seen = Threading.Volatile.Read &came
                    group.Barrier(Site(round, true))
                    seen
            ])

    Assert.All(seen, (fun counts -> Assert.Equal<int list>([ for round in 1..20 -> 6 * round ], counts)))

[<Theory; InlineData "local"; InlineData "gloo">]
let ``groups of rows and of columns of a mesh work beside one another`` kind =
    // Rank = 3 * row + column; the sum over rows of sums over columns is the sum of all.
    let sums =
        results kind 6 (fun rank ->
            let row, column = rank.Rank / 3, rank.Rank % 3
            let tensor = rank.Group("tensor", [| for c in 0..2 -> 3 * row + c |])
            let data = rank.Group("data", [| for r in 1..-1..0 -> 3 * r + column |])
            Assert.Equal(column, tensor.Rank)
            Assert.Equal(1 - row, data.Rank)
            let x = torch.tensor (float (pown 10 rank.Rank))
            let inRow = tensor.AllReduce(x, ReduceOperation.Sum, forward)
            let inColumn = data.AllReduce(x, ReduceOperation.Sum, forward)
            let all = data.AllReduce(inRow, ReduceOperation.Sum, forward)
            inRow.ToDouble(), inColumn.ToDouble(), all.ToDouble())

    for rank in 0..5 do
        let inRow, inColumn, all = sums[rank]
        Assert.Equal((if rank < 3 then 111.0 else 111000.0), inRow)
        Assert.Equal(1001.0 * float (pown 10 (rank % 3)), inColumn)
        Assert.Equal(111111.0, all)
