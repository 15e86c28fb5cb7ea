/// What each layer keeps under a budget of memory, and what that saves and costs.
module Evo.Cli.RecomputeView

open System
open System.Globalization
open Evo.Core
open Evo.Parallel

let private percent (share: float) =
    (100.0 * share).ToString("0.0", CultureInfo.InvariantCulture) + " %"

/// `0-3, 8` of sorted numbers.
let private ranges (numbers: int list) =
    let rec runs numbers =
        match numbers with
        | [] -> []
        | first :: _ ->
            let run =
                numbers
                |> List.indexed
                |> List.takeWhile (fun (at, number) -> number = first + at)
                |> List.length

            (first, first + run - 1) :: runs (List.skip run numbers)

    [
        for first, last in runs numbers -> if first = last then string first else $"{first}-{last}"
    ]
    |> String.concat ", "

let private layersThat (stage: StageRecompute) keeps =
    [
        for struct (layer, kept) in stage.Layers do
            if kept = keeps then
                layer
    ]
    |> List.sort

let private words =
    [
        LayerKeeps.Input, "keep their input"
        LayerKeeps.Attention, "their input and what attention gave"
        LayerKeeps.Everything, "everything"
    ]

/// `layers 0-3 keep their input, 4-7 everything`.
let private kept (stage: StageRecompute) =
    let parts =
        [
            for keeps, text in words do
                match layersThat stage keeps with
                | [] -> ()
                | layers -> ranges layers, text
        ]

    match parts with
    | [ _, "everything" ] -> "every layer keeps everything"
    | parts ->
        let parts =
            parts
            |> List.mapi (fun at (layers, text) ->
                let verb =
                    if at = 0 && not (text.StartsWith "keep") then
                        "keep "
                    else
                        ""

                $"{layers} {verb}{text}")

        "layers " + String.Join(", ", parts)

/// One line for each stage of the pipeline, and one for all.
let lines (plan: RecomputePlan) =
    [
        for stage in plan.Stages do
            let at =
                if plan.Stages.Count = 1 then
                    ""
                else
                    $"stage {stage.Stage}: "


            let within =
                if plan.Budget.HasValue then
                    $" of {Terminal.bytes plan.Budget.Value}"
                else
                    ""

            $"recompute: {at}{kept stage}: {Terminal.bytes stage.Saved} a rank saved, {Terminal.bytes stage.Needed} needed{within}"
        $"recompute: {percent plan.MoreWork} more operations in a step"
    ]

/// Memory of a rank of each stage by kind, under the choice and without it.
let table (plan: RecomputePlan) =
    let header =
        [
            "memory of a rank"
            for stage in plan.Stages do
                if plan.Stages.Count = 1 then
                    "as chosen"
                    "keeping everything"
                else
                    $"stage {stage.Stage}"
                    "keeping everything"
        ]

    let row (name: string) (of': StageRecompute -> int64 * int64) =
        [
            name
            for stage in plan.Stages do
                let chosen, everything = of' stage
                Terminal.bytes chosen
                Terminal.bytes everything
        ]

    let kinds = [ for struct (kind, _) in plan.Stages[0].Chosen.Kinds -> kind ]

    let bytesOf (memory: RankMemory) kind =
        memory.Kinds
        |> Seq.pick (fun struct (name, bytes) -> if name = kind then Some bytes else None)

    Terminal.table
        (Set.ofList [ 1 .. 2 * plan.Stages.Count ])
        [
            header
            for kind in kinds do
                if plan.Stages |> Seq.exists (fun stage -> bytesOf stage.Everything kind > 0L) then
                    row kind (fun stage -> bytesOf stage.Chosen kind, bytesOf stage.Everything kind)
            row "comes and goes" (fun stage -> stage.Working, stage.EverythingWorking)
            row "all" (fun stage -> stage.Needed, stage.NeededByEverything)
        ]

let json (plan: RecomputePlan) =
    let whole (value: int64) = Json.make (JNumber(string value))
    let real (value: float) = Json.make (JNumber(Json.number value))

    let kinds (memory: RankMemory) =
        Json.makeObject
            [
                for struct (kind, bytes) in memory.Kinds -> kind.Replace(' ', '_'), whole bytes
            ]

    let stage (stage: StageRecompute) =
        Json.makeObject
            [
                "stage", whole stage.Stage
                "layers",
                Json.make (
                    JArray
                        [
                            for struct (layer, keeps) in stage.Layers ->
                                Json.makeObject
                                    [
                                        "layer", whole layer
                                        "keeps", Json.make (JString((string keeps).ToLowerInvariant()))
                                    ]
                        ]
                )
                "chosen", kinds stage.Chosen
                "everything", kinds stage.Everything
                "working", whole stage.Working
                "needed", whole stage.Needed
                "saved", whole stage.Saved
                "missing", whole stage.Missing
                "flops_again", real stage.FlopsAgain
                "flops_of_pass", real stage.FlopsOfPass
            ]

    Json.makeObject
        [
            "budget",
            (if plan.Budget.HasValue then
                 whole plan.Budget.Value
             else
                 Json.make JNull)
            "fits", Json.make (JBool plan.Fits)
            "more_work", real plan.MoreWork
            "stages", Json.make (JArray [ for one in plan.Stages -> stage one ])
        ]
