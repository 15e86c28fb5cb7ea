/// Runs that are over in a second: tiny models on made-up token files.
module Evo.Parallel.Tests.TinyRuns

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Evo.Core
open Evo.Data
open Evo.Models
open Evo.Parallel

/// Sizes of a tiny model of each family, as the `model` section of a configuration.
let families =
    [
        "LLAMA2",
        """ "vocab_size": 61, "hidden_size": 24, "num_layers": 3, "num_attention_heads": 4, "num_kv_attention_heads": 2, "intermediate_size": 40, "max_position_embeddings": 64, "init_std": 0.2 """
        "INTERNLM2",
        """ "vocab_size": 61, "hidden_size": 24, "num_layers": 3, "num_attention_heads": 4, "num_kv_attention_heads": 2, "intermediate_size": 40, "max_position_embeddings": 64, "init_std": 0.2 """
        "GPT2",
        """ "vocab_size": 61, "hidden_size": 24, "num_layers": 3, "num_attention_heads": 4, "max_position_embeddings": 64, "init_std": 0.2 """
        "MIXTRALMOE",
        """ "vocab_size": 61, "hidden_size": 24, "num_layers": 3, "num_attention_heads": 4, "num_kv_attention_heads": 2, "intermediate_size": 20, "num_experts": 5, "top_k": 2, "max_position_embeddings": 64, "init_std": 0.2 """
    ]

/// The model of a family as a value, with more keys in its section.
let specWith family more : CausalLM =
    let keys = families |> List.find (fun (name, _) -> name = family) |> snd
    let section = Text.Json.Nodes.JsonNode.Parse("{" + keys + more + "}") |> nonNull
    (nonNull (ModelFamilies.Find family)).FromKeys.Invoke(section.AsObject())

/// The model of a family as a value.
let spec family = specWith family ""

/// Documents of a language in which each token nearly decides the next: ids from 3 to 60.
let writeTokens (path: string) seed documents =
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
    let random = Random(seed: int)
    use writer = new TokenFileWriter(path)

    for _ in 1..documents do
        let mutable token = random.Next(3, 61)

        let ids =
            [|
                1
                for _ in 1 .. random.Next(5, 60) do
                    token <- 3 + (token * 7 + (if random.Next 5 = 0 then random.Next 58 else 11)) % 58
                    token
                2
            |]

        writer.Write(ReadOnlySpan ids)

    writer.Complete()

/// A folder with training and held-out tokens.
let writeData (folder: string) =
    writeTokens (Path.Combine(folder, "train", "en", "a.bin")) 1 120
    writeTokens (Path.Combine(folder, "valid", "en", "a.bin")) 2 20

/// The configuration of a tiny run in `folder`, with overrides such as `adam.lr=0.1`, or what is wrong with these.
let tryConfig (folder: string) family (sets: string list) =
    let model = families |> List.find (fun (name, _) -> name = family) |> snd

    let text =
        $$"""{
          "job_name": "tiny", "run_folder": "{{folder}}/run", "model_type": "{{family}}", "seed": 7,
          "model": { {{model}} },
          "data": { "train_folder": "{{folder}}/train", "valid_folder": "{{folder}}/valid", "seq_len": 32, "micro_bsz": 2,
                    "micro_num": 2, "total_steps": 12, "valid_every": 4 },
          "adam": { "lr": 0.01 },
          "lr_scheduler": { "warmup_ratio": 0.2 },
          "hybrid_zero_optimizer": { "clip_grad_norm": 1.0 },
          "ckpt": { "checkpoint_every": 5 },
          "train": { "threads": 1, "device": "cpu" }
        }"""

    let keys = ModelFamilies.All |> Seq.map _.Keys |> List.ofSeq

    Config.load keys sets "tiny.json" text

/// The configuration of a tiny run in `folder`, with overrides that must be right.
let config folder family sets =
    match tryConfig folder family sets with
    | Ok run -> run
    | Error problems -> failwithf "%A" problems

/// Collects events.
type Seen() =
    let events = List<TrainEvent>()
    member _.Events = events

    interface IProgress<TrainEvent> with
        member _.Report event = events.Add event

let run (config: RunConfig) =
    let seen = Seen()
    let result = Trainer(config, seen).Run CancellationToken.None
    result, List.ofSeq seen.Events

/// Runs and asks for a stop once `step` steps are done.
let runUntil step (config: RunConfig) =
    use stop = new CancellationTokenSource()

    let watch =
        { new IProgress<TrainEvent> with
            member _.Report event =
                match event with
                | :? TrainEvent.StepDone as it when it.Report.Batch >= step -> stop.Cancel()
                | :? TrainEvent.StepSkipped as it when it.Step >= step -> stop.Cancel()
                | _ -> ()
        }

    Trainer(config, watch).Run stop.Token

/// The lines of metrics.jsonl without the figures that are times.
let metrics (config: RunConfig) =
    let timeless (line: string) =
        use json = Text.Json.JsonDocument.Parse line

        [
            for p in json.RootElement.EnumerateObject() do
                if
                    not (
                        p.Name.Contains "tgs"
                        || p.Name.Contains "time"
                        || p.Name.Contains "flops"
                        || p.Name.Contains "wait"
                    )
                    && p.Name <> "peak_bytes"
                then
                    p.Name, p.Value.GetRawText()
        ]

    File.ReadAllLines(Path.Combine(config.Folder, "metrics.jsonl"))
    |> List.ofArray
    |> List.map timeless

/// What decides the continuation of a run, as bytes.
let bits (checkpoint: string) =
    [
        for path in Directory.GetFiles(checkpoint, "*.safetensors") |> Array.sort ->
            nonNull (Path.GetFileName path), FileChecksum.Of path
    ]

/// A run on so many ranks, which are threads, with somebody who watches.
let watchedOn ranks (config: RunConfig) watch =
    LocalWorld.Results(
        ranks,
        (fun rank -> Trainer(config, watch, ResumeRule.AsConfigured, rank).Run CancellationToken.None),
        threads = 1
    )
    |> ignore

/// What happens in a run on so many ranks, which are threads.
let eventsOn ranks (config: RunConfig) =
    let seen = Seen()
    watchedOn ranks config seen

    seen.Events
