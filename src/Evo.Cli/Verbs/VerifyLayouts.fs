/// `evo verify` at layouts: the law of parity, or recorded figures, on ranks of this process.
module Evo.Cli.VerifyLayouts

open System
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Argu
open Evo.Models
open Evo.Parallel
open Evo.Parallel.Verification
open Evo.Core
open Evo.Cli
open Evo.Cli.Refusal

/// What only a layout asks for; with none of these, a folder is compared on one device.
let private ofOneLayout (options: ParseResults<VerifyOption>) =
    [
        options.Contains Mode
        options.Contains Tp
        options.Contains Wp
        options.Contains Pp
        options.Contains Schedule
        options.Contains Chunks
        options.Contains Micro_Batches
        options.Contains Zero
        options.Contains Fsdp
        options.Contains Expert
        options.Contains No_Tp
        options.Contains Selective
        options.Contains All_Reduce
    ]
    |> List.exists id

/// Whether layouts are asked for.
let asked (options: ParseResults<VerifyOption>) =
    options.Contains Layouts || options.Contains World || ofOneLayout options

let private named (value: string) (names: (string * 'a) list) (option: string) =
    match
        names
        |> List.tryFind (fun (name, _) -> String.Equals(name, value, StringComparison.OrdinalIgnoreCase))
    with
    | Some(_, found) -> found
    | None ->
        let known = names |> List.map fst |> String.concat ", "
        usage $"evo verify: {option} {value}: must be one of {known}" ""

/// The layout of the options on so many ranks.
let private layoutOn (options: ParseResults<VerifyOption>) (facts: ModelFacts) world : Layout =
    let schedule =
        named
            (options.GetResult(Schedule, "1F1B"))
            [
                "1F1B", PipelineMode.OneForwardOneBackward
                "ZBH1", PipelineMode.ZeroBubbleH1
                "ZBV", PipelineMode.ZeroBubbleV
            ]
            "--schedule"

    let stages = options.GetResult(Pp, 1)

    {
        Degrees =
            {
                World = world
                Mode =
                    named
                        (options.GetResult(Mode, "mtp"))
                        [
                            "mtp", TensorMode.Mtp
                            "msp", TensorMode.Msp
                            "fsp", TensorMode.Fsp
                            "isp", TensorMode.Isp
                        ]
                        "--mode"
                Tensor = options.GetResult(Tp, 1)
                Weight = options.GetResult(Wp, 1)
                Pipeline = stages
                Zero = options.GetResult(Zero, 1)
                Expert = options.GetResult(Expert, 1)
                NoTp = options.Contains No_Tp
                Fsdp = options.GetResult(Fsdp, 1)
            }
        Schedule = schedule
        Chunks = options.GetResult(Chunks, (if schedule = PipelineMode.ZeroBubbleV then 2 else 1))
        MicroBatches = options.GetResult(Micro_Batches, (if stages > 1 then 2 * stages else 1))
        Recompute = options.GetResult(Recompute, 0.0)
        Selective = options.Contains Selective
        Reduction =
            if options.Contains All_Reduce then
                GradientReduction.AllReduce
            else
                GradientReduction.ReduceScatter
    }

/// The one layout that the options describe, on the ranks that were given or the fewest on which it is legal.
let private oneLayout (options: ParseResults<VerifyOption>) (factsOf: Layout -> ModelFacts) =
    let on world =
        let layout = layoutOn options (factsOf Layout.Single) world
        factsOf layout, layout

    let facts, layout =
        match options.TryGetResult World with
        | Some world -> on world
        | None ->
            // Sizes that stand for all ranks need two to be seen.
            let least =
                if options.GetResult(Zero, 1) = -1 || options.GetResult(Fsdp, 1) = -1 then
                    2
                else
                    1

            let stages = options.GetResult(Pp, 1)

            seq { least..64 }
            |> Seq.filter (fun ranks -> stages < 1 || ranks >= least * stages)
            |> Seq.map on
            |> Seq.tryFind (fun (facts, layout) -> Legality.isLegal facts layout)
            |> Option.defaultWith (fun () -> on 8)

    match Legality.problems facts layout with
    | [] -> facts, Evo.Core.Layouts.canonical facts layout
    | problems ->
        let lines = [ for problem in problems -> $"{problem}." ]
        let nearest = NearestLayout.find facts layout

        [ $"this layout cannot run: {layout}" ]
        @ lines
        @ [ $"the nearest that can: {nearest}" ]
        |> String.concat "\n"
        |> refuse ExitCode.Usage

/// The model as it is described: a family with its own sizes, a configuration, a folder.
let private modelNamed (options: ParseResults<VerifyOption>) (families: ModelFamily list) : CausalLM =
    let ofFamily (family: ModelFamily) =
        family.FromHuggingFace.Invoke(JsonObject())

    match options.TryGetResult Model, options.TryGetResult Hf, families with
    | None, None, [ only ] -> ofFamily only
    | None, None, [] ->
        usage
            "evo verify: layouts of which model? It names none"
            "Name a family, a configuration or a folder, for example evo verify llama2 --layouts all --world 8"
    | None, None, several ->
        let names = several |> List.map _.Name |> String.concat ", "
        usage $"evo verify: the assembly holds several models: {names}" "Name one of them."
    | Some _, Some _, _ -> usage "evo verify: a model and --hf both name what to verify; give one of them" ""
    | None, Some path, _
    | Some path, None, _ ->
        if options.Contains Set && not (File.Exists path) then
            usage $"evo verify: --set changes a configuration, and {path} is none" ""

        if Directory.Exists path then
            let folder =
                if
                    File.Exists(Path.Combine(path, "config.json"))
                    && not (Directory.Exists(Path.Combine(path, "checkpoints")))
                then
                    path
                else
                    LoadedModel.Locate path

            Assemblies.ofFolder None folder
            HuggingFaceFolder.ReadConfig folder
        elif File.Exists path || path.EndsWith(".json", StringComparison.Ordinal) then
            ConfigFile.spec (ConfigFile.load (options.GetResults Set) path)
        else
            match ModelFamilies.Find path with
            | null ->
                let names = [ for family in ModelFamilies.All -> family.Name.ToLowerInvariant() ]

                let near =
                    match Nearest.find names (path.ToLowerInvariant()) with
                    | Some near -> $"did you mean {near}?"
                    | None ->
                        let all = String.concat ", " names
                        $"families are {all}"

                refuse ExitCode.Data $"{path}: no such family, file or folder; {near}"
            | family -> ofFamily family

/// The model with tiny widths, as the law runs it; what is wrong with it is said before anything runs.
let private tiny (spec: CausalLM) =
    let small = SmallModel.With(SmallModel.Of spec, SizeRole.Layers, 4)

    match List.ofSeq (small.Problems()) with
    | [] -> small
    | problems ->
        let lines = String.concat "\n" problems

        refuse
            ExitCode.Config
            $"{spec.Family.Name}: with small sizes, which the law of parity is tried with, the model contradicts itself:\n{lines}"

/// What the layouts are held against, and the facts by which one is legal.
let private law (options: ParseResults<VerifyOption>) (golden: VerifyOptions option) =
    let families =
        match options.TryGetResult Assembly with
        | None -> []
        | Some path ->
            match Assemblies.load path with
            | Ok families -> families
            | Error wrong -> refuse ExitCode.Data $"--assembly {path}: {wrong.Problem}"

    match golden with
    | Some settings ->
        let law = GoldenLaw settings
        let facts = LayoutFacts.Of(law.Spec)
        law :> ILayoutLaw, law.Spec, (fun (_: Layout) -> facts), (fun (_: int) -> facts)
    | None ->
        let small = tiny (modelNamed options families)
        let facts = LayoutFacts.Of(small)

        let probe =
            ParityProbe(Device = ComputeDevice.parse (options.GetResult(Device, "cpu")))

        LayoutLaw(small, Probe = probe) :> ILayoutLaw,
        small,
        (fun layout ->
            { facts with
                Layers = LayoutCase.Of(layout).Layers
            }),
        (fun world ->
            { facts with
                Layers = LayoutCase.MostLayers world
            })

let private choose (options: ParseResults<VerifyOption>) law factsOf factsIn =
    match options.TryGetResult Layouts with
    | Some _ when ofOneLayout options || options.Contains Recompute ->
        usage
            "evo verify: --layouts tries many layouts, and the other options describe one; leave either out"
            ""
    | Some which ->
        let world = options.GetResult(World, 8)

        if world < 1 then
            usage $"evo verify: --world {world}: must be 1 or more" ""

        let every = named which [ "all", false; "every", true ] "--layouts"
        LayoutChoice.Of(factsIn world, law, world, every)
    | None ->
        let _, layout = oneLayout options factsOf

        match law.Refuses layout with
        | null -> LayoutChoice.One layout
        | reason -> refuse ExitCode.Usage $"this layout cannot run: {layout}\n{reason}"

/// Tries the layouts, and prints what was found.
let run (options: ParseResults<VerifyOption>) (golden: VerifyOptions option) : ExitCode =
    let law, spec, factsOf, factsIn = law options golden
    let choice = choose options law factsOf factsIn
    let progress = Progress "verifying"

    let report =
        LayoutReport.Run(
            spec.Family.Name,
            law,
            choice,
            fun index layout ->
                progress.Report(
                    float index / float choice.Chosen.Count,
                    $"{index + 1} of {choice.Chosen.Count}: {layout}"
                )
        )

    progress.Finish $"{report.Tried} layouts"

    if options.Contains Json then
        Terminal.say (report.ToJson().ToJsonString(JsonSerializerOptions(WriteIndented = true)))
    else
        LayoutTable.lines report |> List.iter Terminal.say

    if report.Passed then ExitCode.Done else ExitCode.AnswerIsNo
