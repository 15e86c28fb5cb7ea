/// The passes of a pipeline, under every schedule, give the gradients of one device.
module Evo.Parity.Tests.Pipelines

open System
open System.Collections.Generic
open Evo.Core
open Evo.Models
open Evo.Parallel
open Evo.Torch
open TorchSharp
open Xunit

let private coefficients = RouterCoefficients(0.01, 0.001)
let private options = LossOptions(0.1, coefficients, ZLoss = 0.01)

let private source (batch: ParityBatch) first rows =
    MicroBatchSource(
        rows,
        batch.Length,
        fun () ->
            let struct (ids, labels, at) = batch.Tensors(first, rows, RandomKey())
            new MicroTensors(ids, labels, at)
    )

/// Evenly, in the order of the virtual stages.
let private range layers stages stage =
    StageRange(layers * stage / stages, layers * (stage + 1) / stages)

/// Loss and gradients by name, summed over the ranks that hold a share of the sum.
let private run
    (spec: CausalLM)
    (degrees: Evo.Core.Degrees)
    (schedule: Schedule)
    recompute
    keep
    (batch: LayoutBatch)
    =
    let results =
        LocalWorld.Results(
            degrees.World,
            (fun rank ->
                let groups = RankGroups(Topology degrees, rank)
                let stages = schedule.Shape.VirtualStages

                let deferred =
                    match schedule.Kind with
                    | ScheduleKind.ZeroBubbleH1
                    | ScheduleKind.ZeroBubbleV -> true
                    | _ -> false

                let chunks =
                    [|
                        for chunk in 0 .. schedule.Chunks - 1 do
                            let stage = schedule.VirtualStage(groups.Pipeline.Rank, chunk)

                            let model =
                                spec.Build(
                                    BuildOptions(
                                        Dtype = torch.ScalarType.Float64,
                                        InitSeed = Nullable 20UL,
                                        Ranks = groups.Context(),
                                        Stage = Nullable(range spec.Size.LayerCount stages stage),
                                        RecomputeFraction = recompute,
                                        KeepAttention = keep,
                                        Dropout = false
                                    )
                                )

                            model.train ()

                            if deferred then
                                let later = WeightGradients()

                                for p in model.Table do
                                    later.PutOff p.Value

                                ModelChunk(model, stage, later)
                            else
                                ModelChunk(model, stage)
                    |]

                let rows = batch.Rows / groups.Data.Size

                let micros =
                    [| for micro in batch.Steps[0] -> source micro (groups.Data.Rank * rows) rows |]

                use targets = torch.tensor (float (batch.Targets 0))

                let struct (_, losses) =
                    PipelineRunner(chunks, schedule, groups.Pipeline).Run(micros, targets, options)

                use losses = losses
                let nats = losses.Sums(torch.CPU).select(1L, 0L).sum().ToDouble()

                // Copies of a tied table each hold a part of the gradient.
                let gradients =
                    [
                        for chunk in chunks do
                            for p in chunk.Module.Table do
                                p.Info.Name,
                                (match p.Value.grad with
                                 | null -> torch.zeros_like p.Value
                                 | g -> g)
                                    .contiguous()
                                    .data<double>()
                                    .ToArray()
                    ]

                groups.Data.Rank, groups.Tensor.Rank, nats, gradients),
            threads = 1
        )

    let sums = Dictionary<string, float[]>()

    for data, tensor, _, gradients in results do
        if tensor = 0 then
            for name, g in gradients do
                sums[name] <-
                    match sums.TryGetValue name with
                    | true, before -> Array.map2 (+) before g
                    | _ -> g

    let loss =
        results
        |> Seq.filter (fun (_, t, _, _) -> t = 0)
        |> Seq.sumBy (fun (_, _, l, _) -> l)

    loss, sums

let private one = Evo.Core.Degrees.Single

let private agrees (spec: CausalLM) degrees kind chunks micros recompute keep =
    let rows = 2
    let batch = LayoutBatch.Random(5, spec.Size.VocabSize, 1, micros, rows, 8)

    let serialLoss, serial =
        run spec one (Schedule.Make(ScheduleKind.OneForwardOneBackward, 1, micros, 1)) 0.0 false batch

    let schedule =
        Schedule.Make(kind, degrees.Pipeline, micros, chunks).With Receipt.Late

    let loss, found = run spec degrees schedule recompute keep batch
    let largest = serial.Values |> Seq.collect id |> Seq.map abs |> Seq.max

    [
        if abs (loss - serialLoss) > 1e-10 * serialLoss then
            $"loss {loss}, {serialLoss} on one device"
        for KeyValue(name, g) in serial do
            match found.TryGetValue name with
            | true, f when f.Length = g.Length ->
                let scale = max (1e-6 * largest) (g |> Seq.map abs |> Seq.max)
                let off = (Array.map2 (fun a b -> abs (a - b)) f g |> Array.max) / scale

                if not (off <= 1e-10) then
                    $"gradient of {name} is off by {off:g3}"
            | _ -> $"no gradient of {name}"
    ]

let families =
    let data = TheoryData<string>()

    for family in ModelFamilies.All do
        data.Add family.Name

    data

[<Theory; MemberData(nameof families)>]
let ``every schedule gives the gradients of one device`` (name: string) =
    let family = nonNull (ModelFamilies.Find name)

    let spec =
        Small.make (family.FromHuggingFace.Invoke(Text.Json.Nodes.JsonObject()))
        |> Small.with' SizeRole.Layers 4

    let wrong =
        [
            for kind, stages, chunks, micros, recompute, keep in
                [
                    ScheduleKind.OneForwardOneBackward, 2, 1, 3, 0.0, false
                    ScheduleKind.OneForwardOneBackward, 4, 1, 4, 1.0, true
                    ScheduleKind.Interleaved, 2, 2, 4, 0.5, false
                    ScheduleKind.ZeroBubbleH1, 2, 1, 4, 0.0, false
                    ScheduleKind.ZeroBubbleV, 2, 2, 4, 1.0, true
                ] do
                for data in [ 1; 2 ] do
                    let degrees =
                        { one with
                            World = stages * data
                            Pipeline = stages
                        }

                    for line in agrees spec degrees kind chunks micros recompute keep do
                        $"{kind}, {stages} stages, dp {data}: {line}"
        ]

    Assert.Empty wrong
