/// A layout: which layers, which shares of tensors, of experts and of the optimizer's state each rank holds.
module Evo.Cli.LayoutView

open System
open Evo.Core

/// One share of something: the place, from 0, and how many shares there are.
type private Share = (struct (int * int))

/// What one rank holds.
type private Held =
    {
        Rank: int
        Stage: int
        /// Layers of each chunk, from the first to before the end.
        Layers: (int * int) list
        Entry: bool
        Exit: bool
        Tensor: Share
        Weight: Share
        Parameters: Share
        State: Share
        /// Experts of a layer, from the first to before the end.
        Experts: int * int
        ExpertTensor: Share
        ExpertState: Share
    }

let private held (topology: Topology) (layout: Layout) (facts: ModelFacts) rank : Held =
    let degrees = topology.Degrees
    let stage = topology.PlaceOf(MeshAxis.Pipeline, rank)

    let layers =
        [
            // A layout with fewer layers than pieces is refused before it is shown.
            match Partition.Uniform(layout.Shape, facts.Layers) with
            | Ok partition ->
                for chunk in 0 .. layout.Chunks - 1 do
                    let held = partition.Of(stage, chunk)
                    held.First, held.End
            | Error _ -> ()
        ]

    let along axis : Share =
        struct (topology.PlaceOf(axis, rank), degrees.Size axis)

    let part parent size : Share =
        let members = topology.PartOf(parent, size, rank)
        struct (Seq.findIndex ((=) rank) members, members.Count)

    let shared, expertShared =
        if degrees.Fsdp > 1 then
            degrees.Fsdp, degrees.Fsdp
        else
            degrees.Zero, degrees.Zero

    let each = facts.Experts / max 1 degrees.Expert
    let place = topology.PlaceOf(MeshAxis.Expert, rank)

    let pieces =
        [
            for chunk in 0 .. layout.Chunks - 1 -> layout.Shape.VirtualStage(stage, chunk)
        ]

    {
        Rank = rank
        Stage = stage
        Layers = layers
        Entry = List.contains 0 pieces
        Exit = List.contains (layout.VirtualStages - 1) pieces
        Tensor = along MeshAxis.Tensor
        Weight = along MeshAxis.Weight
        Parameters =
            if degrees.Fsdp > 1 then
                part MeshAxis.Data degrees.Fsdp
            else
                struct (0, 1)
        State = part degrees.ZeroAxis shared
        Experts = place * each, (place + 1) * each
        ExpertTensor = along MeshAxis.ExpertTensor
        ExpertState = part MeshAxis.ExpertData expertShared
    }

let private range (first, next) =
    if next <= first then "none"
    elif next = first + 1 then string first
    else $"{first}-{next - 1}"

let private share (struct (place, count): Share) =
    if count = 1 then "all" else $"{place + 1} of {count}"

let private holdings (held: Held) =
    [
        if held.Entry then
            "embedding"
        "layers " + String.Join(", ", List.map range held.Layers)
        if held.Exit then
            "head"
    ]
    |> String.concat ", "

/// One line about the step: the layout, and the tokens of a step.
let summary (layout: Layout) (facts: ModelFacts) =
    let tokens =
        int64 facts.RowTokens * int64 layout.MicroBatches * int64 layout.Degrees.Data

    $"{layout}: {tokens:N0} tokens a step"

/// A table of who holds what. A column in which every rank has all is left out.
let table (topology: Topology) (layout: Layout) (facts: ModelFacts) : string list =
    let degrees = topology.Degrees
    let moe = facts.Experts > 1

    let columns: (string * bool * (Held -> string)) list =
        [
            "rank", true, (fun h -> string h.Rank)
            "stage", degrees.Pipeline > 1, (fun h -> string h.Stage)
            "holds", true, holdings
            (if degrees.Mode = TensorMode.Isp then
                 "sequence"
             else
                 "tensor"),
            degrees.Tensor > 1,
            (fun h -> share h.Tensor)
            "weights", degrees.Weight > 1, (fun h -> share h.Weight)
            "parameters", degrees.Fsdp > 1, (fun h -> share h.Parameters)
            "optimizer state", true, (fun h -> share h.State)
            "experts", moe, (fun h -> range h.Experts)
            "of each", moe && degrees.ExpertTensor > 1, (fun h -> share h.ExpertTensor)
            "experts' state", moe, (fun h -> share h.ExpertState)
        ]
        |> List.filter (fun (_, shown, _) -> shown)

    let rows =
        Ranks.first
            [ 0 .. degrees.World - 1 ]
            (fun rank ->
                let held = held topology layout facts rank
                [ for _, _, text in columns -> text held ])
            (fun more -> $"and {more} more; --json lists all")

    Terminal.table (Set.singleton 0) ([ for name, _, _ in columns -> name ] :: rows)

let private layoutJson (layout: Layout) =
    let degrees = layout.Degrees
    let text value = Json.make (JString value)

    Json.makeObject
        [
            "mode", text ((string degrees.Mode).ToLowerInvariant())
            "tensor", Ranks.number degrees.Tensor
            "weight", Ranks.number degrees.Weight
            "data", Ranks.number degrees.Data
            "pipeline", Ranks.number degrees.Pipeline
            "zero", Ranks.number degrees.Zero
            "expert", Ranks.number degrees.Expert
            "fsdp", Ranks.number degrees.Fsdp
            "schedule", text layout.ScheduleName
            "chunks", Ranks.number layout.Chunks
            "micro_batches", Ranks.number layout.MicroBatches
        ]

let json (topology: Topology) (layout: Layout) (facts: ModelFacts) : Json =
    let pair first next =
        Json.make (JArray [ Ranks.number first; Ranks.number next ])

    let share (struct (place, count): Share) =
        Json.makeObject [ "place", Ranks.number place; "of", Ranks.number count ]

    let rank number =
        let held = held topology layout facts number

        Json.makeObject
            [
                "rank", Ranks.number held.Rank
                "stage", Ranks.number held.Stage
                "layers", Json.make (JArray [ for first, next in held.Layers -> pair first next ])
                "embedding", Json.make (JBool held.Entry)
                "head", Json.make (JBool held.Exit)
                "tensor", share held.Tensor
                "weight", share held.Weight
                "parameters", share held.Parameters
                "optimizer", share held.State
                if facts.Experts > 1 then
                    "experts", pair (fst held.Experts) (snd held.Experts)
                    "expert_tensor", share held.ExpertTensor
                    "expert_optimizer", share held.ExpertState
            ]

    Json.makeObject
        [
            "world", Ranks.number topology.Degrees.World
            "layout", layoutJson layout
            "ranks", Json.make (JArray [ for number in 0 .. topology.Degrees.World - 1 -> rank number ])
        ]
