/// Configurations for tests: a family of models, a smallest run, and a generator of runs that are legal.
module Evo.Core.Tests.Runs

open System
open FsCheck
open FsCheck.FSharp
open Evo.Core

let private key name kind fallback =
    {
        Name = name
        Kind = kind
        Required = (fallback = "")
        Nullable = (fallback = "null")
        Default = fallback
        Doc = $"The {name}."
        Choices = []
        Minimum = Double.NegativeInfinity
    }

let family =
    {
        Family = "TOY"
        Architecture = "ToyForCausalLM"
        Doc = "A family for tests."
        Keys =
            [
                { key "num_layers" KeyKind.Integer "" with
                    Minimum = 1.0
                }
                key "hidden_size" KeyKind.Integer "64"
                key "rope_base" KeyKind.Number "10000"
                { key "hidden_act" KeyKind.Text "\"silu\"" with
                    Choices = [ "silu"; "gelu" ]
                }
                key "rope_scaling" KeyKind.Object "null"
            ]
    }

let smallest =
    """{
  "model_type": "TOY",
  "model": { "num_layers": 2 },
  "data": { "train_folder": "tokens", "seq_len": 16, "total_steps": 100 }
}"""

let load text =
    Config.load [ family ] [] "run.json" text

let loaded text =
    match load text with
    | Ok run -> run
    | Error problems -> raise (ConfigException problems)

/// The problems of a text, one line each.
let problems text =
    match load text with
    | Ok _ -> []
    | Error problems -> problems |> List.map string

/// Keys whose values the rules between keys tie together; the generator gives them values that fit.
let private tied =
    [
        "job_name", [ "\"run-1\""; "\"a.b_c\"" ]
        "model_type", [ "\"TOY\"" ]
        "run_folder", [ "null"; "\"somewhere/else\"" ]
        "data.train_folder", [ "\"tokens\"" ]
        "data.valid_folder", [ "\"held-out\"" ]
        "data.tokenizer_path", [ "\"t.model\"" ]
        "data.type", [ "\"tokenized\"" ]
        "data.mixture", [ "[]"; "[\"0.7 en\", \"0.3 b=c d\"]" ]
        "data.packing", [ "null" ]
        "data.order", [ "\"evo\"" ]
        "data.min_lengths", [ "[]"; "[\"5 code/\"]" ]
        "data.skip_batches", [ "\"\""; "\"1-3,7\"" ]
        "data.seq_len", [ "1"; "256" ]
        "data.micro_bsz", [ "1"; "3" ]
        "adam.lr", [ "1e-3"; "0.5" ]
        "adam.adam_beta1", [ "0"; "0.9" ]
        "adam.adam_beta2", [ "0.95"; "0.999" ]
        "adam.adam_eps", [ "1e-8" ]
        "lr_scheduler.init_steps", [ "0" ]
        "lr_scheduler.eta_min", [ "0"; "1e-4" ]
        "model.dtype", [ "\"float32\""; "\"bfloat16\""; "\"float16\""; "\"float64\"" ]
        "model.checkpoint", [ "0.5"; "true" ]
        "model.num_chunks", [ "1" ]
        "data.rampup_batch_size", [ "\"\""; "\"1 1 10\"" ]
        "reduce_comm_dtype", [ "null" ]
        "hybrid_zero_optimizer.narrow_sums", [ "false" ]
        "hybrid_zero_optimizer.split_master", [ "false" ]
        "grad_scaler.initial_scale", [ "65536"; "4" ]
        "grad_scaler.min_scale", [ "1"; "0.5" ]
        "grad_scaler.max_scale", [ "1e6" ]
        "grad_scaler.backoff_factor", [ "0.5"; "1" ]
        "parallel.pipeline.mode", [ "\"1F1B\"" ]
        "parallel.fsdp.size", [ "1" ]
        "train.device", [ "\"auto\"" ]
        "train.memory_budget", [ "null" ]
        "prepare.source", [ "\"none\""; "\"sdk-docs\"" ]
        "prepare.input", [ "null" ]
        "prepare.held_out", [ "0.01" ]
        "monitor.alert.stall_seconds", [ "300"; "0.5" ]
        "monitor.alert.webhook_address", [ "null"; "\"https://example.com/hook\"" ]
        "monitor.alert.enable_feishu_alert", [ "false"; "true" ]
        "monitor.alert.feishu_alert_address", [ "\"http://localhost:8080/hook\"" ]
        "monitor.prometheus.address", [ "\"127.0.0.1\""; "\"0.0.0.0\""; "\"::1\"" ]
        "ckpt.enable_save_ckpt", [ "true" ]
        "ckpt.keep_every", [ "0" ]
        "ckpt.resume_changes", [ "[]"; "[\"adam.lr\"]" ]
        "ckpt.load_ckpt_info.ckpt_type", [ "\"evo\"" ]
        "ckpt.load_ckpt_info.content", [ "[\"all\"]"; "[\"model\", \"optimizer\"]" ]
        "ckpt.load_ckpt_info.qk_interleaved", [ "null" ]
    ]

let private valueGen path (key: KeyInfo) : Gen<string> =
    let bounded (low: float) (high: float) =
        let low = max low key.Minimum
        let high = min high key.Maximum
        Gen.map (fun part -> low + (high - low) * float part / 16.0) (Gen.choose (0, 16))

    match tied |> List.tryFind (fun (name, _) -> name = path), key.Kind with
    | Some(_, values), _ -> Gen.elements values
    | None, KeyKind.Integer when path.StartsWith "parallel." -> Gen.constant "1"
    | None, KeyKind.Integer -> Gen.map (fun x -> string (int64 (ceil x))) (bounded 0.0 64.0)
    | None, KeyKind.Number
    | None, KeyKind.Fraction -> Gen.map Json.number (bounded 0.0 8.0)
    | None, KeyKind.Boolean -> Gen.elements [ "true"; "false" ]
    | None, KeyKind.Text when not key.Choices.IsEmpty -> Gen.elements (key.Choices |> List.map Json.quote)
    | None, _ -> Gen.elements [ "\"text\""; "\"ü \\\"x\\\"\"" ]

/// Legal configurations, as the list of the values that they set.
let legal: Gen<(string * string) list> =
    let rec paths prefix (section: SectionInfo) =
        section.Keys
        |> List.collect (fun key ->
            let path = if prefix = "" then key.Name else prefix + "." + key.Name

            match key.Section with
            | Some inner -> paths path inner
            | None -> [ path, key ])

    gen {
        let! chosen =
            Gen.collectToList
                (fun (path: string, key: KeyInfo) ->
                    gen {
                        let! value = valueGen path key
                        let! given = Gen.elements [ true; false ]

                        return
                            if given || key.Required || List.exists (fst >> (=) path) tied then
                                [ path, value ]
                            else
                                []
                    })
                (paths "" Keys.root)

        let! layers = Gen.choose (1, 9)

        // What saves memory of the optimizer is for some types and layouts.
        let! saving =
            Gen.elements
                [
                    []
                    [
                        "model.dtype", "\"bfloat16\""
                        "parallel.fsdp.enable", "false"
                        "hybrid_zero_optimizer.narrow_sums", "true"
                        "hybrid_zero_optimizer.split_master", "true"
                    ]
                ]

        return
            (List.concat chosen
             |> List.filter (fun (path, _) -> not (List.exists (fst >> (=) path) saving)))
            @ saving
            @ [
                "model.num_layers", string layers
                "model.rope_scaling", "{\"type\": \"linear\"}"
            ]
    }

/// The run that a list of values makes.
let ofValues (values: (string * string) list) =
    Config.load [ family ] [ for path, value in values -> $"{path}={value}" ] "run.json" "{}"

/// The same list with one value less, as far as it stays legal.
let fewer (values: (string * string) list) =
    seq { for i in 0 .. values.Length - 1 -> List.removeAt i values }
    |> Seq.filter (fun values -> (ofValues values).IsOk)
