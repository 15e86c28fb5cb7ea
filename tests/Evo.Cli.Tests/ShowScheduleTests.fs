/// `evo show schedule`.
module Evo.Cli.Tests.ShowScheduleTests

open System.IO
open System.Text.Json.Nodes
open Evo.Cli.Tests.Command
open Xunit

let private show (line: string) =
    run ([ "show"; "schedule" ] @ List.ofArray (line.Split ' '))

let private answered line =
    let answer = show line
    Assert.True((answer.Code = 0), answer.Errors)
    answer.Output

[<Fact>]
let ``a schedule is drawn, with its time, its bubble and who holds what`` () =
    let expected =
        [
            "ZBH1: 2 stages, 4 micro-batches, 1 chunk on each rank"
            ""
            "rank 0 |F0F1..B0--F2B1--F3B2--B3--|"
            "rank 1 |..F0B0F1B1W0F2B2W1F3B3W2W3|"
            "F3 forward of micro-batch 3, B3 its backward, or the half for the input, W3 the half for the weights, - goes on, . idle"
            ""
            "time 13 (the formula says 13), bubble 7.7 %"
            ""
            "stage  ranks  parts of the model  layers  activations at most"
            "    0  0-1    0                   0-2                       2"
            "    1  2-3    1                   3-6                       2"
            ""
        ]
        |> String.concat "\n"

    Assert.Equal(expected, answered "--kind zbh1 --stages 2 --micro-batches 4 --layers 7 --world 4")

[<Fact>]
let ``a configuration gives stages, micro-batches and layers`` () =
    let output =
        answered
            "configs/tiny.json --set parallel.pipeline.size=2 --set data.micro_num=6 --set model.num_layers=4 --kind ZBV"

    Assert.StartsWith("ZBV: 2 stages, 6 micro-batches, 2 chunks on each rank", output)
    Assert.Contains("0, 3                0, 3", output)

[<Fact>]
let ``a configuration gives the kind and the chunks, and flags say otherwise`` () =
    let sizes =
        "configs/tiny.json --set model.num_layers=4 --set parallel.pipeline.size=2 --set data.micro_num=4"

    let zbv = sizes + " --set parallel.pipeline.mode=ZBV"
    let interleaved = sizes + " --set model.num_chunks=2"
    Assert.StartsWith("ZBV: 2 stages, 4 micro-batches, 2 chunks on each rank", answered zbv)
    Assert.StartsWith("interleaved: 2 stages, 4 micro-batches, 2 chunks on each rank", answered interleaved)

    Assert.StartsWith(
        "1F1B: 2 stages, 8 micro-batches, 1 chunk on each rank",
        answered (zbv + " --kind 1F1B --micro-batches 8")
    )

[<Fact>]
let ``as JSON every step has its times, and as a picture its box`` () =
    use folder = new Folder()
    let file = folder.File "chart.svg"

    let whole =
        nonNull (
            JsonNode.Parse(
                answered $"--chunks 2 --stages 2 --micro-batches 4 --costs 2,1,1 --json --svg {file}"
            )
        )

    let text (node: JsonNode | null) = (nonNull node).ToString()
    Assert.Equal("interleaved", text whole["kind"])
    Assert.Equal("36", text whole["makespan"])
    Assert.Equal("36", text whole["makespan_by_formula"])
    let first = nonNull (nonNull whole["ranks"]).[0]
    Assert.Equal("5", text first["peak_activations"])
    let steps = (nonNull first["steps"]).AsArray()
    let kinds = [ for step in steps -> text (nonNull step).["step"] ]
    Assert.Equal(8, kinds |> List.filter ((=) "forward") |> List.length)
    Assert.Equal(8, kinds |> List.filter ((=) "backward") |> List.length)
    Assert.Equal(8, kinds |> List.filter ((=) "send_forward") |> List.length)
    Assert.Contains("<svg", File.ReadAllText file)

[<Fact>]
let ``every step can be listed`` () =
    let output = answered "--stages 2 --micro-batches 2 --steps --costs 1,1,1,0.5"

    Assert.Contains("the formulas know no messages", output)
    Assert.Contains("send of a forward of chunk 0, micro-batch 0, to rank 1\n", output)

[<Theory>]
[<InlineData("--kind gpipe", "--kind gpipe: must be 1F1B, interleaved, ZBH1 or ZBV")>]
[<InlineData("--kind ZBV --micro-batches 5", "micro-batches = 5: ZBV of 4 stages needs 8 or more")>]
[<InlineData("--chunks 2 --micro-batches 6", "needs a multiple of 4; use 4 or 8")>]
[<InlineData("--layers 3", "layers = 3: 4 virtual stages (4 stages x 1 chunks) hold 1 layer or more each")>]
[<InlineData("--world 6", "--world 6: 4 stages need a multiple of 4")>]
[<InlineData("--costs 1,x,1", "--costs 1,x,1: must be numbers of 0 or more")>]
[<InlineData("--costs 0,0,0", "--costs 0,0,0: must be three times that are not all 0")>]
[<InlineData("--columns 0", "--columns 0: must be 1 or more")>]
[<InlineData("--set data.micro_num=2", "--set changes a configuration, and none is given")>]
let ``what cannot be scheduled is one message`` (line: string) (expected: string) =
    let answer = show line
    Assert.Equal(2, answer.Code)
    Assert.Contains(expected, answer.Errors)
    Assert.DoesNotContain("   at ", answer.Errors)
