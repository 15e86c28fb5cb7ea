/// `evo verify` at layouts, as a person runs it.
module Evo.Cli.Tests.VerifyTests

open System
open System.IO
open System.Text.Json
open Xunit
open Evo.Cli.Tests.Command

let private words (line: string) = List.ofArray (line.Split ' ')

[<Fact>]
let ``one layout is described by its flags, and is one line of the table`` () =
    let answer =
        run (words "verify mixtral --mode msp --tp 2 --pp 2 --schedule ZBH1 --zero 2 --expert 2")

    Assert.True((answer.Code = 0), answer.Output + answer.Errors)
    Assert.StartsWith("layout", answer.Output)

    Assert.Contains(
        "msp, world 8: tensor 2, data 2, pipeline 2, zero 2, expert 2, ZBH1, 4 micro-batches",
        answer.Output
    )

    Assert.Contains("1 tried / 0 refused / 1 total", answer.Output)
    Assert.Contains("all hold; largest error", answer.Output)
    Assert.Contains("verifying  1 layouts in", answer.Errors)

[<Fact>]
let ``layouts and recorded figures hold with plain operators too`` () =
    for line in
        [
            "verify llama2 --mode msp --tp 2 --kernels plain"
            "verify --golden tests/golden/llama2 --strict --kernels plain"
        ] do
        let answer = run (words line)
        Assert.True((answer.Code = 0), $"{line}\n{answer.Output}{answer.Errors}")

[<Fact>]
let ``a configuration is laid out like a family, and JSON says every layout`` () =
    let answer = run (words "verify configs/tiny.json --layouts all --world 2 --json")
    Assert.True((answer.Code = 0), answer.Output + answer.Errors)
    let report = JsonDocument.Parse(answer.Output).RootElement
    let number (name: string) = report.GetProperty(name).GetInt32()
    Assert.True(report.GetProperty("passed").GetBoolean())
    Assert.Equal(number "total", number "refused" + number "legal")
    Assert.Equal(number "tried", report.GetProperty("layouts").GetArrayLength())
    Assert.InRange(number "tried", 10, number "legal")

    for layout in report.GetProperty("layouts").EnumerateArray() do
        Assert.InRange(layout.GetProperty("error").GetDouble(), 0.0, 1e-10)
        Assert.InRange(layout.GetProperty("compared").GetInt32(), 100, 10000)

[<Fact>]
let ``recorded figures that are off at a layout are exit code 1, and named`` () =
    use folder = new Folder()

    for file in Directory.GetFiles(Path.Combine(root, "tests/golden/llama2")) do
        File.Copy(file, folder.File(string (Path.GetFileName file)))

    let verify () =
        run [ "verify"; "--golden"; folder.Path; "--mode"; "fsp"; "--tp"; "2" ]

    let right = verify ()
    Assert.True((right.Code = 0), right.Output + right.Errors)

    // One number of one recorded gradient, found by the file's own header.
    let figures = folder.File "golden.safetensors"
    let bytes = File.ReadAllBytes figures
    let header = int (BitConverter.ToInt64(bytes, 0))
    use json = JsonDocument.Parse(ReadOnlyMemory(bytes, 8, header))

    let gradient =
        json.RootElement.EnumerateObject()
        |> Seq.find (fun tensor -> tensor.Name.StartsWith "grad.")

    let first = gradient.Value.GetProperty("data_offsets").[0].GetInt32()
    BitConverter.GetBytes(3.0f).CopyTo(bytes, 8 + header + first)
    File.WriteAllBytes(figures, bytes)
    let wrong = verify ()
    Assert.Equal(1, wrong.Code)
    Assert.Contains("1 of 1 do not hold", wrong.Output)
    Assert.Matches(@"grad\.\S+ \(\d", wrong.Output)

[<Theory>]
[<InlineData("verify", 2, "compare with what? There is neither --golden nor --layouts")>]
[<InlineData("verify --layouts all", 2, "layouts of which model? It names none")>]
[<InlineData("verify lama2 --layouts all", 4, "lama2: no such family, file or folder; did you mean llama2?")>]
[<InlineData("verify llama2 --layouts all --tp 2", 2, "the other options describe one; leave either out")>]
[<InlineData("verify llama2 --layouts most", 2, "--layouts most: must be one of all, every")>]
[<InlineData("verify llama2 --tp 2 --kernels fast", 2, "--kernels fast: must be native or plain")>]
[<InlineData("verify llama2 --mode tp --tp 2", 2, "--mode tp: must be one of mtp, msp, fsp, isp")>]
[<InlineData("verify llama2 --tp 2 --dtype float32",
             2,
             "--dtype has no effect: the law of parity is in float64")>]
[<InlineData("verify llama2 --tp 3", 2, "parallel.tensor.size = 3: ")>]
let ``a wrong request is one message`` (line: string) (code: int) (expected: string) =
    let answer = run (words line)
    Assert.True((answer.Code = code), $"{line}: {answer.Code}\n{answer.Errors}")
    Assert.Contains(expected, answer.Errors)
    Assert.DoesNotContain("   at ", answer.Errors)

[<Fact>]
let ``a layout that cannot run is refused with all reasons and the nearest that can`` () =
    let answer = run (words "verify llama2 --world 4 --tp 2 --wp 2 --expert 2 --zero 2")
    Assert.Equal(2, answer.Code)
    Assert.Equal("", answer.Output)
    Assert.Contains("parallel.weight.size = 2: needs parallel.tensor.mode \"isp\"", answer.Errors)
    Assert.Contains("parallel.expert.size = 2: the model has no experts", answer.Errors)
    Assert.Contains("the nearest that can: ", answer.Errors)
