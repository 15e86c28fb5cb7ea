/// The sharded vocabulary beside the whole one.
module Evo.Parallel.Tests.VocabularyHeads

open System
open Evo.Parallel
open Evo.Parallel.Tests.OptimizerUpdates
open Evo.Parallel.Tests.Grids
open Evo.Torch
open TorchSharp
open Xunit

let private normal (shape: int64 list) =
    torch.randn (Array.ofList shape, dtype = torch.float64)

/// A rank's shard of a table, padded to a full block with values that would spoil everything.
let private padded (weight: torch.Tensor) ranks rank =
    let vocabulary = weight.shape[0]
    let block = Shards.Block(vocabulary, ranks)
    let struct (start, valid) = Shards.Of(vocabulary, ranks, rank)

    let shard =
        torch.full ([| block; weight.shape[1] |], Scalar.op_Implicit Double.NaN, dtype = weight.dtype)

    shard.narrow(0L, 0L, valid).copy_(weight.narrow (0L, start, valid)) |> ignore
    shard

/// Loss with z-loss, z-loss, and gradients of the whole head.
let private dense (hidden: torch.Tensor) (weight: torch.Tensor) labels (smoothing, z) =
    let h, w = hidden.detach().requires_grad_(), weight.detach().requires_grad_()

    let struct (loss, count, right, zSum) =
        Ops.LinearCrossEntropy(h, w, labels, smoothing, z)
    // A scale, as a mean over tokens would bring one.
    (loss.mul (Scalar.op_Implicit 0.25)).backward()

    torch.stack [| loss.detach (); zSum |],
    (count.item<int64>(), right.item<int64>()),
    nonNull h.grad,
    nonNull w.grad

let private sharded
    ranks
    (hidden: torch.Tensor)
    (weight: torch.Tensor)
    (labels: torch.Tensor)
    (smoothing, z)
    =
    LocalWorld.Results(
        ranks,
        fun rank ->
            let group = rank.Everyone "tensor"
            let h = hidden.detach().clone().requires_grad_()
            let w = (padded weight ranks rank.Rank).requires_grad_()

            let struct (loss, count, right, zSum) =
                VocabularyParallel.LinearCrossEntropy(group, h, w, labels, weight.shape[0], smoothing, z, 1)

            (loss.mul (Scalar.op_Implicit 0.25)).backward()

            struct (torch.stack [| loss.detach (); zSum |],
                    (count.item<int64>(), right.item<int64>()),
                    nonNull h.grad,
                    nonNull w.grad)
    )

let private compare ranks tolerance hidden weight labels terms =
    let loss, counts, dHidden, dWeight = dense hidden weight labels terms
    let results = sharded ranks hidden weight labels terms
    let vocabulary = weight.shape[0]
    let size (t: torch.Tensor) = max 1.0 (t.abs().max().ToDouble())

    let mutable sum = torch.zeros_like dHidden

    for rank in 0 .. ranks - 1 do
        let struct (l, c, h, w) = results[rank]
        let struct (first, _, _, _) = results[0]
        Assert.Equal<byte[]>(bits first, bits l)
        Assert.Equal(counts, c)
        Assert.InRange(largest l loss, 0.0, tolerance * size loss)
        sum <- sum.add h
        let struct (start, valid) = Shards.Of(vocabulary, ranks, rank)

        if valid > 0L then
            Assert.InRange(
                largest (w.narrow (0L, 0L, valid)) (dWeight.narrow (0L, start, valid)),
                0.0,
                tolerance * size dWeight
            )

        let padding = w.narrow (0L, valid, w.shape[0] - valid)
        Assert.True(padding.eq(Scalar.op_Implicit 0.0).all().item<bool>())

    Assert.InRange(largest sum dHidden, 0.0, tolerance * size dHidden)

[<Fact>]
let ``loss and gradients are the dense ones for every vocabulary up to 40 and every number of ranks up to 8``
    ()
    =
    use _ = torch.manual_seed 11L

    for vocabulary in 1L .. 40L do
        for ranks in 1..8 do
            use _ = torch.NewDisposeScope()
            let hidden, weight = normal [ 6L; 3L ], normal [ vocabulary; 3L ]
            let labels = torch.randint (0L, vocabulary, [| 6L |], dtype = torch.int64)
            labels[2L] <- torch.tensor -100L
            let smoothing = [| 0.0; 0.1; 1.0 |].[int (vocabulary + int64 ranks) % 3]
            let z = [| 0.0; 0.01; 0.5 |].[int (vocabulary / 3L) % 3]
            compare ranks 1e-12 hidden weight labels (smoothing, z)

[<Fact>]
let ``large logits, labels of one rank alone, and no counted label at all`` () =
    use _ = torch.manual_seed 12L
    use _ = torch.NewDisposeScope()

    let hidden, weight =
        (normal [ 5L; 3L ]).mul(Scalar.op_Implicit 300.0), normal [ 10L; 3L ]

    for labels in [ [ 0L; 1L; 0L; 1L; 1L ]; [ 9L; 9L; 9L; 9L; 9L ]; List.replicate 5 -100L ] do
        for terms in [ 0.0, 0.0; 0.2, 0.0; 0.0, 0.01; 0.2, 0.01 ] do
            compare 4 1e-12 hidden weight (torch.tensor (Array.ofList labels)) terms

[<Fact>]
let ``more tokens than a chunk holds`` () =
    use _ = torch.manual_seed 13L
    use _ = torch.NewDisposeScope()
    let vocabulary = 70001L
    let hidden, weight = normal [ 150L; 2L ], normal [ vocabulary; 2L ]
    let labels = torch.randint (0L, vocabulary, [| 150L |], dtype = torch.int64)
    labels[149L] <- torch.tensor -100L
    compare 2 1e-12 hidden weight labels (0.1, 0.01)

[<Fact>]
let ``float32 and bfloat16 stay within their rounding`` () =
    use _ = torch.manual_seed 14L
    use _ = torch.NewDisposeScope()

    for dtype, tolerance in [ torch.float32, 1e-5; torch.bfloat16, 4e-2 ] do
        let hidden, weight =
            (normal [ 9L; 4L ]).``to`` dtype, (normal [ 11L; 4L ]).``to`` dtype

        let labels = torch.randint (0L, 11L, [| 9L |], dtype = torch.int64)
        compare 3 tolerance hidden weight labels (0.1, 0.01)

[<Fact>]
let ``two collectives in the forward, none in the backward`` () =
    use _ = torch.NewDisposeScope()

    let calls =
        LocalWorld.Results(
            2,
            fun rank ->
                let calls = Collections.Generic.List<GroupCall>()
                let group = SiteRecorder(rank.Everyone "tensor", calls)
                let h = (torch.ones [| 3L; 2L |]).requires_grad_()
                let labels = torch.tensor [| 0L; 1L; 2L |]

                let struct (loss, _, _, _) =
                    VocabularyParallel.LinearCrossEntropy(
                        group,
                        h,
                        torch.ones [| 2L; 2L |],
                        labels,
                        4L,
                        0.0,
                        0.1,
                        9
                    )

                loss.backward ()
                [ for call in calls -> call.Operation, call.Reduction, call.Site ]
        )

    let expected =
        [
            GroupOperation.AllReduce, Nullable ReduceOperation.Max, Site(9, false)
            GroupOperation.AllReduce, Nullable ReduceOperation.Sum, Site(9, false)
        ]

    Assert.All(
        calls,
        (fun found -> Assert.Equal<(GroupOperation * Nullable<ReduceOperation> * Site) list>(expected, found))
    )

[<Fact>]
let ``the sum of the ranks' embeddings is the embedding, for any vocabulary and number of ranks`` () =
    use _ = torch.manual_seed 15L

    for vocabulary in 1L .. 20L do
        for ranks in 1..8 do
            use _ = torch.NewDisposeScope()
            let weight = normal [ vocabulary; 3L ]
            let ids = torch.randint (0L, vocabulary, [| 2L; 5L |], dtype = torch.int64)
            let upstream = normal [ 2L; 5L; 3L ]
            let w = weight.detach().requires_grad_()
            let whole = Ops.Embedding(ids, w)
            (whole.mul(upstream).sum()).backward()

            let results =
                LocalWorld.Results(
                    ranks,
                    fun rank ->
                        let group = rank.Everyone "tensor"
                        let shard = (padded weight ranks rank.Rank).requires_grad_()
                        let partial = VocabularyParallel.Embedding(group, ids, shard, vocabulary)
                        let sum = Collective.Reduce(group, partial, 1)
                        (sum.mul(upstream).sum()).backward()
                        struct (sum.detach (), nonNull shard.grad)
                )

            for rank in 0 .. ranks - 1 do
                let struct (sum, gradient) = results[rank]
                Assert.Equal(0.0, largest sum (whole.detach ()))
                let struct (start, valid) = Shards.Of(vocabulary, ranks, rank)
                let expected = torch.zeros_like gradient

                expected.narrow(0L, 0L, valid).copy_((nonNull w.grad).narrow(0L, start, valid))
                |> ignore

                Assert.Equal(0.0, largest gradient expected)

[<Fact>]
let ``what is not in the vocabulary, and a shard of another size, are refused`` () =
    let group = GroupOfOne "tensor"
    use weight = torch.ones [| 4L; 2L |]

    let refused (words: string) (call: unit -> unit) =
        Assert.Contains(words, Assert.Throws<ArgumentException>(call).Message)

    refused "4 is not below the vocabulary of 4" (fun () ->
        VocabularyParallel.Embedding(group, torch.tensor [| 4L |], weight, 4L) |> ignore)

    refused "-1 is not below the vocabulary of 4, nor -100" (fun () ->
        VocabularyParallel.LinearCrossEntropy(
            group,
            torch.ones [| 1L; 2L |],
            weight,
            torch.tensor [| -1L |],
            4L,
            0.0,
            0.0,
            1
        )
        |> ignore)

    refused "found a shard of [4, 2]" (fun () ->
        VocabularyParallel.Embedding(group, torch.tensor [| 0L |], weight, 9L) |> ignore)
