/// `evo show schedule --measured`: what the ranks of a pipeline did in a step, below what the simulator makes of it.
module Evo.Cli.ShowMeasured

open System.Globalization
open System.IO
open Evo.Core
open Evo.Cli.Refusal

/// The measured step in a run's folder, or in a file.
let private read (path: string) : MeasuredPipeline =
    let file =
        if Directory.Exists path then
            Path.Combine(path, MeasuredPipelineFile.name)
        else
            path

    if not (File.Exists file) then
        refuse
            ExitCode.Data
            $"--measured {path}: there is no {file}; evo train CONFIG --profile pipeline writes it for a run whose parallel.pipeline.size is 2 or more"

    match MeasuredPipelineFile.read file (File.ReadAllText file) with
    | Ok measured -> measured
    | Error problem -> refuse ExitCode.Data (string problem)

/// None beside nothing.
let private ratio (measured: float) (simulated: float) =
    if simulated > 0.0 then Some(measured / simulated) else None

let private milliseconds (seconds: float) =
    (1000.0 * seconds).ToString("0.00", CultureInfo.InvariantCulture) + " ms"

let private summary (measured: MeasuredPipeline) (simulated: Timeline) =
    let ratio measured simulated =
        match ratio measured simulated with
        | Some value -> value.ToString("0.000", CultureInfo.InvariantCulture)
        | None -> "-"

    [
        [ ""; "time"; "bubble" ]
        [
            "simulated"
            milliseconds simulated.Makespan
            ScheduleView.percent simulated.Bubble
        ]
        [
            "measured"
            milliseconds measured.Makespan
            ScheduleView.percent measured.Bubble
        ]
        [
            "ratio"
            ratio measured.Makespan simulated.Makespan
            ratio measured.Bubble simulated.Bubble
        ]
    ]
    |> Terminal.table (Set.ofList [ 1; 2 ])

let private means (measured: MeasuredPipeline) =
    let halves =
        measured.Costs |> Array.exists (fun costs -> costs.BackwardWeight > 0.0)

    let title =
        [
            "part of the model"
            "rank"
            "forward"
            "backward"
            if halves then
                "half for the weights"
        ]

    let line part (costs: Costs) =
        [
            string part
            string (measured.Shape.HolderOf part).Rank
            milliseconds costs.Forward
            milliseconds costs.BackwardInput
            if halves then
                milliseconds costs.BackwardWeight
        ]

    title :: List.mapi line (List.ofArray measured.Costs)
    |> Terminal.table (Set.ofList [ 0 .. title.Length - 1 ])

let private show columns path (measured: MeasuredPipeline) (simulated: Timeline) =
    let charts, legend = Chart.texts columns [ simulated.Steps; measured.Steps ]

    [
        $"{ScheduleView.title measured.Shape}; step {measured.Step} of {path}"
        ""
        "simulated, where each computation takes its mean and messages nothing:"
        yield! charts[0]
        "measured:"
        yield! charts[1]
        legend
        ""
        yield! summary measured simulated
        ""
        yield! means measured
        ""
        $"The ranks began to count time within {milliseconds measured.Apart} of one another."
    ]
    |> List.iter Terminal.say

let private toJson (measured: MeasuredPipeline) (simulated: Timeline) =
    let shape = measured.Shape
    let whole (value: int64) = Json.make (JNumber(string value))
    let real (value: float) = Json.make (JNumber(Json.number value))
    let list items = Json.make (JArray items)

    let orNull value =
        value |> Option.map real |> Option.defaultValue (Json.make JNull)

    let chart (makespan: float) (bubble: float) (steps: TimedStep seq) =
        Json.makeObject
            [
                "makespan", real makespan
                "bubble", real bubble
                "ranks",
                list
                    [
                        for stage in 0 .. shape.Stages - 1 ->
                            Json.makeObject [ "stage", whole stage; "steps", StepJson.ofRank stage steps ]
                    ]
            ]

    Json.makeObject
        [
            "step", whole measured.Step
            "kind", Json.make (JString(string shape.Kind))
            "stages", whole shape.Stages
            "micro_batches", whole shape.MicroBatches
            "chunks", whole shape.Chunks
            "apart", real measured.Apart
            "parts",
            list
                [
                    for part, costs in Array.indexed measured.Costs ->
                        Json.makeObject
                            [
                                "virtual_stage", whole part
                                "stage", whole (shape.HolderOf part).Rank
                                "forward", real costs.Forward
                                "backward", real costs.Backward
                                "backward_weight", real costs.BackwardWeight
                            ]
                ]
            "simulated", chart simulated.Makespan simulated.Bubble simulated.Steps
            "measured", chart measured.Makespan measured.Bubble measured.Steps
            "makespan_ratio", orNull (ratio measured.Makespan simulated.Makespan)
            "bubble_ratio", orNull (ratio measured.Bubble simulated.Bubble)
        ]

/// A picture says times with two decimals: milliseconds, not seconds.
let private inMilliseconds (steps: TimedStep seq) =
    steps
    |> Seq.map (fun at ->
        { at with
            Begin = 1000.0 * at.Begin
            End = 1000.0 * at.End
        })

/// Draws the step in a run's folder, or in a file, with so many characters of time; as a picture too where a file is given
/// for it; as JSON where that is asked for.
let run (columns: int) (svg: string option) (json: bool) (path: string) : ExitCode =
    let measured = read path
    let simulated = measured.Simulated

    svg
    |> Option.iter (fun file ->
        Terminal.writeFile
            file
            (Chart.svgs
                (8 * columns)
                [
                    "simulated, ms", inMilliseconds simulated.Steps
                    "measured, ms", inMilliseconds measured.Steps
                ]))

    if json then
        Terminal.say (Json.render (toJson measured simulated))
    else
        show columns path measured simulated
        svg |> Option.iter (fun file -> Terminal.say $"wrote {file}")

    ExitCode.Done
