/// `evo train --profile pipeline`, and `evo show schedule --measured` of what it wrote.
module Evo.Cli.Tests.ShowMeasuredTests

open System.IO
open System.Text.Json.Nodes
open Evo.Cli.Tests.Command
open Xunit

let private show (folder: Folder) (arguments: string list) =
    runIn folder.Path ([ "show"; "schedule"; "--measured" ] @ arguments)

let private node (name: string) (json: JsonNode | null) = nonNull (nonNull json).[name]

[<Fact>]
let ``a run of two stages writes what its ranks measured, and it is drawn below its simulation`` () =
    use folder = TrainTests.world ()

    let trained =
        runIn
            folder.Path
            [
                "train"
                "run.json"
                "--nproc"
                "2"
                "--profile"
                "memory,pipeline"
                "--set"
                "parallel.pipeline.size=2"
                "--set"
                "data.total_steps=5"
            ]

    Assert.True((trained.Code = 0), trained.Errors)
    Assert.Contains("evo show schedule --measured", trained.Errors)
    Assert.True(File.Exists(folder.File "runs/small/memory.html"))

    let text = show folder [ "runs/small"; "--columns"; "60" ]
    Assert.True((text.Code = 0), text.Errors)
    let lines = text.Output.Split '\n'

    Assert.Matches(
        "^1F1B: 2 stages, 2 micro-batches, 1 chunk on each rank; step [3-5] of runs/small$",
        lines[0]
    )

    let drawn = lines |> Array.filter (fun line -> line.StartsWith "rank ")

    Assert.Equal<string seq>(
        [ "rank 0 |"; "rank 1 |"; "rank 0 |"; "rank 1 |" ],
        drawn |> Seq.map _.Substring(0, 8)
    )

    Assert.All(drawn, fun line -> Assert.InRange(line.Length, 10, "rank 0 ||".Length + 61))

    let picture = folder.File "chart.svg"
    let json = show folder [ "runs/small/pipeline.json"; "--json"; "--svg"; picture ]
    Assert.True((json.Code = 0), json.Errors)
    let whole = JsonNode.Parse json.Output
    let simulated, measured = node "simulated" whole, node "measured" whole
    let number (name: string) json = (node name json).GetValue<float>()

    for chart in [ simulated; measured ] do
        Assert.InRange(number "bubble" chart, 1e-3, 0.999)
        let ranks = (node "ranks" chart).AsArray()
        Assert.Equal<int seq>([ 8; 8 ], ranks |> Seq.map (fun rank -> (node "steps" rank).AsArray().Count))

    Assert.Equal(
        number "makespan" measured / number "makespan" simulated,
        number "makespan_ratio" whole,
        1e-12
    )

    Assert.Equal(number "bubble" measured / number "bubble" simulated, number "bubble_ratio" whole, 1e-12)
    Assert.Equal(2 * 8, (File.ReadAllText picture).Split("<rect").Length - 1)
    Assert.Contains("<text x=\"0\" y=\"15\">simulated, ms</text>", File.ReadAllText picture)

[<Fact>]
let ``a folder without measured times, a file of something else, and options that change the past are refused``
    ()
    =
    use folder = new Folder()
    folder.Write("runs/small/metrics.jsonl", "") |> ignore
    let missing = show folder [ "runs/small" ]
    Assert.Equal(4, missing.Code)

    Assert.Equal(
        "evo: --measured runs/small: there is no runs/small/pipeline.json; evo train CONFIG --profile pipeline writes it for a run whose parallel.pipeline.size is 2 or more\n",
        missing.Errors
    )

    let other = folder.Write("other.json", "{ \"kind\": 3 }")
    let wrong = show folder [ other ]
    Assert.Equal(4, wrong.Code)

    Assert.Contains(
        "\"chunks\" is missing: this is not what evo train --profile pipeline wrote",
        wrong.Errors
    )

    let changed = show folder [ "runs/small"; "--micro-batches"; "3" ]
    Assert.Equal(2, changed.Code)
    Assert.Contains("only --columns, --svg and --json go with it", changed.Errors)

[<Theory>]
[<InlineData("pipeline",
             "--profile pipeline: this run has no pipeline (parallel.pipeline.size = 1)\nSet parallel.pipeline.size to 2 or more")>]
[<InlineData("memory,time",
             "--profile time: must be operators, memory, pipeline, or several of them with commas")>]
let ``what cannot be profiled is refused before anything runs`` (what: string) (expected: string) =
    let answer = run [ "train"; "configs/tiny.json"; "--profile"; what ]
    Assert.Equal(2, answer.Code)
    Assert.Contains(expected, answer.Errors)
