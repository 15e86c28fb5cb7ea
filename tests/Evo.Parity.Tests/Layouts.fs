/// The law of parity: three optimizer steps at a layout are those of one device, for every model.
module Evo.Parity.Tests.Layouts

open System
open System.Collections.Concurrent
open System.Threading.Tasks
open Evo.Models
open Evo.Parallel
open Evo.Core
open Xunit

let length = 8
let private steps = 3

/// A model small enough for thousands of runs, with enough layers for a pipeline.
let small layers (family: ModelFamily) =
    Small.make (family.FromHuggingFace.Invoke(Text.Json.Nodes.JsonObject()))
    |> Small.with' SizeRole.Layers layers

/// The families by name, small.
let ofFamily (name: string) =
    small 4 (nonNull (ModelFamilies.Find name))

/// The same with a quarter dropped wherever the family drops something.
let dropping (name: string) =
    let family = nonNull (ModelFamilies.Find name)
    let json = Text.Json.Nodes.JsonObject()

    let keys =
        if name = "GPT2" then
            [ "resid_pdrop"; "attn_pdrop"; "embd_pdrop" ]
        else
            [ "attention_dropout" ]

    for key in keys do
        json[key] <- Text.Json.Nodes.JsonValue.Create 0.25

    Small.make (family.FromHuggingFace.Invoke json) |> Small.with' SizeRole.Layers 4

/// The batch of a layout: two rows for each data replica, or three where there is one.
let batchOf (spec: CausalLM) (layout: Layout) =
    let rows =
        if layout.Degrees.Data = 1 then
            3
        else
            2 * layout.Degrees.Data

    LayoutBatch.Random(7, spec.Size.VocabSize, steps, layout.MicroBatches, rows, length)

/// Runs of one device, which many layouts are compared with; for any number of threads.
type Reference(spec: CausalLM) =
    let known =
        ConcurrentDictionary<struct (int * int), Lazy<LayoutBatch * LayoutFigures>>()

    /// The batch of a layout, and what one device makes of it.
    member _.Of(layout: Layout) =
        let batch = batchOf spec layout
        let key = struct (batch.MicroBatches, batch.Rows)

        let run () =
            let one =
                { Layout.Single with
                    MicroBatches = layout.MicroBatches
                }

            batch, LayoutParity.Run(spec, one, batch)

        known.GetOrAdd(key, fun _ -> lazy (run ())).Value

/// What is wrong with what a layout gave; nothing where the law holds.
let wrongIn (serial: LayoutFigures) (found: LayoutFigures) =
    [
        let first = found.First(serial, LayoutParity.LearningRate)

        if first.HasValue then
            $"{first.Value.Quantity} is off by {first.Value.Error:g3}"

        for quantity in found.Unequal do
            $"{quantity} differs between replicas"
    ]

/// What is wrong with a layout, and its largest error.
let wrong (reference: Reference) (spec: CausalLM) (layout: Layout) (probe: ParityProbe) =
    let batch, serial = reference.Of layout

    try
        let found = LayoutParity.Run(spec, layout, batch, probe)
        wrongIn serial found, found.Worst(serial, LayoutParity.LearningRate).Error
    with e ->
        [ e.ToString().Substring(0, min 900 (e.ToString().Length)) ], nan

/// The smallest layout that fails as this one does: every smaller one of it that the model allows passes.
let rec smallest (facts: ModelFacts) (fails: Layout -> string list) (layout: Layout) (found: string list) =
    Layouts.smaller facts layout
    |> List.tryPick (fun smaller ->
        match fails smaller with
        | [] -> None
        | wrong -> Some(smaller, wrong))
    |> function
        | Some(smaller, wrong) -> smallest facts fails smaller wrong
        | None -> layout, found

/// Runs layouts of a model, prints what came of it, and fails with the smallest layout that the law does not hold for. As ranks
/// often wait for one another, as many layouts run at a time as there are processors.
let compareSpec (name: string) (spec: CausalLM) (legal: int) (layouts: Layout list) =
    let reference = Reference spec
    let watch = Diagnostics.Stopwatch.StartNew()
    let layouts = List.toArray layouts
    let results = Array.zeroCreate layouts.Length

    Parallel.For(
        0,
        layouts.Length,
        ParallelOptions(MaxDegreeOfParallelism = Environment.ProcessorCount),
        fun i -> results[i] <- wrong reference spec layouts[i] (ParityProbe())
    )
    |> ignore

    let largest = results |> Array.fold (fun most (_, error) -> max most error) 0.0

    let failures =
        Array.zip layouts results
        |> Array.choose (fun (layout, (found, _)) -> if found.IsEmpty then None else Some(layout, found))

    Console.WriteLine
        $"{name}: {layouts.Length} of {legal} legal layouts, largest error {largest:g3}, {watch.Elapsed.TotalSeconds:f0} s"

    if failures.Length > 0 then
        let layout, found = failures[0]

        let least, why =
            smallest
                (LayoutFacts.Of(spec, length))
                (fun l -> fst (wrong reference spec l (ParityProbe())))
                layout
                found

        let why = String.concat "\n" why

        let all =
            String.concat "\n" [ for layout, found in failures -> $"{layout}: {found.Head}" ]

        Assert.Fail
            $"{name}: {failures.Length} of {layouts.Length} layouts are off\nthe smallest like the first: {least}\n{why}\nall:\n{all}"

    Assert.True(layouts.Length > 10, "too few layouts were tried")

/// As the other, of a family.
let compare (name: string) (legal: int) (layouts: Layout list) =
    compareSpec name (ofFamily name) legal layouts

/// Every legal layout on up to eight ranks.
let legal (name: string) =
    Layouts.enumerate (LayoutFacts.Of(ofFamily name, length)) 8

/// About what a layout's steps cost: passes of all ranks of a stage, and what every rank costs by itself.
let cost (layout: Layout) =
    let passes = float (layout.Degrees.StageSize * layout.MicroBatches)
    passes * (1.0 + layout.Recompute / 3.0) + 0.5 * float layout.Degrees.World

let families =
    let data = TheoryData<string>()

    for family in ModelFamilies.All do
        data.Add family.Name

    data

[<Theory; MemberData(nameof families)>]
let ``three steps at a covering array of layouts are those of one device`` (name: string) =
    let legal = legal name
    compare name legal.Length (Covering.cheapArray 2 cost legal Layouts.axes)

[<Theory; InlineData("GPT2"); InlineData("LLAMA2"); InlineData("MIXTRALMOE")>]
let ``three steps with dropout at a covering array of layouts are those of one device`` (name: string) =
    let legal = legal name

    compareSpec
        $"{name} with dropout"
        (dropping name)
        legal.Length
        (Covering.cheapArray 2 cost legal Layouts.axes)

[<Theory; InlineData("GPT2"); InlineData("LLAMA2"); InlineData("MIXTRALMOE")>]
let ``dropout is seen in what is compared`` (name: string) =
    let spec = dropping name
    let batch, dropped = (Reference spec).Of Layout.Single

    let plain =
        LayoutParity.Run(spec, Layout.Single, batch, ParityProbe(Dropout = false))

    Assert.True(plain.Worst(dropped, LayoutParity.LearningRate).Error > 0.01)

/// GShard's random options, each with fewer places than tokens.
let private gates =
    [
        "jitter",
        2,
        """{ "num_experts": 8, "moe_layer_kwargs": { "noisy_gate_policy": "Jitter", "capacity_factor": 0.5 } }"""
        "noise and lots for one choice",
        1,
        """{ "top_k": 1, "num_experts": 8, "moe_layer_kwargs": { "noisy_gate_policy": "RSample", "use_rts": true, "capacity_factor": 0.5, "min_capacity": 1 } }"""
        "noise for the second choice",
        2,
        """{ "num_experts": 8, "moe_layer_kwargs": { "noisy_gate_policy": "RSample", "capacity_factor": 0.5 } }"""
    ]

let private withGate (choices: int) (json: string) =
    let family = nonNull (ModelFamilies.Find "INTERNLM_MoE")

    Small.make (
        family.FromHuggingFace.Invoke(
            nonNull (Text.Json.Nodes.JsonNode.Parse json) :?> Text.Json.Nodes.JsonObject
        )
    )
    |> Small.with' SizeRole.Layers 4
    |> Small.with' SizeRole.Choices choices

[<Theory; InlineData(0); InlineData(1); InlineData(2)>]
let ``three steps with random gates at a covering array of layouts are those of one device`` (index: int) =
    let what, choices, json = gates[index]
    let legal = legal "INTERNLM_MoE"
    let spec = withGate choices json
    let batch, random = (Reference spec).Of Layout.Single

    let plain =
        LayoutParity.Run(spec, Layout.Single, batch, ParityProbe(Dropout = false))

    Assert.True(plain.Worst(random, LayoutParity.LearningRate).Error > 1e-4, "the gate is not random")
    compareSpec $"INTERNLM_MoE, {what}" spec legal.Length (Covering.cheapArray 2 cost legal Layouts.axes)
