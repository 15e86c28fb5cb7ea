/// The trainer's events as JSON, one object a line, for programs.
module Evo.Cli.EventJson

open Evo.Core
open Evo.Parallel

let private text value = Json.make (JString value)
let private whole (value: int64) = Json.make (JNumber(string value))

let private real (value: float) =
    Json.make (
        if System.Double.IsFinite value then
            JNumber(Json.number value)
        else
            JNull
    )

let private event name members =
    Json.compact (Json.makeObject (("event", text name) :: members))

/// The line of an event; None for progress inside a step of the preparation.
let line (happened: TrainEvent) : string option =
    match happened with
    | :? TrainEvent.Preparing as e ->
        match e.Progress with
        | :? PreparationEvent.Finished as p ->
            Some(
                event
                    "prepared"
                    [
                        "step", text (string p.Step)
                        "result", text p.Result
                        "seconds", real p.Seconds
                    ]
            )
        | _ -> None
    | :? TrainEvent.ModelBuilt as e ->
        Some(
            event
                "model"
                [
                    "family", text e.Family
                    "parameters", whole e.Parameters
                    "dtype", text e.Dtype
                ]
        )
    | :? TrainEvent.RecomputeChosen as e -> Some(event "recompute" [ "plan", RecomputeView.json e.Plan ])
    | :? TrainEvent.DataOpened as e ->
        Some(
            event
                "data"
                [
                    "folder", text e.Folder
                    "tokens", whole e.Tokens
                    "rows", whole e.Rows
                    "steps_per_epoch", whole e.StepsPerEpoch
                    "valid_rows", whole e.ValidRows
                    "padding", real e.Padding
                ]
        )
    | :? TrainEvent.Resumed as e -> Some(event "resumed" [ "step", whole e.Step; "folder", text e.Folder ])
    | :? TrainEvent.CheckpointRefused as e ->
        Some(event "checkpoint_refused" [ "folder", text e.Folder; "reason", text e.Reason ])
    | :? TrainEvent.StepDone as e ->
        Some(event "step" [ for name, value in e.Report.Metrics -> name, real value ])
    | :? TrainEvent.MemoryMeasured as e ->
        let kinds (memory: RankMemory) =
            Json.makeObject
                [
                    for struct (kind, bytes) in memory.Kinds -> kind.Replace(' ', '_'), whole bytes
                ]

        Some(
            event
                "memory"
                [
                    "step", whole e.Step
                    "rank_0", kinds e.First
                    "largest", kinds e.Largest
                    "predicted", kinds e.Predicted
                ]
        )
    | :? TrainEvent.StepSkipped as e ->
        Some(event "skipped" [ "step", whole e.Step; "parameter", text e.Parameter; "found", text e.Found ])
    | :? TrainEvent.Validated as e ->
        Some(event "validated" [ "step", whole e.Step; "loss", real e.Loss; "tokens", whole e.Tokens ])
    | :? TrainEvent.CheckpointSaved as e ->
        Some(event "checkpoint" [ "step", whole e.Step; "folder", text e.Folder; "bytes", whole e.Bytes ])
    | :? TrainEvent.Baselines as e ->
        Some(event "baselines" [ "bigram", real e.Bigram; "trigram", real e.Trigram ])
    | :? TrainEvent.Sample as e -> Some(event "sample" [ "prompt", text e.Prompt; "text", text e.Text ])
    | :? TrainEvent.Stopping as e -> Some(event "stopping" [ "step", whole e.Step ])
    | :? TrainEvent.Warning as e -> Some(event "warning" [ "message", text e.Message ])
    | _ -> None

/// The last line of a run.
let ended (result: RunResult) =
    let optional (value: System.Nullable<float>) =
        if value.HasValue then real value.Value else Json.make JNull

    event
        "ended"
        [
            "completed", Json.make (JBool(result.End = RunEnd.Completed))
            "step", whole result.Step
            "updates", whole result.Updates
            "run_folder", text result.RunFolder
            "checkpoint",
            (match result.Checkpoint with
             | null -> Json.make JNull
             | folder -> text folder)
            "first_valid_loss", optional result.FirstValidLoss
            "last_valid_loss", optional result.LastValidLoss
            "bigram_loss", optional result.BigramLoss
            "trigram_loss", optional result.TrigramLoss
        ]
