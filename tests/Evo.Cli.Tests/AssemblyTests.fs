/// The assembly of a model that is none of Evo's, where it is missing or wrong. That one works is in Evo.House.Tests.
module Evo.Cli.Tests.AssemblyTests

open System.IO
open Xunit
open Evo.Cli.Tests.Command

let private refused (code: int) (parts: string list) (answer: Answer) =
    Assert.True((answer.Code = code), $"exit code {answer.Code}:\n{answer.Errors}")

    for part in parts do
        Assert.Contains(part, answer.Errors)

    Assert.DoesNotContain("   at ", answer.Errors)
    Assert.DoesNotContain("defect", answer.Errors)

/// A run of a family that is in an assembly, with two mistakes of its own.
let private config (assembly: string) =
    $"""{{
  "model_type": "STRANGER",
  "model": {{ "assembly": "{assembly}", "depth": 3 }},
  "data": {{ "train_folder": "tokens", "seq_len": 0, "total_steps": 10 }},
  "adamw": {{ }}
}}"""

[<Fact>]
let ``an assembly that is not there is a problem at its place, beside the others, and nothing is said about its model``
    ()
    =
    use folder = new Folder()
    folder.Write("configs/run.json", config "models/Stranger.dll") |> ignore
    let full = folder.File "configs/models/Stranger.dll"
    let answer = runIn folder.Path [ "train"; "configs/run.json" ]

    answer
    |> refused
        3
        [
            "configs/run.json: 3 problems; nothing was run."
            $"configs/run.json:3:26: model.assembly = \"models/Stranger.dll\": {full}: there is no such file."
            "configs/run.json:4:50: data.seq_len = 0: must be at least 1."
            "configs/run.json:5:3: adamw: unknown key"
        ]

    Assert.DoesNotContain("model_type", answer.Errors)
    Assert.DoesNotContain("depth", answer.Errors)

[<Fact>]
let ``a path in the file is meant from the file, one that is typed from where it is typed`` () =
    use folder = new Folder()
    folder.Write("configs/run.json", config "Stranger.dll") |> ignore
    folder.Write("typed/Stranger.dll", "no assembly") |> ignore

    runIn
        folder.Path
        [
            "config"
            "check"
            "configs/run.json"
            "--set"
            "model.assembly=typed/Stranger.dll"
        ]
    |> fun answer ->
        Assert.Equal(3, answer.Code)
        let full = folder.File "typed/Stranger.dll"

        Assert.Contains(
            $"--set model.assembly: \"typed/Stranger.dll\": {full}: is no .NET assembly.",
            answer.Output
        )

[<Theory>]
[<InlineData("inspect configs/tiny.json --assembly nowhere.dll")>]
[<InlineData("inspect tests/golden/llama2 --assembly nowhere.dll")>]
[<InlineData("verify --hf tests/golden/llama2 --golden tests/golden/llama2/golden.safetensors --assembly nowhere.dll")>]
[<InlineData("generate --checkpoint tests/golden/llama2 --prompt x --assembly nowhere.dll")>]
[<InlineData("convert --from-hf tests/golden/llama2 --out runs/nothing --assembly nowhere.dll")>]
[<InlineData("config docs model --assembly nowhere.dll")>]
[<InlineData("config schema --assembly nowhere.dll")>]
let ``every verb that takes no configuration has the option`` (line: string) =
    run (List.ofArray (line.Split ' '))
    |> refused 4 [ "evo: --assembly nowhere.dll: there is no such file" ]

/// A checkpoint's two files that say what the model is.
let private checkpoint (folder: Folder) (assembly: string) =
    folder.Write("model.safetensors", "") |> ignore

    folder.Write("config.json", """{ "architectures": ["StrangerForCausalLM"], "model_type": "stranger" }""")
    |> ignore

    folder.Write("run.json", $"""{{ "model_type": "STRANGER", "model": {{ "assembly": "{assembly}" }} }}""")

[<Fact>]
let ``a checkpoint whose assembly has moved says where it was and how to name it`` () =
    use folder = new Folder()
    let gone = folder.File "gone/Stranger.csproj"
    let file = checkpoint folder gone

    for line in
        [
            [ "inspect"; folder.Path ]
            [ "generate"; "--checkpoint"; folder.Path; "--prompt"; "x" ]
        ] do
        run line
        |> refused
            4
            [
                $"evo: {file}: model.assembly: the record of STRANGER is in {gone}: there is no such file"
                "--assembly says where it is now"
            ]

[<Fact>]
let ``a folder from elsewhere brings no code: a relative path in a checkpoint is refused`` () =
    use folder = new Folder()
    folder.Write("Stranger.dll", "it would be loaded") |> ignore
    let file = checkpoint folder "Stranger.dll"

    run [ "inspect"; folder.Path ]
    |> refused
        4
        [
            $"evo: {file}: model.assembly = \"Stranger.dll\": a checkpoint names its assembly by a full path"
        ]

[<Fact>]
let ``a checkpoint of one of Evo's families needs no assembly, whatever it names`` () =
    use folder = new Folder()
    let golden = Path.Combine(root, "tests/golden/llama2")

    for file in Directory.GetFiles(golden, "config.json") do
        File.Copy(file, folder.File "config.json")

    folder.Write("run.json", """{ "model_type": "LLAMA2", "model": { "assembly": "x.dll" } }""")
    |> ignore

    let answer = run [ "inspect"; folder.Path ]
    Assert.True((answer.Code = 0), answer.Errors)
