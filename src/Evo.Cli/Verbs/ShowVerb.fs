/// `evo show`: what a run is on a number of ranks, before there are any. Each verb is one more case of `verbs`.
module Evo.Cli.ShowVerb

open System
open System.Linq
open Argu
open Evo.Models
open Evo.Core
open Evo.Parallel
open Evo.Cli.Refusal

type ShowOptions =
    | [<MainCommand; ExactlyOnce>] Config of config: string
    | [<ExactlyOnce>] World of ranks: int
    | Set of assignment: string
    | Json

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Config _ -> "the configuration of the run."
            | World _ -> "number of ranks, as the launcher would start them."
            | Set _ ->
                "path=value: set a key for this run, such as parallel.tensor.size=2; may be given several times."
            | Json -> "write it as JSON, for a program."

/// A run on a number of ranks: how it is laid out, and what of its model decides whether it may be.
type Shown =
    {
        Run: RunConfig
        Layout: Layout
        Facts: ModelFacts
    }

/// What stands against a layout and what would be legal, for people: the keys to set.
let private refusal (shown: Shown) (problems: LayoutProblem seq) =
    let nearest = NearestLayout.find shown.Facts shown.Layout

    let keys =
        NearestLayout.changes shown.Layout nearest
        |> List.map (fun (key, value) -> $"--set {key}={value}")

    let lines = [ for problem in problems -> $"{problem}." ]

    let one =
        if lines.Length = 1 then
            "1 problem"
        else
            $"{lines.Length} problems"

    let advice =
        if keys.IsEmpty then
            []
        else
            let keys = String.Join(" ", keys)
            [ $"the nearest legal layout: {keys}"; $"that is {nearest}" ]

    [ $"{one} on {shown.Layout.Degrees.World} ranks" ] @ lines @ advice
    |> String.concat "\n"

let private refusalJson (shown: Shown) (problems: LayoutProblem seq) =
    let text value = Json.make (JString value)
    let nearest = NearestLayout.find shown.Facts shown.Layout

    Json.makeObject
        [
            "problems",
            Json.make (
                JArray
                    [
                        for problem in problems ->
                            Json.makeObject
                                [
                                    "path", text problem.Path
                                    "found", text problem.Found
                                    "rule", text problem.Rule
                                    "hint", text problem.Hint
                                ]
                    ]
            )
            "nearest",
            Json.makeObject
                [
                    for key, value in NearestLayout.changes shown.Layout nearest -> key, text value
                ]
        ]

/// A verb that shows a legal layout; an illegal one is refused, with everything that stands against it.
let private verb name summary details examples (text: Shown -> string list) (json: Shown -> Json) =
    let show (options: ParseResults<ShowOptions>) =
        let world = options.GetResult World

        if world < 1 then
            usage $"evo show {name}: --world = {world}: must be 1 or more" ""

        let run = ConfigFile.load (options.GetResults Set) (options.GetResult Config)
        let facts = LayoutFacts.Of(ConfigFile.spec run, run.Data.RowTokens)

        let shown =
            {
                Run = run
                Layout = run.LayoutAt(world, facts.Experts)
                Facts = facts
            }

        let problems = run.LayoutProblems(world, facts)

        match options.Contains ShowOptions.Json, problems.Any() with
        | false, false ->
            text shown |> List.iter Terminal.say
            ExitCode.Done
        | true, false ->
            Terminal.say (Json.render (json shown))
            ExitCode.Done
        | false, true -> refuse ExitCode.Config $"{options.GetResult Config}: {refusal shown problems}"
        | true, true ->
            Terminal.say (Json.render (refusalJson shown problems))
            ExitCode.Config

    Verb.make<ShowOptions> $"show {name}" summary details examples show

/// What each layer keeps: chosen for the budget, or as the configuration says.
let private chosen (shown: Shown) =
    let run = shown.Run

    match MemoryCheck.plan run shown.Layout.Degrees.World with
    | Some plan -> plan
    | None when run.Model.Checkpoint = Auto ->
        refuse
            ExitCode.Config
            "train.memory_budget must be given: model.checkpoint = \"auto\" chooses what fits it, and no device is asked here"
    | None -> RunRecompute.Plan(run, ConfigFile.spec run, shown.Layout, RunRecompute.OnGpu run, Nullable())

let private refuseUnfit (shown: Shown) (plan: RecomputePlan) =
    match RunRecompute.Problem(shown.Run, plan) with
    | null -> ()
    | problem -> refuse ExitCode.Config problem

let private topology (shown: Shown) = Topology shown.Layout.Degrees

let verbs =
    [
        verb
            "mesh"
            "Shows each rank's place on every axis of the mesh, and the groups that ranks form."
            "No device and no other process is needed: groups are arithmetic. Exit code 3 where the sizes do not fit the number of ranks, with the nearest that do."
            [
                "./evo show mesh configs/7B_isp.json --world 16"
                "./evo show mesh configs/8x7B_mixtral.json --world 8 --set parallel.tensor.size=2 --json"
            ]
            (fun shown ->
                string shown.Layout.Degrees
                :: ""
                :: MeshView.tables (topology shown) (shown.Facts.Experts > 1))
            (fun shown -> MeshView.json (topology shown) (shown.Facts.Experts > 1))
        verb
            "layout"
            "Shows which layers, shares of tensors, experts and optimizer state each rank holds."
            "Everything that stands against a layout is said at once, with the nearest that is legal. Exit code 3 where it is not."
            [
                "./evo show layout configs/20B_internlm2.json --world 128"
                "./evo show layout configs/llama2.json --world 8 --set parallel.tensor.size=2 --set parallel.pipeline.size=4"
            ]
            (fun shown ->
                LayoutView.summary shown.Layout shown.Facts
                :: ""
                :: LayoutView.table (topology shown) shown.Layout shown.Facts)
            (fun shown -> LayoutView.json (topology shown) shown.Layout shown.Facts)
        verb
            "memory"
            "Shows what each rank holds by kind, and what its layers keep where model.checkpoint is auto."
            "Everything is a formula: no device is needed. Exit code 3 where a rank does not fit train.memory_budget, with what is missing."
            [
                "./evo show memory configs/llama2.json --world 8 --set model.checkpoint=auto --set train.memory_budget=24"
                "./evo show memory configs/20B_internlm2.json --world 128"
            ]
            (fun shown ->
                let plan = chosen shown

                refuseUnfit shown plan

                string shown.Layout :: "" :: RecomputeView.table plan
                @ "" :: RecomputeView.lines plan)
            (fun shown ->
                let plan = chosen shown
                refuseUnfit shown plan
                RecomputeView.json plan)
    ]
