/// `evo inspect`: the same figures for people and programs, and one page with the picture.
module Evo.Cli.Tests.InspectTests

open System
open System.IO
open System.Text.Json.Nodes
open System.Xml.Linq
open Evo.Cli.Tests.Command
open Xunit

let private inspect options =
    run ([ "inspect"; "configs/llama2.json" ] @ options)

let private answered options =
    let answer = inspect options
    Assert.True((answer.Code = 0), answer.Errors)
    answer.Output

let private json options =
    nonNull (JsonNode.Parse(answered (options @ [ "--json" ])))

let private at (path: string) (node: JsonNode) : JsonNode =
    (node, path.Split '.')
    ||> Array.fold (fun node key ->
        match Int32.TryParse key with
        | true, index -> nonNull node[index]
        | _ -> nonNull node[key])

let private number path node = (at path node).GetValue<int64>()

[<Fact>]
let ``a mode shows who holds what, what is sent and what is kept`` () =
    let output = answered [ "--mode"; "msp"; "--tp"; "4" ]

    for words in
        [
            "Who holds what"
            "dim 0: 8 x 64 over 4 of tensor"
            "whole on every rank"
            "Collectives outside the layers"
            "Collectives of layer 0, and of 7 more like it"
            "reduce_scatter"
            "Memory of each rank"
            "kept for the backward pass"
            "Legal degrees"
            "Evo.Models.Llama2Layer.g.cs"
            "each rank sends "
        ] do
        Assert.Contains(words, output)

[<Fact>]
let ``the ranks of a mode hold the whole model between them, padding aside`` () =
    let whole = json [] |> at "spread"
    let numbers = number "memory.parameter_numbers" whole

    for degree in [ 2; 4; 8 ] do
        let spread = json [ "--mode"; "mtp"; "--tp"; string degree ] |> at "spread"
        let each = number "memory.parameter_numbers" spread
        Assert.True(each < numbers && each * int64 degree >= numbers)
        Assert.Equal(each * 12L, number "memory.optimizer_bytes" spread)

        // Norms and nothing else are whole on every rank.
        for held in (at "parameters" spread).AsArray() do
            let held = nonNull held
            let name = (at "name" held).GetValue<string>()
            Assert.Equal(name.Contains "norm", (at "replicated" held).GetValue<bool>())

[<Fact>]
let ``bytes of a step are those of its places, and double with the batch`` () =
    let spread batch =
        json [ "--mode"; "mtp"; "--tp"; "2"; "--batch"; string batch ] |> at "spread"

    let one, two = spread 1, spread 2

    for pass in [ "forward"; "backward" ] do
        let sum =
            (at "collectives" one).AsArray()
            |> Seq.sumBy (fun site -> number $"{pass}_bytes" (nonNull site))

        Assert.True(sum > 0L)
        Assert.Equal(sum, number $"bytes_sent.{pass}" one)
        Assert.Equal(2L * sum, number $"bytes_sent.{pass}" two)

[<Theory>]
[<InlineData("--mode mtp --tp 3", 3, "heads of Attend (HeadCount = 8) do not split 3 ways; use 1, 2, 4 or 8")>]
[<InlineData("--mode msp --tp 16", 3, "do not split 16 ways; use 1, 2, 4 or 8")>]
[<InlineData("--tp 2", 2, "--tp and --wp are degrees of a mode: give --mode mtp, msp, fsp or isp too")>]
[<InlineData("--mode mtp", 2, "--mode mtp needs --tp")>]
[<InlineData("--mode mtq --tp 2", 2, "--mode = mtq: must be mtp, msp, fsp or isp")>]
[<InlineData("--mode fsp --tp 2 --wp 2", 2, "only isp shares weights")>]
[<InlineData("--mode isp --tp 2 --wp 0", 2, "--wp = 0: must be 1 or more")>]
[<InlineData("--dtype int8", 2, "--dtype = int8: must be float32, bfloat16, float16 or float64")>]
[<InlineData("--batch 0", 2, "--batch = 0: must be 1 or more")>]
let ``a mode that cannot be is refused with what can`` (options: string) (code: int) (expected: string) =
    let answer = inspect (List.ofArray (options.Split ' '))
    Assert.Equal(code, answer.Code)
    Assert.Equal("", answer.Output)
    Assert.Contains(expected, answer.Errors)

[<Fact>]
let ``the page is well formed, stands alone and draws every collective`` () =
    use folder = new Folder()
    let file = folder.File "page.html"
    answered [ "--mode"; "isp"; "--tp"; "2"; "--wp"; "2"; "--html"; file ] |> ignore
    let text = File.ReadAllText file

    for outside in [ "http://"; "https://"; "src="; "@import"; "url(" ] do
        Assert.DoesNotContain(outside, text)

    // The page has no element that XML would not have, but for two that stand open.
    let body =
        text
            .Replace("<!DOCTYPE html>", "")
            .Replace("<meta charset=\"utf-8\">", "")
            .Replace("initial-scale=1\">", "initial-scale=1\"/>")

    let page = XDocument.Parse body

    let named name =
        page.Descendants(XName.Get name) |> List.ofSeq

    Assert.Equal(2, (named "svg").Length)

    let framed =
        named "g"
        |> List.filter (fun g ->
            match g.Attribute(XName.Get "class") with
            | null -> false
            | style -> style.Value.Contains "talks")

    Assert.True(framed.Length > 8, $"{framed.Length} boxes are framed")
    Assert.Contains("Who holds what", text)

[<Fact>]
let ``the page of documentation has flowcharts, the mapping, the keys and the formulas`` () =
    let output = answered [ "--mode"; "mtp"; "--tp"; "2"; "--markdown" ]

    for words in
        [
            "# LLAMA2"
            "```mermaid\nflowchart TD"
            "attentionNorm_I --> attentionNorm_R"
            "## From and to a Hugging Face folder"
            "model.layers.{layer}.self_attn.q_proj.weight"
            "`model.num_attention_heads`"
            "·b·s"
        ] do
        Assert.Contains(words, output)

[<Fact>]
let ``the emitted file that is named is there`` () =
    let file = (json [] |> at "generated")["Evo.Models.Llama2Layer"] |> nonNull
    Assert.True(File.Exists(Path.Combine(root, file.GetValue<string>())), string file)
