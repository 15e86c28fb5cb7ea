/// `evo convert --from-internevo`, and training from the same checkpoint.
module Evo.Cli.Tests.ConvertInternEvoTests

open System
open System.Text.Json
open Evo.Data
open Evo.Parallel.Tests
open Xunit
open Evo.Cli.Tests.Command
open Evo.Cli.Tests.TrainTests
open Evo.Cli.Tests.ConvertTests

/// The model of the small run in InternEvo's words.
let private python =
    """model_type = "LLAMA2"
model = dict(num_layers=2, hidden_size=32, num_attention_heads=2, num_kv_attention_heads=1, vocab_size=384, mlp_ratio=2, multiple_of=64,
             max_position_embeddings=64, adapt_hf=False)
ckpt = dict(save_ckpt_folder="boto3:s3://bucket.endpoint/path", checkpoint_every=50)
"""

/// Random rows for every tensor of a model.
let private numbers (spec: Evo.Models.CausalLM) : Map<string, InternEvoParts.Rows> =
    let random = Random 4

    Map
        [
            for info in spec.Parameters do
                let columns =
                    if info.HuggingFaceShape.Count > 1 then
                        int info.HuggingFaceShape[1]
                    else
                        1

                info.HuggingFaceName,
                [|
                    for _ in 1 .. int info.HuggingFaceShape[0] ->
                        [| for _ in 1..columns -> float32 (random.NextDouble() - 0.5) / 5.0f |]
                |]
        ]

let private isEqual (folder: string) (numbers: Map<string, InternEvoParts.Rows>) =
    use files = WeightsFolder.Open folder
    Assert.Equal<string>(numbers.Keys, files.Names)

    for KeyValue(name, rows) in numbers do
        let tensor = nonNull (files.Find name)
        let read = Array.zeroCreate<byte>(int tensor.ByteCount)
        tensor.Read(0L, read.AsSpan())

        Assert.Equal<byte[]>(
            rows
            |> Array.collect (Array.collect (fun (x: float32) -> BitConverter.GetBytes x)),
            read
        )

[<Fact>]
let ``InternEvo's checkpoint becomes a Hugging Face folder by either configuration, and a run starts from it as from that``
    ()
    =
    use folder = world ()
    folder.Write("run.py", python) |> ignore
    let spec, _ = Evo.Cli.ConfigFile.model (folder.File "run.json")
    let numbers = numbers spec

    InternEvoFolders.write
        (folder.File "ckpts/50")
        spec
        {
            Naming = InternEvoParts.Tensor
            Tensor = 1
            Weight = 0
            Stages = 2
            Chunks = 1
            Returns = false
            Pairs = true
            TableRows = false
            Older = false
            Attention = InternEvoParts.Separate
            Group = 1
            WholeExperts = false
        }
        numbers.TryFind

    for config, more in
        [
            "run.json", [ "--qk-interleaved"; "true" ]
            // Which says it itself.
            "run.py", []
        ] do
        let answer =
            runIn
                folder.Path
                ([
                    "convert"
                    "--from-internevo"
                    "ckpts/50"
                    "--config"
                    config
                    "--out"
                    "hf"
                    "--force"
                 ]
                 @ more)
            |> succeeded

        Assert.Contains("wrote hf: LlamaForCausalLM", answer.Output)
        isEqual (folder.File "hf") numbers

    // Nothing says how rows lie: a person must.
    runIn
        folder.Path
        [
            "convert"
            "--from-internevo"
            "ckpts/50"
            "--config"
            "run.json"
            "--out"
            "out"
        ]
    |> failed 4 [ "holds no model_config.pt"; "--qk-interleaved" ]

    let losses kind more =
        let start =
            $$"""ckpt.load_ckpt_info={"path": "{{kind}}", "content": ["model"]{{more}}}"""

        let answer =
            runIn
                folder.Path
                [
                    "train"
                    "run.json"
                    "--json"
                    "--set"
                    "data.total_steps=2"
                    "--set"
                    $"job_name=from-{String.length kind}"
                    "--set"
                    start
                ]
            |> succeeded

        [
            for line in answer.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries) do
                let event = JsonDocument.Parse(line).RootElement

                if event.GetProperty("event").ToString() = "step" then
                    event.GetProperty("loss").GetDouble()
        ]

    let expected = losses "hf" ", \"ckpt_type\": \"hf\""
    Assert.Equal(2, expected.Length)

    Assert.Equal<float list>(
        expected,
        losses "ckpts/50" ", \"ckpt_type\": \"internevo\", \"qk_interleaved\": true"
    )

[<Fact>]
let ``a checkpoint of InternEvo's that is not there, and a configuration without the model's record, are told``
    ()
    =
    use folder = world ()

    runIn
        folder.Path
        [
            "convert"
            "--from-internevo"
            "nowhere"
            "--config"
            "run.json"
            "--out"
            "out"
        ]
    |> failed 4 [ "nowhere: there is no such folder" ]

    folder.Write("other.py", "model_type = 'LLAVA'\nmodel = dict(num_layers=2)\n")
    |> ignore

    runIn
        folder.Path
        [
            "convert"
            "--from-internevo"
            "nowhere"
            "--config"
            "other.py"
            "--out"
            "out"
        ]
    |> failed
        3
        [
            "other.py: the model is not described"
            "no record of Evo's describes this model"
        ]

    folder.Write(
        "wrong.json",
        """{ "model_type": "LLAMA2", "model": { "vocab_size": 8, "hidden_size": 10, "num_layers": 1, "num_attention_heads": 4, "hiden": 3 } }"""
    )
    |> ignore

    runIn
        folder.Path
        [
            "convert"
            "--from-internevo"
            "nowhere"
            "--config"
            "wrong.json"
            "--out"
            "out"
        ]
    |> failed 3 [ "wrong.json"; "hiden" ]
