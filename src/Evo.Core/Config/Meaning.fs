namespace Evo.Core

open System
open System.Collections.Generic
open System.Globalization
open System.Runtime.CompilerServices

/// A run's configuration as text, and what of it decides the numbers that the run computes.
[<Extension; AbstractClass; Sealed>]
type RunConfigText private () =

    /// Keys, or sections, whose change does not change what a run computes: names and places, how often something is
    /// saved or shown, memory against time. Folders and tokenizers are covered by the fingerprint of the data.
    static let withoutMeaning =
        [
            "job_name"
            "run_folder"
            "ckpt"
            "prepare"
            "enable_tb"
            "tensorboard_folder"
            "monitor"
            "parallel"
            // Another element type goes on along the same curve, as another layout does; what a step reads is compared where the
            // ranks are known.
            "model.dtype"
            "model.checkpoint"
            "model.assembly"
            "model.num_chunks"
            "selective_checkpoint"
            "kernels"
            "hybrid_zero_optimizer.overlap_sync_grad"
            "hybrid_zero_optimizer.overlap_sync_param"
            "hybrid_zero_optimizer.reduce_bucket_size"
            "hybrid_zero_optimizer.reduce"
            "hybrid_zero_optimizer.narrow_sums"
            "hybrid_zero_optimizer.split_master"
            "data.train_folder"
            "data.valid_folder"
            "data.tokenizer_path"
            "data.valid_every"
            "data.valid_rows"
            "data.total_steps"
            "data.num_worker"
            "data.micro_num"
            "data.rows_per_step"
            "train.device"
            "train.memory_budget"
            "train.threads"
            "train.backend"
            "train.timeout"
            "train.cuda_graph"
            "train.log_every"
            "train.max_skipped_steps"
            "train.sample_prompt"
            "train.sample_tokens"
        ]

    static let rec leaves path (json: Json) : (string * string) list =
        match json.Value with
        | JObject members ->
            members
            |> List.collect (fun m -> leaves (if path = "" then m.Name else path + "." + m.Name) m.Content)
        | _ -> [ path, Json.compact json ]

    static let meaningful (json: Json) =
        let all = leaves "" json

        let counts (path: string) =
            withoutMeaning
            |> List.forall (fun without -> path <> without && not (path.StartsWith(without + ".")))

        // The schedule spans data.total_steps where it has no length of its own.
        let effective (path, value) =
            if path = "lr_scheduler.total_steps" && value = "null" then
                path,
                (all
                 |> List.tryFind (fun (p, _) -> p = "data.total_steps")
                 |> Option.map snd
                 |> Option.defaultValue "null")
            else
                path, value

        all |> List.filter (fst >> counts) |> List.map effective

    /// Every key that has a default, with it: what a configuration meant that was written before the key was there.
    static let defaults =
        let rec walk path (section: SectionInfo) =
            section.Keys
            |> List.collect (fun key ->
                let here = if path = "" then key.Name else path + "." + key.Name

                match key.Section, Json.parse "" key.Default with
                | Some inner, _ -> walk here inner
                | None, Ok { Value = JNumber digits } when key.Kind <> KeyKind.Integer ->
                    [ here, Json.number (Double.Parse(digits, CultureInfo.InvariantCulture)) ]
                | None, Ok json -> [ here, Json.compact json ]
                | None, Error _ -> [])

        dict (walk "" Keys.root)

    /// What was meant before a key was there, where its default has become another.
    static let meantBefore = dict [ "data.packing", "\"cut\"" ]

    /// The configuration as JSON, every key given: what the run folder and every checkpoint keep as `run.json`.
    [<Extension>]
    static member ToJson(run: RunConfig) = Config.print run

    /// One line for each key that changes what a run computes and that differs from a saved `run.json`, such as
    /// `adam.lr: the checkpoint has 0.001, the configuration has 0.002`; keys that `ckpt.resume_changes` names, or that are in
    /// a section that it names, may differ. Throws a `FormatException` when the text is no JSON.
    [<Extension>]
    static member MeaningDifferences(run: RunConfig, savedRunJson: string) : IReadOnlyList<string> =
        match Json.parse "run.json" savedRunJson, Json.parse "" (Config.print run) with
        | Error problem, _
        | _, Error problem -> raise (FormatException(string problem))
        | Ok saved, Ok now ->
            let saved, now = meaningful saved, meaningful now

            let find path items =
                items |> List.tryFind (fun (p, _) -> p = path) |> Option.map snd

            let meant (path: string) =
                run.Ckpt.ResumeChanges
                |> List.exists (fun key -> path = key || path.StartsWith(key + "."))

            (now @ saved)
            |> List.map fst
            |> List.distinct
            |> List.filter (meant >> not)
            |> List.choose (fun path ->
                let before =
                    match find path saved, meantBefore.TryGetValue path, defaults.TryGetValue path with
                    | None, (true, once), _ -> Some once
                    | None, _, (true, usual) -> Some usual
                    | written, _, _ -> written

                match before, find path now with
                | Some a, Some b when a = b -> None
                | a, b ->
                    let show value =
                        value |> Option.defaultValue "its default"

                    Some $"{path}: the checkpoint has {show a}, the configuration has {show b}")
            :> IReadOnlyList<string>
