/// The figures of a model and a mode as tables of text: the terminal, the page and the Markdown page show the same ones.
module Evo.Cli.Tables

open System
open System.Collections.Generic
open Evo.Core
open Evo.Models

/// A heading row, and the rows under it; which columns hold numbers.
type Table =
    {
        Title: string
        Numbers: int Set
        Rows: string list list
    }

let shape (sizes: int64 seq) =
    String.Join(" x ", sizes |> Seq.map string)

let private commas (numbers: seq<'n>) = String.Join(", ", numbers)

/// `layers.3.query.weight` as `layers.{layer}.query.weight`.
let private folded (name: string) (layer: Nullable<int>) =
    if layer.HasValue then
        name.Replace($".{layer.Value}.", ".{layer}.")
    else
        name

let private whole (value: int64) = value.ToString "N0"

/// Who holds which slice: parameters of all layers of one shape together.
let holdings (found: ModeInspection) : Table =
    let groups =
        found.Holdings
        |> Seq.groupBy (fun h ->
            folded h.Parameter.Name h.Parameter.Layer, shape h.Parameter.Shape, shape h.LocalShape)

    {
        Title = "Who holds what"
        Numbers = Set.ofList [ 1; 5 ]
        Rows =
            [
                "parameter"
                "tensors"
                "shape"
                "cut"
                "shape on a rank"
                "numbers on a rank"
                "rows of ranks"
            ]
            :: [
                for (name, global', local), members in groups do
                    let first = Seq.head members

                    [
                        name
                        string (Seq.length members)
                        global'
                        first.Describe()
                        local
                        whole (members |> Seq.sumBy _.LocalCount)
                        (if first.IsUneven then commas first.Rows else "")
                    ]
            ]
    }

let private words (names: IReadOnlyList<string>) =
    if names.Count = 0 then "-" else String.Join(", ", names)

let private costRow (cost: SiteCost) =
    [
        string cost.Site.Number
        cost.Site.Of
        cost.Site.Axis
        $"{cost.Site.From} -> {cost.Site.To}"
        words cost.Forward
        words cost.Backward
        whole cost.TensorBytes
        whole cost.ForwardBytes
        whole cost.BackwardBytes
    ]

/// The collectives of a block, with the bytes that each rank sends.
let collectives (found: ModeInspection) (layer: int option) (count: int) : Table =
    let costs =
        found.Costs
        |> Seq.filter (fun cost ->
            match layer with
            | Some index -> cost.Site.Layer = Nullable index
            | None -> not cost.Site.Layer.HasValue)
        |> List.ofSeq

    let title =
        match layer with
        | None -> "Collectives outside the layers"
        | Some index -> $"Collectives of layer {index}, and of {count - 1} more like it"

    {
        Title = title
        Numbers = Set.ofList [ 0; 6; 7; 8 ]
        Rows =
            [
                "site"
                "of"
                "axis"
                "step"
                "forward"
                "backward"
                "bytes of the tensor"
                "sent forward"
                "sent backward"
            ]
            :: List.map costRow costs
            @ [
                [
                    ""
                    "together"
                    ""
                    ""
                    ""
                    ""
                    ""
                    whole (costs |> List.sumBy _.ForwardBytes)
                    whole (costs |> List.sumBy _.BackwardBytes)
                ]
            ]
    }

/// Collectives of every block, and of the step.
let allCollectives (found: ModeInspection) : Table list =
    [ for layer, count in Flow.blocks found -> collectives found layer count ]

/// Memory of each rank.
let memory (found: ModeInspection) : Table =
    let row what bytes formula = [ what; whole bytes; formula ]
    let numbers = whole found.LocalParameters

    let each = ActivationMemory.SizeOf(NumberType.Compute, found.Type)

    {
        Title = $"Memory of each rank, of a pass over {found.Batch} x {found.Length} tokens"
        Numbers = Set.ofList [ 1 ]
        Rows =
            [
                [ "what"; "bytes"; "how" ]
                row "parameters" found.ParameterBytes $"{numbers} numbers of {each} bytes"
                row "gradients" found.ParameterBytes "the same"
                row
                    "optimizer state"
                    found.OptimizerStateBytes
                    $"{numbers} times master, first and second moment in float32"
                row
                    "kept for the backward pass"
                    found.ActivationBytes
                    (string (found.Activations.Bytes(found.Type)))
                for layer, count in Flow.blocks found do
                    match layer with
                    | Some index ->
                        let formula = found.Activations.Bytes(found.Type, Nullable index)

                        row
                            $"  of it in layer {index}, and in {count - 1} more like it"
                            (int64 (Math.Round(formula.At found.Point)))
                            (string formula)
                    | None -> ()
            ]
    }

/// What a layer of each kind keeps under each of the ways to run it, and what the ways that keep less cost.
let recomputation (found: ModeInspection) : Table =
    let costs =
        LayerCost.Of(
            found.Spec,
            found.Plan,
            found.Point,
            found.Type,
            found.Spec.FlopsOfLayers(found.Batch, found.Length)
        )

    let ways =
        [
            LayerKeeps.Everything, "everything"
            LayerKeeps.Attention, "its input and what attention gave"
            LayerKeeps.Input, "its input"
        ]

    {
        Title = "What layers may keep, and what is computed again then"
        Numbers = Set.ofList [ 2; 3; 4 ]
        Rows =
            [
                "layer"
                "keeps"
                "bytes kept"
                "operations again, 10^9"
                "operations for each byte saved"
            ]
            :: [
                for layer, count in Flow.blocks found do
                    match layer with
                    | Some index ->
                        let cost = costs[index]

                        for keeps, words in ways do
                            let again = cost.FlopsAgain keeps
                            let saved = cost.Everything - cost.Kept keeps

                            [
                                $"{index}, and {count - 1} more like it"
                                words
                                whole (int64 (Math.Round(cost.Kept keeps)))
                                (again / 1e9).ToString "F3"
                                if saved > 0.0 then (again / saved).ToString "F1" else "-"
                            ]
                    | None -> ()
            ]
    }

/// Operations of the step.
let operations (found: Inspection) : Table =
    let tokens = float (found.Batch * found.Length)

    let row what (causal: float) (full: float) =
        [
            what
            (causal / 1e9).ToString "F3"
            (full / 1e9).ToString "F3"
            (full / tokens / 1e6).ToString "F3"
        ]

    let flops = found.Flops

    {
        Title = $"Operations of a step of {found.Batch} x {found.Length} tokens"
        Numbers = Set.ofList [ 1; 2; 3 ]
        Rows =
            [
                [
                    "pass"
                    "10^9, causal pairs"
                    "10^9, full squares"
                    "a token, 10^6, full squares"
                ]
                row "forward" flops.ForwardCausal flops.ForwardFull
                row "backward" flops.BackwardCausal flops.BackwardFull
                row "together" flops.TotalCausal flops.TotalFull
            ]
    }

/// The degrees under which each mode can run.
let legal (spec: CausalLM) : Table =
    {
        Title = "Legal degrees"
        Numbers = Set.empty
        Rows =
            [ "mode"; "ranks of the tensor axis" ]
            :: [
                for struct (mode, degrees) in ModeInspection.Legal spec ->
                    [ ModeInspectionJson.Name mode; commas degrees ]
            ]
    }

/// Where the emitted C# is.
let generated (plan: ModePlan) (spec: CausalLM) : Table =
    {
        Title = "Emitted code"
        Numbers = Set.empty
        Rows =
            [ "record"; "file" ]
            :: [ for record, file in GeneratedFiles.find plan spec -> [ record; file ] ]
    }

/// What the backward pass keeps, tensor by tensor, of one block.
let kept (found: ModeInspection) (layer: int option) : Table =
    let tensors =
        found.Activations.Tensors
        |> Seq.filter (fun t ->
            match layer with
            | Some index -> t.Layer = Nullable index
            | None -> not t.Layer.HasValue)

    {
        Title =
            match layer with
            | None -> "Kept outside the layers"
            | Some index -> $"Kept by layer {index}"
        Numbers = Set.ofList [ 3 ]
        Rows =
            [ "tensor"; "kept by"; "numbers on a rank"; "bytes" ]
            :: [
                for t in tensors ->
                    [
                        t.Name
                        t.By
                        string t.Count
                        whole (
                            int64 (Math.Round(t.Count.At found.Point))
                            * ActivationMemory.SizeOf(t.Type, found.Type)
                        )
                    ]
            ]
    }

/// Every table of a mode, in the order in which a person reads them.
let ofMode (spec: CausalLM) (model: Inspection) (found: ModeInspection) : Table list =
    [
        holdings found
        yield! allCollectives found
        memory found
        recomputation found
        operations model
        legal spec
        generated found.Plan spec
    ]
