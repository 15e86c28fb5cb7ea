/// ZeRO of any group size = all-reduce and broadcast = fully sharded = none; every element counts once in the norm.
module Evo.Parallel.Tests.ShardedOptimizers

open System
open System.Collections.Generic
open Evo.Core
open Evo.Parallel
open Evo.Parallel.Tests.Grids
open Evo.Parallel.Tests.OptimizerUpdates
open Evo.Parallel.Tests.ToyModel
open Evo.Torch
open FsCheck
open FsCheck.FSharp
open TorchSharp
open Xunit

let private plain (_: int) (group: ProcessGroup) (_: ProcessGroup) = group

let private equalToSerial (ways: Way list) =
    Assert.NotEmpty ways

    for way in ways do
        match differences (trainRanks plain way) with
        | [] -> ()
        | found ->
            let lines = String.Join("\n", found)
            Assert.Fail $"{way}\n{lines}"

[<Fact>]
let ``the model of whole numbers trains: weights move, norms differ and are clipped`` () =
    let right = serial.Value
    Assert.Equal(3, right.Norms |> List.distinct |> List.length)
    Assert.All(right.Norms, (fun norm -> Assert.True(norm > 10.0 && norm < 1e6)))

    for parameter in parametersOf [ 0; 1 ] do
        let start = whole parameter.Name -2 2 (Array.ofSeq parameter.Shape)
        Assert.NotEqual<byte seq>(bits start, right.State[$"{parameter.Name} Weight"])

[<Fact>]
let ``ZeRO of any group size and bucket is serial training, to the bit, with and without overlap`` () =
    equalToSerial
        [
            for zero in [ 1; 2; 4 ] do
                for bucket in [ 1L; 60L; 1000000L ] do
                    for overlap in [ false; true ] do
                        { Way.Of zero with
                            Bucket = bucket
                            Overlap = overlap
                        }
        ]

[<Fact>]
let ``InternEvo's all-reduce and broadcast is serial training, to the bit, with and without overlap`` () =
    equalToSerial
        [
            for zero in [ 1; 2; 4 ] do
                for whole in [ false; true ] do
                    for overlap in [ false; true ] do
                        { Way.Of zero with
                            Reduction = GradientReduction.AllReduce
                            Whole = whole
                            Overlap = overlap
                        }
        ]

[<Fact>]
let ``fully sharded parameters, hybrid ones too, are serial training to the bit, however many blocks are gathered ahead``
    ()
    =
    equalToSerial
        [
            for zero in [ 1; 2; 4 ] do
                for ahead in [ 0; 1; 9 ] do
                    for overlap in [ false; true ] do
                        { Way.Of zero with
                            Fully = true
                            Ahead = ahead
                            Overlap = overlap
                        }
        ]

// Two data ranks by two tensor ranks: what is cut along the tensor axis differs there and counts on both, what is whole is
// alike and counts on the first.
let private countedWorld (sizes: (int * bool) list) zero fully seed =
    let names = sizes |> List.mapi (fun i (size, cut) -> $"p{i}", size, cut)

    // The gradient of a rank: whole numbers, the same on both tensor ranks where the parameter is whole.
    let gradient name size cut rank =
        whole $"{seed} {name} {rank % 2} {if cut then rank / 2 else 0}" -9 9 [| int64 size |]

    let sums name size cut tensor =
        gradient name size cut (2 * tensor) + gradient name size cut (2 * tensor + 1)

    let square (x: torch.Tensor) = x.square().sum().ToDouble()

    let right =
        names
        |> List.sumBy (fun (name, size, cut) ->
            square (sums name size cut 0)
            + (if cut then square (sums name size cut 1) else 0.0))

    let found =
        LocalWorld.Results(
            4,
            fun rank ->
                let tensor, data = rank.Rank / 2, rank.Rank % 2
                let group name ranks = rank.Group(name, Array.ofList ranks)
                let all = [ 2 * tensor; 2 * tensor + 1 ]
                let groups = Dictionary<ReductionClass, ReductionGroups>()

                groups[ReductionClass.Data] <-
                    if zero = 2 then
                        ReductionGroups(group "zero" all, group "replica" [ rank.Rank ])
                    else
                        ReductionGroups(group "zero" [ rank.Rank ], group "replica" all)

                let parameters =
                    [|
                        for i, (name, size, cut) in List.indexed names ->
                            ShardedParameter(
                                name,
                                [| int64 size |],
                                i / 2,
                                i % 3 <> 0,
                                Counts = (cut || tensor = 0)
                            )
                    |]

                use optimizer =
                    new ShardedOptimizer(
                        parameters,
                        ShardingOptions(
                            Dtype = torch.float64,
                            Groups = groups,
                            FullySharded = fully,
                            SumOverWorld = sumOver (rank.Everyone "world")
                        )
                    )

                for name, size, cut in names do
                    // Of fully sharded parameters the sum over the ranks that share them is added.
                    let own =
                        if fully && zero = 2 then
                            sums name size cut tensor
                        else
                            gradient name size cut (2 * tensor + data)

                    optimizer.AddToGradient(name, own)

                optimizer.Finish()

                let whole =
                    names
                    |> List.forall (fun (name, size, cut) ->
                        bits (optimizer.ReadWhole(name, StateKind.Gradient)) =
                            bits (sums name size cut tensor))

                normOf optimizer, whole
        )

    found |> Array.forall (fun (norm, whole) -> norm = sqrt right && whole)

[<Fact>]
let ``gradients are sums, and each logical element counts once in the norm, replicated or sharded`` () =
    let case =
        gen {
            let! sizes =
                Gen.nonEmptyListOf (Gen.zip (Gen.choose (1, 40)) (Gen.elements [ true; false ]))

            let! zero = Gen.elements [ 1; 2 ]
            let! fully = Gen.elements [ true; false ]
            let! seed = Gen.choose (0, 1000)
            return List.truncate 7 sizes, zero, fully, seed
        }

    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest 60,
        Prop.forAll (Arb.fromGen case) (fun (sizes, zero, fully, seed) ->
            use _ = torch.NewDisposeScope()
            countedWorld sizes zero fully seed)
    )

let private usual = [ "a", [| for i in 0..39 -> float i |]; "b", [| 3.0; -4.0 |] ]

/// One step from gradients on two ranks that share everything, then each rank's norm and first moments.
let private step (gradients: (string * float[]) list) (asked: ShardingOptions) =
    LocalWorld.Results(
        2,
        fun rank ->
            let groups = Dictionary<ReductionClass, ReductionGroups>()

            groups[ReductionClass.Data] <-
                ReductionGroups(rank.Everyone "zero", rank.Group("replica", [| rank.Rank |]))

            use optimizer =
                new ShardedOptimizer(
                    [|
                        for i, (name, values) in List.indexed gradients ->
                            ShardedParameter(name, [| int64 values.Length |], i, true)
                    |],
                    ShardingOptions(
                        Dtype = asked.Dtype,
                        ReduceDtype = asked.ReduceDtype,
                        LossScaler = asked.LossScaler,
                        Groups = groups,
                        SumOverWorld = sumOver (rank.Everyone "world")
                    )
                )

            for name, values in gradients do
                // Each rank contributes half.
                use half =
                    torch.tensor(values).``to``(optimizer.StateDtype) * (0.5 * optimizer.LossScale)

                optimizer.AddToGradient(name, half)

            optimizer.Finish()
            let norm = clippedUpdate optimizer (AdamRates(0.1, 0.9, 0.95, 1e-8, 0.0)) 1L 1.0

            norm,
            [
                for name, _ in gradients ->
                    optimizer.ReadWhole(name, StateKind.ExpAvg).``to``(torch.float64).data<float>().ToArray()
            ]
    )

[<Fact>]
let ``a gradient is clipped once, by the norm of all of it`` () =
    let norm = sqrt (Seq.sum [ for i in 0..39 -> float (i * i) ] + 25.0)

    for found, moments in step usual (ShardingOptions(Dtype = torch.float64)) do
        Assert.Equal(norm, found, 12)

        for moment, (_, gradient) in List.zip moments usual do
            for m, g in Array.zip moment gradient do
                Assert.Equal(0.1 * g / (norm + 1e-6), m, 14)

[<Fact>]
let ``the loss scale is taken out of norm and moments, whatever the dtype`` () =
    for dtype in [ torch.float64; torch.float32; torch.bfloat16; torch.float16 ] do
        let run scale =
            step
                usual
                (ShardingOptions(
                    Dtype = dtype,
                    LossScaler =
                        LossScaler.Start
                            { LossScaleRules.Default with
                                InitialScale = scale
                            }
                ))

        Assert.Equal<(float * float[] list)[]>(run 1.0, run 4096.0)

[<Fact>]
let ``gradients may be sent in bfloat16, rounded once`` () =
    let run gradients reduce =
        step gradients (ShardingOptions(Dtype = torch.float32, ReduceDtype = reduce))

    // Halves of 0 to 39 and their sums are bfloat16 numbers: nothing is rounded.
    Assert.Equal<(float * float[] list)[]>(run usual (Nullable()), run usual (Nullable torch.bfloat16))

    let norms reduce =
        run [ "a", [| 257.0 |] ] reduce |> Array.map fst |> List.ofArray

    Assert.Equal<float list>([ 257.0; 257.0 ], norms (Nullable()))
    // Each rank's 128.5 is rounded to 128.
    Assert.Equal<float list>([ 256.0; 256.0 ], norms (Nullable torch.bfloat16))

[<Fact>]
let ``an infinite gradient of one rank makes the norm infinite on all, the scale falls, and its parameter is named``
    ()
    =
    let results =
        LocalWorld.Results(
            2,
            fun rank ->
                let groups = Dictionary<ReductionClass, ReductionGroups>()

                groups[ReductionClass.Data] <-
                    ReductionGroups(rank.Everyone "zero", rank.Group("replica", [| rank.Rank |]))

                use optimizer =
                    new ShardedOptimizer(
                        [|
                            ShardedParameter("a", [| 16L |], 0, true)
                            ShardedParameter("b", [| 16L |], 0, true)
                        |],
                        ShardingOptions(
                            Dtype = torch.float16,
                            Groups = groups,
                            LossScaler =
                                LossScaler.Start
                                    { LossScaleRules.Default with
                                        Hysteresis = 1L
                                    },
                            SumOverWorld = sumOver (rank.Everyone "world")
                        )
                    )

                let w = new Modules.Parameter(optimizer.Weights "b")
                let a = new Modules.Parameter(optimizer.Weights "a")
                optimizer.Attach(fun name -> if name = "a" then a else w)
                optimizer.ChangeWeights(fun () -> ())

                // 65536 is beyond float16: the scaled gradient of rank 1 overflows in the backward itself.
                if rank.Rank = 1 then
                    (w.sum().``to``(torch.float32) * optimizer.LossScale).backward()

                optimizer.Accumulate()
                optimizer.Finish()
                let before = optimizer.CopyWeights()
                let norm = clippedUpdate optimizer (AdamRates(0.1, 0.9, 0.95, 1e-8, 0.1)) 1L 1.0

                let kept =
                    Seq.forall2 (fun old now -> bits old = bits now) before (optimizer.CopyWeights())

                norm, optimizer.LossScale, optimizer.FirstNonFinite(), kept
        )

    for norm, scale, _, kept in results do
        Assert.Equal(Double.PositiveInfinity, norm)
        Assert.Equal(32768.0, scale)
        Assert.True kept

    // a is owned by the first rank, b by the second.
    let found = [ for _, _, found, _ in results -> found ]
    Assert.False found[0].HasValue
    Assert.Equal(struct ("b", "inf"), found[1].Value)

[<Fact>]
let ``what another stage found for a tied table is added before the sum, and too late is refused`` () =
    use optimizer =
        new ShardedOptimizer(
            [|
                ShardedParameter("table", [| 3L |], 0, true, WaitsForStage = true)
                ShardedParameter("w", [| 3L |], 1, true)
            |],
            ShardingOptions(Dtype = torch.float64, BucketElements = 1L, OverlapReduction = true)
        )

    let ones = torch.ones (3L, dtype = torch.float64)
    optimizer.ZeroGradient()
    optimizer.GradientOf("table").fill_(Scalar.op_Implicit 2.0) |> ignore
    optimizer.LastBackward <- true
    optimizer.AfterBackward 1
    optimizer.AfterBackward 0
    optimizer.AddToGradient("table", ones)

    let error =
        Assert.Throws<InvalidOperationException>(fun () -> optimizer.AddToGradient("w", ones))

    Assert.Contains("WaitsForStage", error.Message)
    optimizer.Finish()
    Assert.Equal<float seq>([ 3.0; 3.0; 3.0 ], optimizer.ReadWhole("table", StateKind.Gradient).data<float>())

[<Fact>]
let ``options that contradict each other are refused, all at once`` () =
    let error =
        Assert.Throws<ArgumentException>(fun () ->
            new ShardedOptimizer(
                [| ShardedParameter("a", [| 1L |], 0, true) |],
                ShardingOptions(
                    Dtype = torch.int64,
                    FullySharded = true,
                    Reduction = GradientReduction.AllReduce,
                    GatherAhead = -1
                )
            )
            |> ignore)

    for words in [ "Dtype = Int64"; "use ReduceScatter"; "GatherAhead = -1" ] do
        Assert.Contains(words, error.Message)
