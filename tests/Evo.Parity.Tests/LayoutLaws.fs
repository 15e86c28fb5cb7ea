/// What the runtime promises beside parity: how a batch is cut, who keeps what and when ranks talk is nobody's business.
module Evo.Parity.Tests.LayoutLaws

open System.Collections.Generic
open Evo.Models
open Evo.Parallel
open Evo.Torch
open Evo.Core
open Xunit

let private single = Layout.Single
let private one = Degrees.Single

/// What is a sum over tokens, and knows nothing of micro-batches.
let private tokensOnly =
    LossOptions(0.1, RouterCoefficients(0.0, 0.0), ZLoss = 0.01)

let private crossEntropy = ParityProbe(Loss = tokensOnly)

/// The same where rows change their places: what is dropped is a matter of the place.
let private undropped = ParityProbe(Loss = tokensOnly, Dropout = false)

/// What differs between two runs by more than an error.
let private apart error (expected: LayoutFigures) (found: LayoutFigures) =
    [
        for d in found.Compare(expected, LayoutParity.LearningRate) do
            if not (d.Error <= error) then
                $"{d.Quantity} is off by {d.Error:g3}"
        yield! found.Unequal
    ]

/// Some rows of a batch.
let private rowsOf (batch: ParityBatch) (rows: int list) =
    let pick (from: int64[,]) =
        array2D [ for row in rows -> [ for t in 0 .. batch.Length - 1 -> from[row, t] ] ]

    ParityBatch(pick batch.Ids, pick batch.Labels)

/// The rows of a step, dealt out to micro-batches.
let private dealt (pool: LayoutBatch) (parts: int list list) =
    LayoutBatch
        [|
            for step in pool.Steps ->
                [| for part in parts -> rowsOf step[0] part |] :> IReadOnlyList<ParityBatch>
        |]

[<Theory; InlineData("LLAMA2"); InlineData("GPT2"); InlineData("MIXTRALMOE")>]
let ``the cross entropy does not depend on how rows fall into micro-batches and ranks`` (name: string) =
    let spec = Layouts.dropping name
    let pool = LayoutBatch.Random(11, spec.Size.VocabSize, 2, 1, 8, Layouts.length)

    let wrong =
        [
            for probe, data, parts in
                [
                    crossEntropy, 1, [ [ 0..3 ]; [ 4..7 ] ]
                    crossEntropy, 1, [ for row in 0..7 -> [ row ] ]
                    crossEntropy, 2, [ [ 0..7 ] ]
                    crossEntropy, 2, [ for first in [ 0; 4 ] -> [ first .. first + 3 ] ]
                    crossEntropy, 8, [ [ 0..7 ] ]
                    undropped, 1, [ for row in 7..-1..0 -> [ row ] ]
                    undropped, 2, [ [ 7; 0; 3; 2 ]; [ 5; 1; 6; 4 ] ]
                    undropped, 4, [ [ 6; 2; 4; 0 ]; [ 7; 1; 3; 5 ] ]
                    undropped, 8, [ [ 3; 1; 0; 2; 7; 5; 6; 4 ] ]
                ] do
                let whole = LayoutParity.Run(spec, single, pool, probe)

                let layout =
                    { single with
                        Degrees = { one with World = data }
                        MicroBatches = parts.Length
                    }

                for line in apart 1e-10 whole (LayoutParity.Run(spec, layout, dealt pool parts, probe)) do
                    $"{parts.Length} micro-batches on {data} ranks: {line}"
        ]

    Assert.Empty wrong

[<Theory; InlineData("LLAMA2"); InlineData("MIXTRALMOE")>]
let ``ZeRO of any group size, fully sharded and not at all, is the same`` (name: string) =
    let spec = Layouts.ofFamily name

    let at degrees reduction =
        { single with
            Degrees = degrees
            MicroBatches = 2
            Reduction = reduction
        }

    let wrong =
        [
            for none in [ { one with World = 8 }; { one with World = 8; Tensor = 2 } ] do
                let data = none.Data
                let batch = Layouts.batchOf spec (at none GradientReduction.ReduceScatter)
                let run layout = LayoutParity.Run(spec, layout, batch)
                let expected = run (at none GradientReduction.ReduceScatter)

                for degrees, reduction in
                    [
                        for size in [ 2; 4; 8 ] do
                            if size <= data then
                                { none with Zero = size }, GradientReduction.ReduceScatter
                                { none with Zero = size }, GradientReduction.AllReduce
                                { none with Fsdp = size }, GradientReduction.ReduceScatter
                    ] do
                    for line in apart 1e-12 expected (run (at degrees reduction)) do
                        $"{degrees}, {reduction}: {line}"
        ]

    Assert.Empty wrong

/// A micro-batch that asks for nothing.
let private masked (batch: ParityBatch) =
    ParityBatch(batch.Ids, Array2D.create batch.Rows batch.Length Ops.IgnoredLabel)

[<Theory; InlineData("LLAMA2"); InlineData("GPT2"); InlineData("MIXTRALMOE")>]
let ``a micro-batch without labels changes nothing, to the bit`` (name: string) =
    let spec = Layouts.ofFamily name

    let wrong =
        [
            for layout in
                [
                    single
                    { single with
                        Degrees = { one with World = 2; Zero = 2 }
                    }
                    { single with
                        Degrees = { one with World = 2; Fsdp = 2 }
                    }
                    { single with
                        Degrees = { one with World = 2; Tensor = 2 }
                    }
                    { single with
                        Degrees = { one with World = 2; Pipeline = 2 }
                    }
                    { single with
                        Degrees = { one with World = 2; Pipeline = 2 }
                        Schedule = PipelineMode.ZeroBubbleV
                        Chunks = 2
                    }
                ] do
                let batch =
                    LayoutBatch.Random(13, spec.Size.VocabSize, 2, 4, 2 * layout.Degrees.Data, Layouts.length)

                let expected =
                    LayoutParity.Run(spec, { layout with MicroBatches = 4 }, batch, undropped)

                let more =
                    LayoutBatch
                        [|
                            for step in batch.Steps ->
                                [| step[0]; masked step[3]; step[1]; step[2]; step[3]; masked step[0] |]
                                :> IReadOnlyList<ParityBatch>
                        |]

                for line in
                    apart
                        0.0
                        expected
                        (LayoutParity.Run(spec, { layout with MicroBatches = 6 }, more, undropped)) do
                    $"{layout}: {line}"
        ]

    Assert.Empty wrong

/// Layouts that talk in every way.
let private talkative: (string * Layout) list =
    [
        "GPT2",
        { single with
            Degrees =
                { one with
                    World = 4
                    Mode = TensorMode.Msp
                    Tensor = 2
                    Zero = 2
                }
            MicroBatches = 2
            Recompute = 0.5
        }
        "GEMMA",
        { single with
            Degrees =
                { one with
                    World = 4
                    Tensor = 2
                    Pipeline = 2
                }
            MicroBatches = 2
            Chunks = 2
        }
        "QWEN2MOE",
        { single with
            Degrees =
                { one with
                    World = 4
                    Tensor = 2
                    Fsdp = 2
                    Expert = 2
                }
            MicroBatches = 2
            Recompute = 0.5
            Selective = true
        }
        "LLAMA2",
        { single with
            Degrees =
                { one with
                    World = 4
                    Tensor = 2
                    Zero = 2
                }
            MicroBatches = 2
        }
        "GPT2",
        { single with
            Degrees = { one with World = 4; Zero = 4 }
            MicroBatches = 2
            Reduction = GradientReduction.AllReduce
        }
        "GEMMA",
        { single with
            Degrees =
                { one with
                    World = 4
                    Pipeline = 2
                    Zero = 2
                }
            MicroBatches = 2
        }
        "LLAMA2",
        { single with
            Degrees = { one with World = 4; Fsdp = 2 }
            MicroBatches = 2
            Recompute = 0.5
        }
        "MIXTRALMOE",
        { single with
            Degrees =
                { one with
                    World = 4
                    Expert = 2
                    Zero = 2
                }
            MicroBatches = 2
        }
        "LLAMA2",
        { single with
            Degrees =
                { one with
                    World = 4
                    Mode = TensorMode.Isp
                    Tensor = 2
                    Weight = 2
                    Zero = 2
                }
            MicroBatches = 2
        }
    ]

[<Fact>]
let ``overlap and blocks gathered ahead never change a bit, and buckets none of a gradient`` () =
    let wrong =
        [
            for name, layout in talkative do
                let spec = Layouts.ofFamily name
                let batch = Layouts.batchOf spec layout

                let run (probe: ParityProbe) =
                    LayoutParity.Run(spec, layout, batch, probe)

                let expected = run (ParityProbe())

                for what, probe in
                    [
                        "without overlap", ParityProbe(Overlap = false)
                        "two ahead", ParityProbe(GatherAhead = 2)
                        "none ahead", ParityProbe(GatherAhead = 0)
                    ] do
                    for line in apart 0.0 expected (run probe) do
                        $"{name}, {layout}, {what}: {line}"

                // The norm is summed bucket by bucket: its last bit may differ, and with it what comes after.
                for bucket in [ 100L; 1000000L ] do
                    let found = run (ParityProbe(BucketElements = bucket))

                    for line in apart 1e-12 expected found do
                        $"{name}, {layout}, buckets of {bucket}: {line}"

                    for KeyValue(parameter, gradient) in expected.Steps[0].Gradients do
                        if found.Steps[0].Gradients[parameter] <> gradient then
                            $"{name}, {layout}, buckets of {bucket}: other bits of the gradient of {parameter}"
        ]

    Assert.Empty wrong

[<Theory; InlineData("LLAMA2"); InlineData("GPT2"); InlineData("GEMMA"); InlineData("MIXTRALMOE")>]
let ``weight gradients that are put off are the plain ones, to the bit`` (name: string) =
    let spec = Layouts.ofFamily name

    let wrong =
        [
            for data in [ 1; 2 ] do
                let plain =
                    { single with
                        Degrees =
                            { one with
                                World = 2 * data
                                Pipeline = 2
                            }
                        MicroBatches = 4
                    }

                let batch = Layouts.batchOf spec plain
                let run layout = LayoutParity.Run(spec, layout, batch)

                for line in
                    apart
                        0.0
                        (run plain)
                        (run
                            { plain with
                                Schedule = PipelineMode.ZeroBubbleH1
                            }) do
                    $"dp {data}: {line}"
        ]

    Assert.Empty wrong

[<Theory; InlineData("LLAMA2"); InlineData("GPT2"); InlineData("MIXTRALMOE")>]
let ``layers that are computed again, attention kept or not, give the bits of those that are not``
    (name: string)
    =
    let spec = Layouts.ofFamily name

    let wrong =
        [
            for plain in
                [
                    { single with MicroBatches = 2 }
                    { single with
                        Degrees = { one with World = 2; Tensor = 2 }
                    }
                    { single with
                        Degrees = { one with World = 2; Fsdp = 2 }
                    }
                    { single with
                        Degrees = { one with World = 2; Pipeline = 2 }
                        MicroBatches = 2
                    }
                ] do
                let batch = Layouts.batchOf spec plain
                let expected = LayoutParity.Run(spec, plain, batch)

                for part, selective in [ 0.5, false; 1.0, false; 0.5, true; 1.0, true ] do
                    let layout =
                        { plain with
                            Recompute = part
                            Selective = selective
                        }

                    for line in apart 0.0 expected (LayoutParity.Run(spec, layout, batch)) do
                        $"{layout}: {line}"
        ]

    Assert.Empty wrong

[<Fact>]
let ``the norm counts every element once: tied, replicated, sharded and of experts`` () =
    let wrong =
        [
            for ground in RuntimeGrounds.all.Value do
                let found = LayoutParity.Run(ground.Spec, ground.Layout, ground.Batch)

                for i, step in Seq.indexed found.Steps do
                    let norm = sqrt (step.Gradients.Values |> Seq.sumBy (Array.sumBy (fun g -> g * g)))

                    if not (abs (norm - step.Norm) <= 1e-12 * norm) then
                        $"{ground.Name}: {step.Norm} in step {i + 1}, and {norm} by its gradients"
        ]

    Assert.Empty wrong
