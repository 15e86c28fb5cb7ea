module Evo.Cli.Tests.TrainTests

open System
open System.IO
open System.Text.Json
open System.Threading
open Xunit
open Evo.Cli.Tests.Command

/// Sentences of a small world, so that a tokenizer and a model have something to learn.
let private text =
    let who =
        [ "the model"; "a token"; "the row"; "one step"; "the loss"; "a gradient" ]

    let does = [ "reads"; "writes"; "counts"; "returns"; "scales"; "adds" ]

    let what =
        [
            "the number of items"
            "a value"
            "its own name"
            "the next token"
            "every row twice"
        ]

    String.Join(
        "\n",
        [
            for i in 0..1999 ->
                $"{who[i % 6]} {does[i / 6 % 6]} {what[i / 36 % 5]} and {who[i * 7 % 6]} {does[i * 5 % 6]} {i % 97}."
        ]
    )

/// A run of some seconds on that text.
let internal config =
    """{
  "job_name": "small",
  "model_type": "LLAMA2",
  "model": {
    "vocab_size": 384, "hidden_size": 32, "num_layers": 2, "num_attention_heads": 2, "num_kv_attention_heads": 1,
    "intermediate_size": 64, "max_position_embeddings": 64
  },
  "prepare": { "source": "text", "input": "text.txt", "vocab_size": 384, "held_out": 0.02 },
  "data": { "seq_len": 32, "micro_bsz": 2, "micro_num": 2, "total_steps": 12, "valid_every": 6 },
  "adam": { "lr": 3e-3 },
  "ckpt": { "checkpoint_every": 5 },
  "train": { "device": "cpu", "sample_prompt": "the model", "sample_tokens": 8 }
}"""

let internal world () =
    let folder = new Folder()
    folder.Write("text.txt", text) |> ignore
    folder.Write("run.json", config) |> ignore
    folder

let private events (answer: Answer) =
    answer.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
    |> Array.map (fun line -> JsonDocument.Parse(line).RootElement)
    |> List.ofArray

let private named (name: string) (events: JsonElement list) =
    events
    |> List.filter (fun event -> event.GetProperty("event").ToString() = name)

let private weights (folder: Folder) run =
    let checkpoints = Path.Combine(folder.Path, run, "checkpoints")

    let newest =
        Directory.GetDirectories checkpoints
        |> Array.maxBy (fun path -> int (Option.defaultValue "0" (Option.ofObj (Path.GetFileName path))))

    Convert.ToHexString(
        Security.Cryptography.SHA256.HashData(File.ReadAllBytes(Path.Combine(newest, "model.safetensors")))
    )

[<Fact>]
let ``train prepares, trains, validates, saves, and generate continues a text`` () =
    use folder = world ()
    let trained = runIn folder.Path [ "train"; "run.json"; "--json" ]
    Assert.True((trained.Code = 0), trained.Errors)
    let events = events trained

    let losses =
        named "step" events |> List.map (fun e -> e.GetProperty("loss").GetDouble())

    Assert.Equal(12, losses.Length)
    Assert.True(List.last losses < List.head losses)
    Assert.NotEmpty(named "validated" events)
    Assert.NotEmpty(named "baselines" events)
    Assert.NotEmpty(named "sample" events)
    let ended = named "ended" events |> List.exactlyOne
    Assert.True(ended.GetProperty("completed").GetBoolean())
    Assert.Equal(12, (File.ReadAllLines(Path.Combine(folder.Path, "runs/small/metrics.jsonl"))).Length)

    let generate extra =
        let answer =
            runIn
                folder.Path
                ([
                    "generate"
                    "--checkpoint"
                    "runs/small"
                    "--prompt"
                    "the model"
                    "--max-tokens"
                    "12"
                 ]
                 @ extra)

        Assert.True((answer.Code = 0), answer.Errors)
        answer.Output

    let text = generate []
    Assert.StartsWith("the model", text)
    Assert.True(text.TrimEnd().Length > 9)
    // The same seed writes the same text, with the cache or without.
    Assert.Equal(text, generate [ "--no-cache" ])
    use json = JsonDocument.Parse(generate [ "--json"; "--temperature"; "0" ])
    Assert.Equal("the model", json.RootElement.GetProperty("prompt").ToString())
    Assert.True(json.RootElement.GetProperty("tokens").GetInt32() <= 12)

    // A finished run has nothing left to do, and says so.
    let again = runIn folder.Path [ "train"; "run.json" ]
    Assert.Equal(0, again.Code)
    // A fresh start would overwrite it.
    let fresh = runIn folder.Path [ "train"; "run.json"; "--fresh" ]
    Assert.Equal(4, fresh.Code)
    Assert.Contains("auto_resume", fresh.Errors)

[<Fact>]
let ``plain output has a line for each step`` () =
    use folder = world ()

    let answer =
        runIn folder.Path [ "train"; "run.json"; "--set"; "data.total_steps=3" ]

    Assert.True((answer.Code = 0), answer.Errors)

    let steps =
        answer.Output.Split('\n') |> Array.filter (fun line -> line.StartsWith "step ")

    Assert.Equal(3, steps.Length)

    for name in
        [
            "step 3/3"
            "loss "
            "lr "
            "grad_norm "
            "tgs "
            "tflops "
            "tokens "
            "left "
        ] do
        Assert.Contains(name, steps[2])

    Assert.Contains("what it writes:", answer.Output)
    Assert.Contains("bigram", answer.Output)

let private terminate (running: Diagnostics.Process) =
    Diagnostics.Process.Start("kill", [ "-TERM"; string running.Id ]).WaitForExit()

[<Fact>]
let ``SIGTERM ends the step, saves, and the same command continues to the same weights`` () =
    use folder = world ()

    let command =
        [
            "train"
            "run.json"
            "--set"
            "data.total_steps=200"
            "--set"
            "data.valid_every=0"
            "--set"
            "ckpt.checkpoint_every=0"
        ]

    let whole = runIn folder.Path (command @ [ "--run-dir"; "whole" ])
    Assert.True((whole.Code = 0), whole.Errors)
    let metrics = Path.Combine(folder.Path, "broken", "metrics.jsonl")

    let interrupt (running: Diagnostics.Process) =
        // Some steps are let pass first.
        let lines () =
            if File.Exists metrics then
                use file =
                    new FileStream(metrics, FileMode.Open, FileAccess.Read, FileShare.ReadWrite)

                (new StreamReader(file)).ReadToEnd().Split('\n').Length
            else
                0

        while not running.HasExited && lines () < 5 do
            Thread.Sleep 5

        if not running.HasExited then
            // Two in a row are one wish: `timeout` sends them to the process and to its group.
            terminate running
            terminate running

    let first = runWith interrupt folder.Path (command @ [ "--run-dir"; "broken" ])
    Assert.Equal(75, first.Code)
    Assert.Contains("the same command continues", first.Output)
    let second = runIn folder.Path (command @ [ "--run-dir"; "broken"; "--resume" ])
    Assert.True((second.Code = 0), second.Errors)
    Assert.Contains("resumed after step", second.Output)
    Assert.Equal(weights folder "whole", weights folder "broken")

[<Fact>]
let ``a second SIGTERM leaves in the midst of a step with one line and nothing else`` () =
    use folder = world ()

    let interrupt (running: Diagnostics.Process) =
        while not running.HasExited && not (Directory.Exists(folder.File "run")) do
            Thread.Sleep 5

        // Then it computes one step, for a minute; a busy machine needs some seconds to come to it.
        Thread.Sleep 4000

        for _ in 1..2 do
            terminate running
            Thread.Sleep 800

    let answer =
        runWith
            interrupt
            folder.Path
            [
                "train"
                "run.json"
                "--run-dir"
                "run"
                "--set"
                "data.micro_num=10000"
                "--set"
                "data.valid_every=0"
            ]

    Assert.Equal("evo: left at once; the last committed checkpoint stands\n", answer.Errors)
    Assert.Equal(130, answer.Code)

[<Fact>]
let ``resume without a checkpoint is refused`` () =
    use folder = world ()
    let answer = runIn folder.Path [ "train"; "run.json"; "--resume" ]
    Assert.Equal(4, answer.Code)
    Assert.Contains("there is no checkpoint to resume from", answer.Errors)

[<Fact>]
let ``memory is printed by kind beside its prediction, and drawn over the time of a step`` () =
    use folder = world ()

    let trained =
        runIn
            folder.Path
            [
                "train"
                "run.json"
                "--json"
                "--profile"
                "memory"
                "--set"
                "data.total_steps=3"
            ]

    Assert.True((trained.Code = 0), trained.Errors)
    let measured = events trained |> named "memory" |> List.exactlyOne

    let bytes (who: string) (kind: string) =
        measured.GetProperty(who).GetProperty(kind).GetInt64()

    for kind in [ "parameters"; "gradients"; "optimizer_state" ] do
        Assert.InRange(bytes "rank_0" kind, 1L, Int64.MaxValue)
        Assert.Equal(bytes "predicted" kind, bytes "rank_0" kind)
        Assert.Equal(bytes "largest" kind, bytes "rank_0" kind)

    // What passes keep is alive at the peak, and the peak is of this size.
    Assert.InRange(bytes "rank_0" "activations", bytes "predicted" "activations", Int64.MaxValue)
    Assert.InRange(bytes "rank_0" "activations", 1L, 8L * bytes "predicted" "activations")

    let page = File.ReadAllText(folder.File "runs/small/memory.html")
    Assert.Contains("Memory of step 2 on rank 0", page)
    Assert.Equal(6, page.Split("<polygon").Length - 1)
    Assert.Equal(2, page.Split("<title>forward of chunk 0").Length - 1)
    Assert.Equal(2, page.Split("<title>backward of chunk 0").Length - 1)
    Assert.DoesNotContain("http", page)
