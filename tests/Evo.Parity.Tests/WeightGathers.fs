/// Weights of isp are whole only around their uses; when they are gathered never changes a bit.
module Evo.Parity.Tests.WeightGathers

open System
open System.Collections.Concurrent
open Evo.Core
open Evo.Models
open Evo.Parallel
open Evo.Torch
open TorchSharp
open Xunit

let private length = 8

let private isp tensor weight pipeline =
    { Evo.Core.Degrees.Single with
        World = max tensor weight * pipeline
        Mode = TensorMode.Isp
        Tensor = tensor
        Weight = weight
        Pipeline = pipeline
        Zero = -1
    }

let private small name layers =
    Layouts.small layers (nonNull (ModelFamilies.Find name))

/// As the emitted forward gathers them, then in every way that the runtime has.
let private ways: (string * (WeightGathering | null)) list =
    [
        "as emitted", null
        "without overlap", WeightGathering(Overlap = false)
        "none ahead", WeightGathering(Ahead = 0)
        "one ahead", WeightGathering(Ahead = 1)
        "two ahead", WeightGathering(Ahead = 2)
    ]

/// Every number of some steps, in order.
let private numbers (figures: LayoutFigures) =
    [
        for step in figures.Steps do
            "loss", [| step.Loss; step.Norm; step.ZLoss; step.RouterLoss.GetValueOrDefault() |]

            for pair in Seq.append step.Gradients step.Parameters |> Seq.sortBy _.Key do
                pair.Key, pair.Value
    ]

let private same what expected found =
    for (quantity, a: float[]), (_, b: float[]) in List.zip expected found do
        let off =
            Seq.zip a b
            |> Seq.filter (fun (x, y) -> BitConverter.DoubleToInt64Bits x <> BitConverter.DoubleToInt64Bits y)

        Assert.True(
            Seq.isEmpty off,
            $"{what}: {Seq.length off} of {a.Length} bits of {quantity} are others, first {Seq.tryHead off}"
        )

let cases =
    let data = TheoryData<string, float>()

    for name in [ "LLAMA2"; "GPT2"; "MIXTRALMOE" ] do
        for recompute in [ 0.0; 0.5; 1.0 ] do
            data.Add(name, recompute)

    data

[<Theory; MemberData(nameof cases)>]
let ``when weights are gathered changes no bit of losses, gradients and weights``
    (name: string)
    (recompute: float)
    =
    let spec = small name 3

    for degrees: Evo.Core.Degrees in [ isp 2 4 1; isp 4 2 1 ] do
        let layout =
            { Layout.Single with
                Degrees = degrees
                MicroBatches = 2
                Recompute = recompute
            }

        let batch =
            LayoutBatch.Random(3, spec.Size.VocabSize, 2, 2, 2 * degrees.Data, length)

        let run (weights: WeightGathering | null) =
            LayoutParity.Run(spec, layout, batch, ParityProbe(Weights = weights)) |> numbers

        let expected = run null

        for way, weights in List.tail ways do
            same $"{name}, recompute {recompute}, {way}" expected (run weights)

[<Theory>]
[<InlineData("LLAMA2")>]
[<InlineData("GPT2")>]
let ``when weights are gathered changes no bit in pipelines with every schedule`` (name: string) =
    let spec = small name 4

    for schedule, chunks in
        [
            PipelineMode.OneForwardOneBackward, 1
            PipelineMode.OneForwardOneBackward, 2
            PipelineMode.ZeroBubbleH1, 1
            PipelineMode.ZeroBubbleV, 2
        ] do
        let layout =
            { Layout.Single with
                Degrees = isp 2 2 2
                Schedule = schedule
                Chunks = chunks
                MicroBatches = 4
                Recompute = 0.5
            }

        let batch = LayoutBatch.Random(5, spec.Size.VocabSize, 2, 4, 2, length)

        let run (weights: WeightGathering | null) =
            LayoutParity.Run(spec, layout, batch, ParityProbe(Weights = weights)) |> numbers

        let expected = run null

        for way, weights in List.tail ways do
            same $"{name}, {schedule} of {chunks}, {way}" expected (run weights)

/// Two micro-batches of one step on two ranks; `read` is asked by every rank at the end.
let private step (spec: CausalLM) recompute (weights: WeightGathering | null) (read: RankModel -> 'r) =
    let layout =
        { Layout.Single with
            Degrees = isp 2 2 1
            MicroBatches = 2
            Recompute = recompute
        }

    let batch = LayoutBatch.Random(3, spec.Size.VocabSize, 1, 2, 1, length)

    LocalWorld.Results(
        2,
        (fun (rank: LocalRank) ->
            let groups = RankGroups(Topology layout.Degrees, rank)

            use model =
                RankModel.Build(spec, layout, groups, RankModelOptions(Weights = weights, Dropout = false))

            model.Start 20UL

            let micros =
                [
                    for micro in batch.Steps[0] ->
                        MicroBatchSource(
                            1,
                            length,
                            fun () ->
                                let struct (ids, labels, at) = micro.Tensors(0, 1, RandomKey())
                                new MicroTensors(ids, labels, at)
                        )
                ]

            for _ in 1..2 do
                model.Gradients(
                    micros,
                    BatchFigures(batch.Targets 0),
                    LossOptions(Routers = RouterCoefficients(0.01, 0.001))
                )
                |> ignore

            read model),
        threads = Nullable 1
    )

[<Theory; MemberData(nameof cases)>]
let ``whole weights alive at a time are those of the block that computes and of those ahead``
    (name: string)
    recompute
    =
    let spec = small name 4

    for ahead in 0..2 do
        for struct (blocks, peak) in
            step spec recompute (WeightGathering(Ahead = ahead)) (fun model -> List.ofSeq model.GatheredBytes)
            |> Seq.concat do
            let most = blocks |> Seq.windowed (ahead + 1) |> Seq.map Array.sum |> Seq.max
            Assert.Equal(6, blocks.Count)
            Assert.All(blocks, (fun bytes -> Assert.True(bytes > 0L)))
            Assert.Equal(most, peak)

[<Collection("counters")>]
type Measured() =

    [<Fact>]
    member _.``memory falls by what need not be kept``() =
        let spec =
            small "LLAMA2" 16
            |> Small.with' SizeRole.Width 128
            |> Small.with' SizeRole.Inner 256

        let peak (weights: WeightGathering | null) =
            let before = NativeMemory.BytesAllocated
            NativeMemory.ResetPeak()
            let blocks = step spec 0.0 weights (fun model -> List.ofSeq model.GatheredBytes)
            NativeMemory.PeakBytes - before, Seq.concat blocks |> List.ofSeq

        let kept, _ = peak null
        let freed, found = peak (WeightGathering())

        let needless =
            found |> List.sumBy (fun struct (blocks, most) -> Seq.sum blocks - most)

        Assert.Equal(2, found.Length)

        Assert.True(
            kept - freed > needless / 2L,
            $"{kept} bytes with all weights kept, {freed} without, {needless} of them needless"
        )
