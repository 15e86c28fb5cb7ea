/// `evo train`.
module Evo.Cli.TrainVerb

open System
open System.Diagnostics
open System.IO
open Argu
open Evo.Core
open Evo.Parallel
open Evo.Cli.Refusal
open Spectre.Console

type TrainOptions =
    | [<MainCommand; ExactlyOnce>] Config of config: string
    | Set of assignment: string
    | Resume of folder: string option
    | Fresh
    | Run_Dir of folder: string
    | Nproc of processes: int
    | Nnodes of hosts: int
    | Node_Rank of place: int
    | Master_Addr of address: string
    | Master_Port of port: int
    | Profile of what: string option
    | Plain
    | Json

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Config _ -> "the configuration of the run, JSON or a Python file of InternEvo's."
            | Set _ ->
                "path=value: set a key for this run, such as data.seq_len=512; may be given several times."
            | Resume _ ->
                "continue the run: from its newest checkpoint, which must exist, or, when the run has none, from the checkpoint in FOLDER. Without this option a run continues by itself where it has a checkpoint."
            | Fresh -> "begin anew; refused where the run folder holds checkpoints already."
            | Run_Dir _ ->
                "folder of the run: its configuration, metrics and checkpoints; runs/<job_name> without it."
            | Nproc _ -> "start so many processes on this host, mind them, and end when they do."
            | Nnodes _ -> "hosts of the run; the same command is given on each, with its own --node-rank."
            | Node_Rank _ -> "place of this host among them, from 0."
            | Master_Addr _ -> "a name or address of host 0 that all hosts reach."
            | Master_Port _ -> "the port there; 29500 without it."
            | Profile _ ->
                "operators (or nothing): print what the first rank spends one step on, by operator and by kind, and write it into the run folder with a trace that a browser draws. memory: write a page there that shows the first rank's memory over the time of one step. pipeline: write there what each rank of the first pipeline did when in one step, for evo show schedule --measured. Several are joined by commas: memory,pipeline."
            | Plain -> "plain lines, even on a terminal."
            | Json -> "write events as JSON, one object a line, for a program."

let private overrides (options: ParseResults<TrainOptions>) =
    options.GetResults Set
    @ (match options.TryGetResult Run_Dir with
       | Some folder -> [ "run_folder=" + Json.quote folder ]
       | None -> [])
    @ (if options.Contains Fresh then
           [ "ckpt.auto_resume=false" ]
       else
           [])
    @ (match options.TryGetResult Resume with
       | Some(Some folder) -> [ "ckpt.load_ckpt_info.path=" + Json.quote folder ]
       | _ -> [])

let private profiles (options: ParseResults<TrainOptions>) =
    options.GetResults Profile
    |> List.collect (fun what -> List.ofArray ((defaultArg what "operators").Split ','))

let private check (options: ParseResults<TrainOptions>) =
    if options.Contains Fresh && options.Contains Resume then
        usage "evo train: --fresh and --resume contradict each other" "Leave out one of the two."

    for what in profiles options do
        if not (List.contains what [ "operators"; "memory"; "pipeline" ]) then
            usage
                $"evo train: --profile {what}: must be operators, memory, pipeline, or several of them with commas"
                ""

    match options.TryGetResult Resume with
    | Some(Some folder) when not (Directory.Exists folder) ->
        refuse ExitCode.Data $"--resume {folder}: there is no such folder; name the folder of a checkpoint"
    | _ -> ()

/// The run, checked as a whole and beside the options.
let private load (options: ParseResults<TrainOptions>) =
    check options

    let run =
        ConfigFile.load (overrides options) (options.GetResult TrainOptions.Config)

    if List.contains "pipeline" (profiles options) && run.Parallel.Pipeline.Size < 2 then
        usage
            $"evo train: --profile pipeline: this run has no pipeline (parallel.pipeline.size = {run.Parallel.Pipeline.Size})"
            "Set parallel.pipeline.size to 2 or more, or leave out the option."

    run

/// Says that a configuration is InternEvo's, and where to see what became of its keys.
let private announce (options: ParseResults<TrainOptions>) =
    let path = options.GetResult TrainOptions.Config

    if ConfigFile.isPython path then
        match ConfigFile.import path with
        | Ok imported ->
            Terminal.tell
                $"{path}: {imported.Taken.Length} keys of InternEvo's taken over, {imported.Left.Length} left out; evo config import {path} says which"
        | Error _ -> ()

/// A sink for events, called on the thread that trains.
let private watch (act: TrainEvent -> unit) : IProgress<TrainEvent> = Each act

let private train (options: ParseResults<TrainOptions>) (run: RunConfig) (world: RankWorld) =
    let rule =
        match options.TryGetResult Resume with
        | Some None -> ResumeRule.Required
        | _ -> ResumeRule.AsConfigured

    use stop = new Stop()
    let clock = Stopwatch.StartNew()
    let mutable sample: TrainEvent.Sample option = None

    let keepSample (event: TrainEvent) =
        match event with
        | :? TrainEvent.Sample as e -> sample <- Some e
        | _ -> ()

    let profiled (what: string) (file: string) (text: string) =
        let path = Path.Combine(run.Folder, file)
        Terminal.writeFile path text
        Terminal.tell $"{what}: {path}"

    let profile (event: TrainEvent) =
        match event with
        | :? TrainEvent.MemoryProfiled as e ->
            profiled $"memory of step {e.Timeline.Step}" "memory.html" (MemoryPage.write 0 e.Timeline)
        | :? TrainEvent.StepProfiled as e ->
            let table = ProfileTable.write e.Profile

            // The live display has no room for it.
            if
                options.Contains Plain
                || options.Contains TrainOptions.Json
                || not Terminal.live.Value
            then
                table |> List.iter Terminal.tell

            profiled
                $"what step {e.Profile.Step} spent its time on"
                "profile.txt"
                (String.concat "\n" table + "\n")

            profiled
                $"trace of step {e.Profile.Step}, for chrome://tracing or ui.perfetto.dev"
                "profile.json"
                (e.Profile.ToChromeTrace 0)
        | :? TrainEvent.PipelineMeasured as e ->
            profiled
                $"times of step {e.Pipeline.Step}, which evo show schedule --measured {run.Folder} draws"
                MeasuredPipelineFile.name
                (MeasuredPipelineFile.write e.Pipeline)
        | _ -> ()

    let execute (events: IProgress<TrainEvent>) =
        let both =
            watch (fun event ->
                profile event
                events.Report event)

        let trainer =
            Trainer(
                run,
                both,
                rule,
                world,
                ProfilesOperators = List.contains "operators" (profiles options),
                ProfilesMemory = List.contains "memory" (profiles options),
                ProfilesPipeline = List.contains "pipeline" (profiles options)
            )

        world.Guard(fun () -> trainer.Run stop.Token)

    let result =
        if world.Rank > 0 then
            // Only the first rank has something to say.
            execute (watch ignore)
        elif options.Contains TrainOptions.Json then
            execute (watch (fun event -> EventJson.line event |> Option.iter Terminal.say))
        elif Terminal.live.Value && not (options.Contains Plain) then
            let mutable view = TrainView.start run
            let redrawn = Stopwatch.StartNew()

            AnsiConsole
                .Live(TrainView.render view)
                .AutoClear(false)
                .Overflow(VerticalOverflow.Crop)
                .Start(fun context ->
                    let result =
                        execute (
                            watch (fun event ->
                                keepSample event
                                view <- TrainView.update event view

                                // Ten pictures a second are enough, and cost nothing.
                                if redrawn.ElapsedMilliseconds >= 100L then
                                    redrawn.Restart()
                                    context.UpdateTarget(TrainView.render view)
                                    context.Refresh())
                        )

                    context.UpdateTarget(TrainView.render view)
                    result)
        else
            let mutable view = TrainView.start run

            execute (
                watch (fun event ->
                    keepSample event
                    view <- TrainView.update event view
                    TrainView.lines run.Train.LogEvery view event |> List.iter Terminal.say)
            )

    if world.Rank > 0 then
        ()
    elif options.Contains TrainOptions.Json then
        Terminal.say (EventJson.ended result)
    else
        TrainView.summary result clock.Elapsed.TotalSeconds |> List.iter Terminal.say

        match sample with
        | Some e ->
            Terminal.say "what it writes:"
            Terminal.say ""
            Terminal.say (e.Prompt + e.Text)
        | None -> ()

    match result.End with
    | RunEnd.Completed -> ExitCode.Done
    | _ -> ExitCode.Stopped

let private flags (options: ParseResults<TrainOptions>) : LaunchFlags =
    {
        Nproc = options.TryGetResult Nproc
        Nnodes = options.TryGetResult Nnodes
        NodeRank = options.TryGetResult Node_Rank
        MasterAddr = options.TryGetResult Master_Addr
        MasterPort = options.TryGetResult Master_Port
    }

/// How this process talks to the other ranks, and where its tensors are.
let private engine (run: RunConfig) (place: Membership) =
    let gpus = TorchSharp.torch.cuda.device_count ()

    let onGpus =
        run.Train.Backend = "nccl"
        || (run.Train.Backend = "auto"
            && (run.Train.Device = "cuda" || run.Train.Device = "auto" && gpus > 0))

    C10dOptions(
        Engine = (if onGpus then RankEngine.Nccl else RankEngine.Gloo),
        Device =
            (if onGpus then
                 RankLaunch.GpuOf(place.LocalRank, gpus)
             else
                 TorchSharp.torch.CPU),
        Timeout = TimeSpan.FromSeconds(float run.Train.Timeout),
        EndProcess =
            (fun message ->
                Terminal.tell $"evo: {message}"
                Evo.Torch.ProcessEnd.AtOnce(int ExitCode.RankFault))
    )

let private launch (options: ParseResults<TrainOptions>) =
    match RankLaunch.Decide(flags options) with
    | Launch.Alone ->
        let run = load options
        announce options
        use world = new SoleRank()
        train options run world
    | Launch.Member place ->
        let run = load options
        use world = RankLaunch.Join(place, engine run place)
        train options run world
    | Launch.Spawn ranks ->
        // What is wrong with the configuration is said once, before any process starts.
        MemoryCheck.require (load options) ranks.Size
        announce options

        let arguments = Environment.GetCommandLineArgs() |> Array.skip 1

        let supervisor =
            RankSupervisor(ranks, RankSupervisor.OwnCommand arguments, Terminal.tell)

        enum<ExitCode>(supervisor.Run())

let verb =
    Verb.make<TrainOptions>
        "train"
        "Trains a model as a configuration says, and continues a run that was stopped."
        "Token files and tokenizer are made on first use where the configuration has a prepare section. The run folder receives
config.json (the configuration as run), metrics.jsonl (one line a step) and checkpoints. Ctrl-C or SIGTERM ends the step
under way, saves, and exits with code 75; a second Ctrl-C leaves at once. model.assembly names the project or assembly that holds the record
of a model of your own; docs/own-model.md shows one."
        [
            "./evo train configs/demo.json"
            "./evo train configs/tiny.json --set data.total_steps=20 --set job_name=short"
            "./evo train samples/Tandem/run.json"
        ]
        launch
