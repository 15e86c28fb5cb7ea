/// `evo train --nproc`: what the README says of several ranks.
module Evo.Cli.Tests.RankTests

open System
open System.Text.Json
open Xunit
open Evo.Cli.Tests.Command

/// Each as an option.
let internal sets (assignments: string list) =
    assignments |> List.collect (fun it -> [ "--set"; it ])

/// Three steps with events as JSON.
let internal threeSteps =
    [ "train"; "run.json"; "--json" ]
    @ sets [ "data.rows_per_step=4"; "data.total_steps=3"; "data.valid_every=3" ]

/// The losses and gradient norms of the steps of a run, and its losses on held-out text, from its events.
let internal figuresOf (output: string) =
    let events =
        output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        |> Array.map (fun line -> JsonDocument.Parse(line).RootElement)

    let figures (event: string) (names: string list) =
        [
            for e in events do
                if e.GetProperty("event").ToString() = event then
                    for name in names -> e.GetProperty(name).GetDouble()
        ]

    figures "step" [ "loss"; "grad_norm" ], figures "validated" [ "loss" ]

/// Those of a command in a folder.
let internal figures (folder: Folder) (arguments: string list) =
    let answer = runIn folder.Path (threeSteps @ arguments)
    Assert.True((answer.Code = 0), answer.Errors)
    figuresOf answer.Output

/// Equal to float32's rounding.
let internal close (name: string) (one: float list) (many: float list) =
    Assert.True(one.Length > 0 && one.Length = many.Length, $"{name}: {one.Length} and {many.Length} figures")

    for one, many in List.zip one many do
        Assert.True(abs (one - many) <= 1e-5 * abs one, $"{name}: {many} where one process has {one}")

let layouts =
    let data = TheoryData<string, string>()
    let add (ranks: int) (settings: string) = data.Add(string ranks, settings)
    add 4 "parallel.tensor.size=2"
    add 2 "parallel.tensor.size=2 parallel.tensor.mode=isp parallel.weight.size=2"
    add 2 "parallel.pipeline.size=2 model.num_chunks=2 model.num_layers=4"
    add 2 "parallel.fsdp.size=2"
    data

[<Theory; MemberData(nameof layouts)>]
let ``ranks print the losses of one process`` (ranks: string) (settings: string) =
    use folder = TrainTests.world ()

    let settings = settings.Split ' ' |> List.ofArray

    let model =
        settings
        |> List.filter (fun s -> s.StartsWith("model.num_layers", StringComparison.Ordinal))

    let alone = figures folder (sets ("job_name=alone" :: model))
    let spread = figures folder (sets settings @ [ "--nproc"; ranks ])
    close "steps" (fst alone) (fst spread)
    close "held out" (snd alone) (snd spread)
