/// Forward and backward of a step.
module Evo.Parallel.Tests.GradientSteps

open System
open Evo.Models
open Evo.Parallel
open Evo.Parallel.Tests.OptimizerUpdates
open Evo.Torch
open FsCheck
open FsCheck.FSharp
open TorchSharp
open Xunit

/// A document: its tokens and how many of its first labels do not count.
type private Document = { Tokens: int64 list; Masked: int }

let private documents =
    gen {
        let! length = Gen.choose (1, 9)
        let! tokens = Gen.listOfLength (length + 1) (Gen.choose (1, 60) |> Gen.map int64)
        let! masked = Gen.choose (0, length)
        return { Tokens = tokens; Masked = masked }
    }
    |> Gen.nonEmptyListOf
    |> Gen.map (List.truncate 8)

let private microBatch (documents: Document list) =
    let rows = documents |> List.map (fun d -> List.take (d.Tokens.Length - 1) d.Tokens)

    MicroBatch(
        rows |> List.concat |> Array.ofList,
        [|
            for d in documents do
                for i, label in List.indexed (List.tail d.Tokens) do
                    if i < d.Masked then -100L else label
        |],
        [|
            for row in rows do
                yield! [| 0L .. int64 row.Length - 1L |]
        |],
        rows |> List.scan (fun sum row -> sum + row.Length) 0 |> Array.ofList
    )

/// Cuts a list into runs; `cuts` says after which elements.
let private cut (cuts: bool list) items =
    List.zip items (List.truncate (List.length items) (cuts @ List.replicate (List.length items) false))
    |> List.fold
        (fun groups (item, isEnd) ->
            match groups with
            | current :: before when isEnd -> [] :: (current @ [ item ]) :: before
            | current :: before -> (current @ [ item ]) :: before
            | [] -> [ [ item ] ])
        [ [] ]
    |> List.rev
    |> List.filter (fun group -> not group.IsEmpty)

let private build family dtype recompute =
    let model =
        RankModel.OnOneRank(TinyRuns.spec family, RankModelOptions(Dtype = dtype, DecayAll = true), recompute)

    model.Start 5UL
    model

let private gradient (model: RankModel) (batch: MicroBatch list) =
    let result =
        model.Gradients(Array.ofList batch, LossOptions(Routers = RouterCoefficients(0.3, 0.1), ZLoss = 0.01))

    result.Loss, wholeGradient model.Optimizer

[<Theory; InlineData "LLAMA2"; InlineData "INTERNLM2"; InlineData "GPT2">]
let ``the gradient does not depend on how a batch is cut into micro-batches`` family =
    use model = build family torch.float64 0.0

    let cases =
        Arb.fromGen (Gen.zip documents (Gen.listOfLength 8 (Gen.elements [ true; false ])))

    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest 25,
        Prop.forAll cases (fun (documents, cuts) ->
            use _ = torch.NewDisposeScope()
            let loss, whole = gradient model [ microBatch documents ]
            let lossOfParts, parts = gradient model (cut cuts documents |> List.map microBatch)
            let scale = max (whole.abs().max().ToDouble()) 1e-6

            abs (loss - lossOfParts) <= 1e-12 * max 1.0 loss
            && largest whole parts <= 1e-10 * scale)
    )

[<Theory; InlineData "LLAMA2"; InlineData "INTERNLM2"; InlineData "GPT2"; InlineData "MIXTRALMOE">]
let ``layers that are recomputed give the same bits`` family =
    for dtype in [ torch.float32; torch.float64; torch.bfloat16 ] do
        let run recompute =
            use model = build family dtype recompute

            let batch =
                microBatch
                    [
                        {
                            Tokens = [ 5L; 9L; 11L; 3L; 8L ]
                            Masked = 1
                        }
                        { Tokens = [ 7L; 2L; 30L ]; Masked = 0 }
                    ]

            let loss, gradient = gradient model [ batch; batch ]
            loss, TensorBytes.Of(gradient).ToArray()

        let loss, kept = run 0.0

        for fraction in [ 0.4; 1.0 ] do
            let lossAgain, recomputed = run fraction
            Assert.Equal(loss, lossAgain)
            Assert.Equal<byte seq>(kept, recomputed)

[<Theory; InlineData(0.0); InlineData(1.0)>]
let ``a step leaves no native tensor behind`` recompute =
    for family, _ in TinyRuns.families do
        for dtype in [ torch.float32; torch.bfloat16 ] do
            use model = build family dtype recompute

            let batch =
                microBatch
                    [
                        {
                            Tokens = [ 5L; 9L; 11L; 3L; 8L ]
                            Masked = 1
                        }
                    ]

            let step number =
                let result =
                    model.Gradients(
                        [| batch; batch |],
                        LossOptions(0.1, RouterCoefficients(0.3, 0.1), ZLoss = 0.01)
                    )

                model.Optimizer.FirstNonFinite() |> ignore

                model.Update(AdamRates(1e-3, 0.9, 0.95, 1e-8, 0.1), number, result, 1.0)
                |> ignore

                model.Evaluate [ batch ] |> ignore

            step 1L
            let before = Folders.liveTensors ()

            for number in 2L .. 6L do
                step number

            Assert.Equal(before, NativeMemory.LiveTensors)

[<Fact>]
let ``a batch without any label has a loss and a gradient of zero`` () =
    use model = build "LLAMA2" torch.float32 0.0

    let loss, gradient =
        gradient model [ microBatch [ { Tokens = [ 4L; 5L; 6L ]; Masked = 2 } ] ]

    Assert.Equal(0.0, loss)
    Assert.Equal(0.0, gradient.abs().max().ToDouble())

[<Fact>]
let ``the routers' loss of each micro-batch is added, averaged, and reported apart`` () =
    use _ = torch.NewDisposeScope()
    use model = build "MIXTRALMOE" torch.float64 0.0
    let document tokens = { Tokens = tokens; Masked = 0 }

    let batch =
        [
            microBatch [ document [ 5L; 9L; 11L; 3L; 8L ]; document [ 7L; 2L; 30L ] ]
            microBatch [ document [ 4L; 6L; 60L ] ]
        ]

    let run balance z =
        let result =
            model.Gradients(Array.ofList batch, LossOptions(0.0, RouterCoefficients(balance, z)))

        result, wholeGradient model.Optimizer

    let plain, without = run 0.0 0.0
    Assert.False plain.RouterLoss.HasValue

    // The same by the module's own words: mean over the micro-batches of 0.3 x balance + 0.1 x z, and nothing else.
    model.Optimizer.ZeroGradient()

    let added =
        batch
        |> List.map (fun micro ->
            use row = MicroTensors.Of(micro, torch.CPU)

            let struct (_, _, _, _, auxiliary) =
                model.Chunks[0].Module.LossWithRouters(row.Ids, row.Labels, row.At)

            let auxiliary = nonNull auxiliary
            let value = (0.3 * auxiliary.Balance + 0.1 * auxiliary.Z) / 2.0
            value.backward ()
            model.Optimizer.Accumulate()
            value.ToDouble())
        |> List.sum

    let alone = wholeGradient model.Optimizer
    let both, together = run 0.3 0.1
    Assert.Equal(plain.Loss, both.Loss)
    Assert.Equal(added, both.RouterLoss.Value, 12)
    Assert.True(alone.abs().max().ToDouble() > 1e-4)
    Assert.True(largest together (without + alone) <= 1e-12)

[<Fact>]
let ``the head's z-loss is added for each label that counts, averaged, and reported apart`` () =
    use _ = torch.NewDisposeScope()
    use model = build "LLAMA2" torch.float64 0.0

    let batch =
        [
            microBatch
                [
                    {
                        Tokens = [ 5L; 9L; 11L; 3L; 8L ]
                        Masked = 2
                    }
                    { Tokens = [ 7L; 2L; 30L ]; Masked = 0 }
                ]
            microBatch [ { Tokens = [ 4L; 6L; 60L ]; Masked = 0 } ]
        ]

    let run z =
        let result =
            model.Gradients(Array.ofList batch, LossOptions(0.1, RouterCoefficients(), ZLoss = z))

        result.Loss, result.ZLoss, result.Batch.Targets, wholeGradient model.Optimizer

    let loss, nothing, targets, without = run 0.0
    Assert.Equal(0.0, nothing)

    // The same by the model's logits: the mean of z times the square of their log-sum-exp, and nothing else.
    model.Optimizer.ZeroGradient()

    let added =
        batch
        |> List.map (fun micro ->
            use row = MicroTensors.Of(micro, torch.CPU)
            let one = model.Chunks[0].Module
            let logits = one.Logits(one.Hidden(row.Ids, row.At)).flatten(0L, 1L)
            let counts = row.Labels.flatten().ne(Scalar.op_Implicit -100L).to_type torch.float64
            let value = 0.3 * (logits.logsumexp(1L).square() * counts).sum() / float targets
            value.backward ()
            model.Optimizer.Accumulate()
            value.ToDouble())
        |> List.sum

    let alone = wholeGradient model.Optimizer
    let lossWith, zLoss, _, together = run 0.3
    Assert.Equal(loss, lossWith, 12)
    Assert.Equal(added, zLoss, 12)
    Assert.True(alone.abs().max().ToDouble() > 1e-4)
    Assert.True(largest together (without + alone) <= 1e-12)
    // Held-out rows have none.
    Assert.Equal(0.0, (model.Evaluate batch).Whole.Z)
