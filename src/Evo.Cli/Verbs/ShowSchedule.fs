/// `evo show schedule`: what the ranks of a pipeline will do when, drawn before anything runs.
module Evo.Cli.ShowSchedule

open System
open System.Globalization
open Argu
open Evo.Core
open Evo.Cli.Refusal

type ScheduleOptions =
    | [<MainCommand; Unique>] Config of config: string
    | Set of assignment: string
    | Kind of kind: string
    | Stages of ranks: int
    | Micro_Batches of count: int
    | Chunks of count: int
    | World of ranks: int
    | Layers of count: int
    | Costs of times: string
    | Columns of characters: int
    | Steps
    | Measured of run: string
    | Svg of file: string
    | Json

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Config _ ->
                "a configuration: its pipeline, micro-batches and layers, where no option says otherwise."
            | Set _ -> "path=value: set a key of the configuration; may be given several times."
            | Kind _ -> "1F1B (default; of several chunks it is interleaved), interleaved, ZBH1 or ZBV."
            | Stages _ -> "ranks of the pipeline; default 4."
            | Micro_Batches _ -> "micro-batches of a step; default 8."
            | Chunks _ -> "parts of the model on each rank; default 1, for interleaved and ZBV 2."
            | World _ -> "ranks in all, to see which of them are which stage."
            | Layers _ -> "layers of the model, to see which rank holds which."
            | Costs _ ->
                "time of a forward, of the two halves of a backward (for the input, for the weights) and of a message: F,B,W or F,B,W,M; default 1,1,1,0."
            | Columns _ -> "characters of time in the chart; default 160."
            | Steps -> "list every step of every rank, messages included."
            | Measured _ ->
                "the folder of a run that was trained with --profile pipeline: what its ranks did in a step, below its simulation with the mean times."
            | Svg _ -> "write the chart as a picture."
            | Json -> "write everything as JSON, for a program."

/// All that is shown.
type private Shown =
    {
        Schedule: Schedule
        Costs: Costs
        Run: Timeline
        /// Which layers the virtual stages hold, where their number is known.
        Partition: Partition option
        /// Ranks of one stage, where the world is known.
        RanksOfStage: int option
    }

let private costsOf (text: string) =
    let numbers =
        text.Split ','
        |> Array.map (fun word -> Double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture))

    if
        numbers
        |> Array.exists (fun (read, value) -> not read || not (value >= 0.0 && value < 1e12))
    then
        usage
            $"evo show schedule: --costs {text}: must be numbers of 0 or more, such as 1,1,1 or 2,2,1.5,0.1"
            ""

    match Array.map snd numbers with
    | [| forward; input; weight |] when forward + input + weight > 0.0 ->
        {
            Forward = forward
            BackwardInput = input
            BackwardWeight = weight
            Message = 0.0
        }
    | [| forward; input; weight; message |] when forward + input + weight > 0.0 ->
        {
            Forward = forward
            BackwardInput = input
            BackwardWeight = weight
            Message = message
        }
    | _ ->
        usage
            $"evo show schedule: --costs {text}: must be three times that are not all 0, or four with that of a message"
            ""

let private shapeOf (options: ParseResults<ScheduleOptions>) (run: RunConfig option) : PipelineShape =
    let orConfig option ofRun fallback =
        match option, run with
        | Some value, _ -> value
        | None, Some run -> ofRun run
        | None, None -> fallback

    let ofRun (run: RunConfig) =
        run.LayoutAt(max 1 run.Parallel.Pipeline.Size, 0).Shape

    let given =
        match options.TryGetResult Chunks, options.TryGetResult Kind, run with
        | Some chunks, _, _ -> Some chunks
        | None, None, Some run -> Some (ofRun run).Chunks
        | _ -> None

    let mode =
        orConfig (options.TryGetResult Kind) (fun run -> string (ofRun run).Kind) "1F1B"

    let kind =
        match ScheduleKind.Named(mode, defaultArg given 1) with
        | Some kind -> kind
        | None -> usage $"evo show schedule: --kind {mode}: must be 1F1B, interleaved, ZBH1 or ZBV" ""

    let chunks =
        match kind with
        | ScheduleKind.Interleaved
        | ScheduleKind.ZeroBubbleV -> 2
        | _ -> 1

    let shape =
        {
            Kind = kind
            Stages = orConfig (options.TryGetResult Stages) _.Parallel.Pipeline.Size 4
            MicroBatches =
                orConfig (options.TryGetResult Micro_Batches) (fun run -> (ofRun run).MicroBatches) 8
            Chunks = defaultArg given chunks
        }

    match shape.Problems with
    | [] -> shape
    | problems ->
        usage
            (problems
             |> List.map (fun problem -> $"evo show schedule: {problem}")
             |> String.concat "\n")
            ""

let private find (options: ParseResults<ScheduleOptions>) : Shown =
    let run =
        match options.TryGetResult Config with
        | Some path -> Some(ConfigFile.load (options.GetResults Set) path)
        | None when options.Contains Set ->
            usage "evo show schedule: --set changes a configuration, and none is given" ""
        | None -> None

    let shape = shapeOf options run
    let costs = costsOf (options.GetResult(Costs, "1,1,1,0"))
    let schedule = Schedule.Of shape

    let timeline =
        match Simulate.run Transport.Posted costs schedule with
        | Ok timeline -> timeline
        | Error deadlock -> raise (ScheduleException(string deadlock))

    let layers =
        match options.TryGetResult Layers, run with
        | Some layers, _ -> Some layers
        | None, Some run -> Some (ConfigFile.spec run).Size.LayerCount
        | None, None -> None

    let partition =
        layers
        |> Option.map (fun layers ->
            match Partition.Uniform(shape, layers) with
            | Ok partition -> partition
            | Error problems ->
                usage
                    (problems
                     |> List.map (fun problem -> $"evo show schedule: {problem}")
                     |> String.concat "\n")
                    "")

    let ranksOfStage =
        options.TryGetResult World
        |> Option.map (fun world ->
            if world < 1 || world % shape.Stages <> 0 then
                usage
                    $"evo show schedule: --world {world}: {shape.Stages} stages need a multiple of {shape.Stages}"
                    ""

            world / shape.Stages)

    {
        Schedule = schedule
        Costs = costs
        Run = timeline
        Partition = partition
        RanksOfStage = ranksOfStage
    }

/// Who holds what: one line for each rank of the pipeline.
let private holders (shown: Shown) =
    let schedule = shown.Schedule

    let title =
        [
            "stage"
            if shown.RanksOfStage.IsSome then
                "ranks"
            "parts of the model"
            if shown.Partition.IsSome then
                "layers"
            "activations at most"
        ]

    let line stage =
        let chunks = [ 0 .. schedule.Chunks - 1 ]

        [
            string stage
            match shown.RanksOfStage with
            | Some 1 -> string stage
            | Some ranks -> $"{stage * ranks}-{(stage + 1) * ranks - 1}"
            | None -> ()
            chunks
            |> List.map (fun chunk -> string (schedule.VirtualStage(stage, chunk)))
            |> String.concat ", "
            match shown.Partition with
            | Some partition ->
                chunks
                |> List.map (fun chunk ->
                    let range = partition.Of(stage, chunk)

                    if range.Count = 1 then
                        string range.First
                    else
                        $"{range.First}-{range.End - 1}")
                |> String.concat ", "
            | None -> ()
            string shown.Run.PeakActivations[stage]
        ]

    title :: List.map line [ 0 .. schedule.Stages - 1 ]
    |> Terminal.table (Set.ofList [ 0; title.Length - 1 ])

let private show columns listSteps (shown: Shown) =
    let schedule, run = shown.Schedule, shown.Run

    Terminal.say (ScheduleView.title schedule.Shape)
    Terminal.say ""
    Terminal.say (Chart.text columns run.Steps)
    Terminal.say ""

    let formula =
        match ScheduleFormulas.makespan schedule.Shape shown.Costs with
        | Some _ when shown.Costs.Message > 0.0 -> "the formulas know no messages"
        | Some time -> $"the formula says {Json.number time}"
        | None -> "no formula is known for such costs"

    Terminal.say $"time {Json.number run.Makespan} ({formula}), bubble {ScheduleView.percent run.Bubble}"
    Terminal.say ""

    for line in holders shown do
        Terminal.say line

    if listSteps then
        Terminal.say ""

        [
            for at in run.Steps ->
                [ $"rank {at.Rank}"; Json.number at.Begin; Json.number at.End; string at.Step ]
        ]
        |> Terminal.table (Set.ofList [ 1; 2 ])
        |> List.iter Terminal.say

let private toJson (shown: Shown) =
    let schedule, run = shown.Schedule, shown.Run
    let whole (value: int) = Json.make (JNumber(string value))
    let real (value: float) = Json.make (JNumber(Json.number value))
    let text (value: string) = Json.make (JString value)
    let list items = Json.make (JArray items)

    let chunksOf stage =
        list
            [
                for chunk in 0 .. schedule.Chunks - 1 ->
                    Json.makeObject
                        [
                            "virtual_stage", whole (schedule.VirtualStage(stage, chunk))
                            match shown.Partition with
                            | Some partition ->
                                let range = partition.Of(stage, chunk)
                                "first_layer", whole range.First
                                "end_layer", whole range.End
                            | None -> ()
                        ]
            ]

    Json.makeObject
        [
            "kind", text (string schedule.Kind)
            "stages", whole schedule.Stages
            "micro_batches", whole schedule.MicroBatches
            "chunks", whole schedule.Chunks
            "makespan", real run.Makespan
            "bubble", real run.Bubble
            match ScheduleFormulas.makespan schedule.Shape shown.Costs with
            | Some time -> "makespan_by_formula", real time
            | None -> ()
            "ranks",
            list
                [
                    for stage in 0 .. schedule.Stages - 1 ->
                        Json.makeObject
                            [
                                "stage", whole stage
                                match shown.RanksOfStage with
                                | Some ranks ->
                                    "ranks", list (List.init ranks (fun i -> whole (stage * ranks + i)))
                                | None -> ()
                                "chunks", chunksOf stage
                                "peak_activations", whole run.PeakActivations[stage]
                                "steps", StepJson.ofRank stage run.Steps
                            ]
                ]
        ]

let private simulate columns (options: ParseResults<ScheduleOptions>) =
    let shown = find options

    match options.TryGetResult Svg with
    | Some file -> Terminal.writeFile file (Chart.svg (8 * columns) shown.Run.Steps)
    | None -> ()

    if options.Contains Json then
        Terminal.say (Json.render (toJson shown))
    else
        show columns (options.Contains Steps) shown

        match options.TryGetResult Svg with
        | Some file -> Terminal.say $"wrote {file}"
        | None -> ()

    ExitCode.Done

let private run (options: ParseResults<ScheduleOptions>) =
    let columns = options.GetResult(Columns, 160)

    if columns < 1 then
        usage $"evo show schedule: --columns {columns}: must be 1 or more" ""

    match options.TryGetResult Measured with
    | Some path ->
        let others =
            options.GetAllResults()
            |> List.filter (function
                | Measured _
                | Columns _
                | Svg _
                | Json -> false
                | _ -> true)

        if not others.IsEmpty then
            usage
                "evo show schedule: --measured shows a step as it was; only --columns, --svg and --json go with it"
                ""

        ShowMeasured.run columns (options.TryGetResult Svg) (options.Contains Json) path
    | None -> simulate columns options

let verb =
    Verb.make<ScheduleOptions>
        "show schedule"
        "Draws what the ranks of a pipeline will do, or did, and says its time, bubble and activations."
        "Nothing is run: the schedule is simulated, with the times that --costs gives. A message holds no rank; a computation waits for what it needs.
With --measured, the chart is that of a step of training that the ranks measured themselves, below its simulation."
        [
            "./evo show schedule --stages 4 --micro-batches 8"
            "./evo show schedule --kind ZBV --stages 4 --micro-batches 12 --layers 32"
            "./evo show schedule configs/demo.json --set parallel.pipeline.size=2 --set data.micro_num=4 --world 4"
        ]
        run
