/// The law of parity: three optimizer steps at a layout are those of one device, for every model.
module Evo.Parity.Tests.Layouts

open System
open System.Collections.Concurrent
open System.Collections.Generic
open Evo.Models
open Evo.Parallel
open Evo.Core
open Xunit

let private length = 8
let private steps = 3

/// A model small enough for thousands of runs, with enough layers for a pipeline.
let small layers (family: ModelFamily) =
    Small.make (family.FromHuggingFace.Invoke(Text.Json.Nodes.JsonObject()))
    |> Small.with' SizeRole.Layers layers

/// Runs of one device, which many layouts are compared with.
type Reference(spec: CausalLM) =
    let known = Dictionary<struct (int * int), LayoutBatch * LayoutFigures>()

    /// The batch of a layout: two rows for each data replica, or three where there is one; and what one device makes of it.
    member _.Of(layout: Layout) =
        let rows =
            if layout.Degrees.Data = 1 then
                3
            else
                2 * layout.Degrees.Data

        match known.TryGetValue(struct (layout.MicroBatches, rows)) with
        | true, found -> found
        | _ ->
            let batch =
                LayoutBatch.Random(7, spec.Size.VocabSize, steps, layout.MicroBatches, rows, length)

            let one =
                { Layout.Single with
                    MicroBatches = layout.MicroBatches
                }

            let found = batch, LayoutParity.Run(spec, one, batch)
            known[struct (layout.MicroBatches, rows)] <- found
            found

/// What is wrong with a layout; nothing where the law holds.
let wrong (spec: CausalLM) (reference: Reference) (layout: Layout) (probe: ParityProbe) =
    try
        let batch, serial = reference.Of layout
        let found = LayoutParity.Run(spec, layout, batch, probe)
        let worst = found.Worst(serial, LayoutParity.LearningRate)

        [
            let first = found.First(serial, LayoutParity.LearningRate)

            if first.HasValue then
                $"{first.Value.Quantity} is off by {first.Value.Error:g3}"

            for quantity in found.Unequal do
                $"{quantity} differs between replicas"
        ],
        worst.Error
    with e ->
        [ e.ToString().Substring(0, min 900 (e.ToString().Length)) ], nan

/// Runs layouts of a model, and says what it found.
let compare (spec: CausalLM) (layouts: Layout list) =
    let reference = Reference spec
    let failures = ResizeArray<string>()
    let mutable largest = 0.0

    for layout in layouts do
        let found, error = wrong spec reference layout (ParityProbe())
        largest <- max largest error

        if not found.IsEmpty then
            failures.Add $"{layout}: {found.Head}"

    failures, largest

let families =
    let data = TheoryData<string>()

    for family in ModelFamilies.All do
        data.Add family.Name

    data

[<Theory; MemberData(nameof families)>]
let ``three steps at a covering array of layouts are those of one device`` (name: string) =
    let spec = small 4 (nonNull (ModelFamilies.Find name))
    // The plainest and the one with experts on up to eight ranks; the others on up to four.
    let most = if name = "LLAMA2" || name = "MIXTRALMOE" then 8 else 4
    let legal = Layouts.enumerate (LayoutFacts.Of(spec, length)) most
    let chosen = Covering.array 2 legal Layouts.axes
    let watch = Diagnostics.Stopwatch.StartNew()
    let failures, largest = compare spec chosen

    Console.WriteLine
        $"{name}: {chosen.Length} of {legal.Length} legal layouts, largest error {largest:g3}, {watch.Elapsed.TotalSeconds:f0} s"

    let text = String.concat "\n" failures
    Assert.True(failures.Count = 0, $"{name}: {failures.Count} of {chosen.Length} layouts are off\n{text}")
    Assert.True(chosen.Length > 10, "too few layouts were tried")
