module Evo.Cli.Tests.MistakeTests

open System
open System.IO
open Xunit
open Evo.Cli.Tests.Command
open Evo.Cli.Tests.TrainTests

/// One clear message, no trace, and the code of its kind.
let private refused (code: int) (parts: string list) (answer: Answer) =
    Assert.True((answer.Code = code), $"exit code {answer.Code}:\n{answer.Errors}")

    for part in parts do
        Assert.Contains(part, answer.Errors)

    Assert.DoesNotContain("   at ", answer.Errors)
    Assert.DoesNotContain("defect", answer.Errors)

let private replaced (before: string) (after: string) =
    Assert.Contains(before, config)
    config.Replace(before, after)

[<Fact>]
let ``typing mistakes in a configuration are all reported at once with their places`` () =
    use folder = world ()

    folder.Write(
        "run.json",
        (replaced "\"seq_len\": 32" "\"seqlen\": 32")
            .Replace("\"adam\"", "\"adamw\"")
            .Replace("\"hidden_size\": 32", "\"hidden_sise\": 32")
    )
    |> ignore

    runIn folder.Path [ "train"; "run.json" ]
    |> refused
        3
        [
            "run.json: 3 problems; nothing was run."
            "run.json:5:24: model.hidden_sise: unknown key; did you mean \"hidden_size\"?"
            "run.json:9:13: data.seqlen: unknown key; did you mean \"seq_len\"?"
            "run.json:10:3: adamw: unknown key; did you mean \"adam\"?"
        ]

[<Fact>]
let ``a run that needs more ranks than there are is refused by its keys, with the nearest that fits`` () =
    run [ "train"; "configs/20B_internlm2.json" ]
    |> refused
        3
        [
            "parallel.pipeline.size = 4: does not divide the world of 1 ranks; use 1"
            "The nearest legal layout on one rank (--nproc starts more): --set parallel.pipeline.size=1 --set parallel.weight.size=1 --set parallel.zero1.size=1"
        ]

[<Fact>]
let ``values of the wrong type say what they should be`` () =
    use folder = world ()

    folder.Write(
        "run.json",
        (replaced "\"micro_bsz\": 2" "\"micro_bsz\": \"2\"")
            .Replace("3e-3", "\"fast\"")
            .Replace("\"device\": \"cpu\"", "\"device\": \"gpu\"")
    )
    |> ignore

    runIn folder.Path [ "train"; "run.json" ]
    |> refused
        3
        [
            "data.micro_bsz = \"2\": must be a whole number; write 2 without quotes."
            "adam.lr = \"fast\": must be a number."
            "train.device = \"gpu\": must be \"auto\", \"cpu\" or \"cuda\""
        ]

[<Fact>]
let ``text that is no JSON is refused at its place`` () =
    use folder = world ()

    folder.Write("run.json", replaced "\"job_name\": \"small\"," "\"job_name\": \"small\"")
    |> ignore

    runIn folder.Path [ "train"; "run.json" ]
    |> refused 3 [ "run.json:3:3: a comma or } should follow the value of \"job_name\"." ]

[<Fact>]
let ``heads that do not share the hidden size are refused before anything runs`` () =
    use folder = world ()

    folder.Write("run.json", replaced "\"num_attention_heads\": 2" "\"num_attention_heads\": 3")
    |> ignore

    let answer = runIn folder.Path [ "train"; "run.json" ]
    refused 3 [ "model.num_attention_heads"; "run.json:5:" ] answer
    Assert.False(Directory.Exists(folder.File "runs"))

[<Fact>]
let ``missing files are named`` () =
    use folder = world ()

    runIn folder.Path [ "train"; "rum.json" ]
    |> refused 4 [ "rum.json: no such file; did you mean run.json?" ]

    runIn folder.Path [ "train"; "run.json"; "--set"; "prepare.input=txt" ]
    |> refused 4 [ "txt" ]

    runIn folder.Path [ "generate"; "--checkpoint"; "runs/none"; "--prompt"; "x" ]
    |> refused 4 [ "runs/none: there is no such folder" ]

    runIn folder.Path [ "verify"; "--hf"; "nowhere"; "--golden"; "x" ]
    |> refused 4 [ "--hf nowhere: no such folder" ]

    runIn folder.Path [ "tokenize"; "-t"; "t.model"; "-o"; "x.bin"; "text.txt" ]
    |> refused 4 [ "t.model" ]

/// A folder in which the run has been trained for a few steps.
let private trained () =
    let folder = world ()

    let answer =
        runIn folder.Path [ "train"; "run.json"; "--set"; "data.total_steps=2" ]

    Assert.True((answer.Code = 0), answer.Errors)
    folder

let private damage (path: string) (change: byte array -> byte array) =
    File.WriteAllBytes(path, change (File.ReadAllBytes path))

[<Fact>]
let ``a damaged token file, a damaged model and another model's checkpoint are refused by name`` () =
    use folder = trained ()
    let tokens = Path.Combine(folder.Path, "data/small/train/en/text.bin")
    let whole = File.ReadAllBytes tokens
    damage tokens (fun bytes -> bytes[.. bytes.Length / 2])
    // A run of its own, whose data is given.
    let given =
        [
            "--set"
            "prepare.source=none"
            "--set"
            "prepare.input=null"
            "--set"
            "data.train_folder=data/small/train"
            "--set"
            "data.valid_every=0"
            "--set"
            "train.sample_prompt=null"
            "--set"
            "job_name=given"
        ]

    runIn folder.Path ([ "train"; "run.json" ] @ given) |> refused 4 [ "text.bin" ]
    File.WriteAllBytes(tokens, whole)

    let checkpoint = Path.Combine(folder.Path, "runs/small/checkpoints/2")
    let model = Path.Combine(checkpoint, "model.safetensors")

    // Another model cannot continue the run.
    runIn
        folder.Path
        [
            "train"
            "run.json"
            "--set"
            "data.total_steps=2"
            "--set"
            "model.num_layers=3"
        ]
    |> refused 4 [ "checkpoint" ]

    damage model (fun bytes -> bytes[.. bytes.Length - 100])

    runIn folder.Path [ "generate"; "--checkpoint"; checkpoint; "--prompt"; "x" ]
    |> refused 4 [ "model.safetensors" ]

[<Fact>]
let ``a tokenizer that is none, or of another model, is refused`` () =
    use folder = trained ()
    let noise = folder.Write("noise.model", "this is no tokenizer")

    let generate model =
        runIn
            folder.Path
            [
                "generate"
                "--checkpoint"
                "runs/small"
                "--prompt"
                "x"
                "--tokenizer"
                model
            ]

    generate noise |> refused 4 [ "noise.model" ]

    // Larger than the model's vocabulary.
    let larger =
        runIn
            folder.Path
            [
                "tokenizer"
                "train"
                "--output"
                "larger"
                "--vocab-size"
                "400"
                "text.txt"
            ]

    Assert.True((larger.Code = 0), larger.Errors)
    generate "larger.model" |> refused 4 [ "400"; "384" ]

    runIn
        folder.Path
        [
            "train"
            "run.json"
            "--set"
            "data.tokenizer_path=larger.model"
            "--set"
            "job_name=other"
        ]
    |> refused 3 [ "400" ]

[<Fact>]
let ``a full disk and a missing permission are named`` () =
    if not (File.Exists "/dev/full") then
        Assert.Skip "this machine has no /dev/full"

    run [ "config"; "schema"; "--output"; "/dev/full" ]
    |> refused 6 [ "No space left on device"; "/dev/full" ]

    use folder = world ()
    // Nobody may write there, root included.
    runIn folder.Path [ "train"; "run.json"; "--run-dir"; "/proc/evo-run" ]
    |> refused 6 [ "/proc/evo-run" ]
