/// Several linears as one product, on one rank and with x sharded.
module Evo.Parallel.Tests.StackedLinears

open System
open System.Collections.Generic
open Evo.Parallel
open Evo.Parallel.Tests.OptimizerUpdates
open Evo.Parallel.Tests.GroupMeanings
open Evo.Torch
open FsCheck.FSharp
open TorchSharp
open Xunit

let private normal (dtype: torch.ScalarType) (shape: int64 list) =
    torch.randn (Array.ofList shape, dtype = dtype)

/// Leaves of one flat buffer, one behind the other, or each in memory of its own.
let private leaves dtype flat (shapes: int64 list list) =
    let product = List.fold (*) 1L

    if flat then
        let buffer = normal dtype [ List.sumBy product shapes ]
        let starts = shapes |> List.map product |> List.scan (+) 0L

        List.zip (List.take shapes.Length starts) shapes
        |> List.map (fun (start, shape) ->
            buffer.narrow(0L, start, product shape).view(Array.ofList shape).detach().requires_grad_())
    else
        shapes |> List.map (fun shape -> (normal dtype shape).requires_grad_())

let private copies (tensors: torch.Tensor list) =
    tensors |> List.map (fun t -> t.detach().clone().requires_grad_())

let private orNone (present: bool list) (biases: torch.Tensor list) : IReadOnlyList<torch.Tensor | null> =
    List.map2
        (fun present (bias: torch.Tensor) ->
            let found: torch.Tensor | null = if present then bias else null
            found)
        present
        biases
    |> Array.ofList
    :> IReadOnlyList<_>

let private separate
    (x: torch.Tensor)
    (weights: torch.Tensor list)
    (biases: IReadOnlyList<torch.Tensor | null>)
    =
    torch.cat ([| for i, w in List.indexed weights -> Ops.Linear(x, w, biases[i]) |], -1L)

let private cases =
    gen {
        let! count = Gen.choose (1, 4)
        let! outputs = Gen.listOfLength count (Gen.choose (1, 9))
        let! channels = Gen.choose (1, 16)
        let! rows = Gen.listOf (Gen.choose (0, 4)) |> Gen.map (List.truncate 2)
        let! present = Gen.listOfLength count (Gen.elements [ true; false ])
        let! flat = Gen.elements [ true; false ]
        return List.map int64 outputs, int64 channels, List.map int64 rows, present, flat
    }

let private near tolerance (expected: torch.Tensor) (found: torch.Tensor) =
    expected.shape.AsSpan().SequenceEqual(found.shape)
    && (expected.numel () = 0L
        || largest expected found <= tolerance * max 1.0 (expected.abs().max().ToDouble()))

let private isSeparate dtype tolerance count =
    checkAll count cases (fun (outputs, channels, rows, present, flat) ->
        let shapes = [ for o in outputs -> [ o; channels ] ]
        let weights = leaves dtype flat shapes
        let biases = leaves dtype flat [ for o in outputs -> [ o ] ]
        let x = (normal dtype (rows @ [ channels ])).requires_grad_()
        let mine = Ops.LinearMany(x, Array.ofList weights, orNone present biases)
        let x2, weights2, biases2 = List.head (copies [ x ]), copies weights, copies biases
        let theirs = separate x2 weights2 (orNone present biases2)
        let upstream = normal dtype (List.ofArray theirs.shape)
        (mine.mul(upstream).sum()).backward()
        (theirs.mul(upstream).sum()).backward()

        let gradients = List.zip (x :: weights) (x2 :: weights2)

        let ofBiases =
            List.zip3 present biases biases2 |> List.filter (fun (present, _, _) -> present)

        near tolerance (theirs.detach ()) (mine.detach ())
        && gradients
           |> List.forall (fun (a, b) -> near tolerance (nonNull b.grad) (nonNull a.grad))
        && ofBiases
           |> List.forall (fun (_, a, b) -> near tolerance (nonNull b.grad) (nonNull a.grad)))

[<Fact>]
let ``one product for several weights is the separate linears, gradients included`` () =
    isSeparate torch.float64 1e-12 100
    isSeparate torch.float32 1e-5 50

[<Fact>]
let ``the plain form is the same`` () =
    Ops.UseNative <- false

    try
        isSeparate torch.float64 1e-12 50
    finally
        Ops.UseNative <- true

[<Fact>]
let ``only what asks for a gradient gets one`` () =
    let weights = leaves torch.float64 true [ [ 2L; 3L ]; [ 4L; 3L ] ]
    weights[0].requires_grad <- false
    use x = normal torch.float64 [ 5L; 3L ]
    use y = Ops.LinearMany(x, Array.ofList weights, [| null; null |])
    (y.sum ()).backward()
    Assert.Null weights[0].grad
    Assert.NotNull weights[1].grad
    Assert.Null x.grad

[<Fact>]
let ``weights that lie one behind the other are not copied`` () =
    let extra flat =
        use _ = torch.NewDisposeScope()
        let weights = leaves torch.float32 flat (List.replicate 3 [ 256L; 256L ])
        use x = torch.ones [| 1L; 256L |]
        use _ = torch.no_grad ()
        NativeMemory.ResetPeak()
        let before = NativeMemory.BytesAllocated
        Ops.LinearMany(x, Array.ofList weights, [| null; null; null |]) |> ignore
        NativeMemory.PeakBytes - before

    Assert.InRange(extra true, 0L, 100_000L)
    Assert.InRange(extra false, 3L * 256L * 256L * 4L, Int64.MaxValue)

[<Fact>]
let ``a call without weights, or with too few biases, is refused`` () =
    use x = torch.ones [| 1L; 2L |]

    let refused (weights: torch.Tensor list) =
        let error =
            Assert.Throws<ArgumentException>(fun () ->
                Ops.LinearMany(x, Array.ofList weights, [||]) |> ignore)

        Assert.Contains("a bias or null for each", error.Message)

    refused []
    refused [ x ]

/// A whole x, its shards along dim 0, weights and biases.
let private gathered =
    gen {
        let! ranks = sizes
        let! count = Gen.choose (1, 3)
        let! outputs = Gen.listOfLength count (Gen.choose (1, 5))
        let! present = Gen.listOfLength count (Gen.elements [ true; false ])
        let! lengths = Gen.listOfLength ranks (Gen.choose (0, 3))
        return lengths, List.map int64 outputs, present
    }

[<Fact>]
let ``gather and linear in one is a gather and then linears, gradients included`` () =
    checkAll 60 gathered (fun (lengths, outputs, present) ->
        let sizes = Grids.longs lengths
        let ranks = lengths.Length
        let total = int64 (List.sum lengths)
        let whole = normal torch.float64 [ total; 2L; 3L ]

        let upstream =
            [ for _ in lengths -> normal torch.float64 [ total; 2L; List.sum outputs ] ]

        let weights =
            [
                for _ in lengths -> leaves torch.float64 true [ for o in outputs -> [ o; 3L ] ]
            ]

        let biases =
            [ for _ in lengths -> leaves torch.float64 false [ for o in outputs -> [ o ] ] ]

        let run
            (call:
                ProcessGroup
                    -> torch.Tensor
                    -> torch.Tensor list
                    -> IReadOnlyList<torch.Tensor | null>
                    -> torch.Tensor)
            =
            LocalWorld.Results(
                ranks,
                fun rank ->
                    let r = rank.Rank
                    let start = int64 (List.sum (List.take r lengths))
                    let x = whole.narrow(0L, start, int64 lengths[r]).clone().requires_grad_()
                    let w, b = copies weights[r], copies biases[r]
                    let y = call (rank.Everyone "tensor") x w (orNone present b)
                    (y.mul(upstream[r]).sum()).backward()

                    let used = List.zip present b |> List.filter fst |> List.map snd
                    y.detach () :: [ for leaf in x :: w @ used -> nonNull leaf.grad ]
            )

        let mine =
            run (fun group x w b -> Collective.GatherLinear(group, x, 0, Array.ofList w, b, 1, sizes))

        let theirs =
            run (fun group x w b -> separate (Collective.Gather(group, x, 0, 1, sizes)) w b)

        Seq.forall2 (List.forall2 (near 1e-12)) theirs mine)

[<Fact>]
let ``what is not needed is not gathered again`` () =
    let backward (ofX: bool) (ofWeight: bool) =
        LocalWorld.Results(
            2,
            fun rank ->
                let calls = List<GroupCall>()
                let group = SiteRecorder(rank.Everyone "tensor", calls)
                let x = torch.ones([| 2L; 3L |]).requires_grad_ ofX
                let w = torch.ones([| 4L; 3L |]).requires_grad_ ofWeight
                (Collective.GatherLinear(group, x, 0, [| w |], [| null |], 1).sum()).backward()

                [
                    for call in calls do
                        if call.Site.Backward then
                            call.Operation
                ]
        )
        |> Array.head

    Assert.Equal<GroupOperation list>(
        [ GroupOperation.AllGather; GroupOperation.ReduceScatter ],
        backward true true
    )

    Assert.Equal<GroupOperation list>([ GroupOperation.AllGather ], backward false true)
    Assert.Equal<GroupOperation list>([ GroupOperation.ReduceScatter ], backward true false)

[<Fact>]
let ``gather and linear in one keeps the shard, not the whole`` () =
    let ranks, rows, channels = 2, 512L, 64L
    let bytes (count: int64) = count * 4L

    let held =
        LocalWorld.Results(
            ranks,
            fun rank ->
                let group = rank.Everyone "tensor"
                let x = torch.ones([| rows; channels |]).requires_grad_()
                let w = torch.ones([| 1L; channels |]).requires_grad_()
                group.Barrier(Site(1, false))
                let before = NativeMemory.BytesAllocated
                group.Barrier(Site(2, false))
                use y = Collective.GatherLinear(group, x, 0, [| w |], [| null |], 3)
                group.Barrier(Site(4, false))
                let held = NativeMemory.BytesAllocated - before
                group.Barrier(Site(5, false))
                (y.sum ()).backward()
                held
        )

    // Of the whole x on each rank nothing is left; y has one channel.
    Assert.All(held, (fun held -> Assert.InRange(held, 0L, bytes (rows * channels) / 2L)))
