namespace Evo.Core

open System
open System.Globalization

/// Keys whose values Evo writes otherwise, or that depend on others.
module internal ImportValues =

    let private text (at: Json) (value: string) = { at with Value = JString value }
    let private flag (at: Json) (value: bool) = { at with Value = JBool value }

    /// Families by the names that InternEvo gave them at some time.
    let familyName (name: string) =
        match name with
        | "INTERNLM2_PUBLIC" -> "INTERNLM2"
        | "" -> "INTERNLM"
        | other -> other

    /// Hugging Face's name of a key of a family, as `cfg_extra_kwargs` has it, in Evo's.
    let private ofHuggingFace (name: string) =
        match name with
        | "num_hidden_layers" -> "num_layers"
        | "num_key_value_heads" -> "num_kv_attention_heads"
        | "rms_norm_eps" -> "layer_norm_epsilon"
        | "rope_theta" -> "rope_base"
        | "initializer_range" -> "init_std"
        | "num_local_experts" -> "num_experts"
        | "num_experts_per_tok" -> "top_k"
        | "attention_dropout" -> "attn_drop_rate"
        | other -> other

    let private jobName (draft: ImportDraft) key at (json: Json) =
        match json.Value with
        | JString name ->
            let allowed =
                name
                |> String.map (fun c ->
                    if Char.IsAsciiLetterOrDigit c || ".-_".Contains c then
                        c
                    else
                        '-')

            draft.Take(key, "job_name", at, text json allowed)
        | _ -> draft.Take(key, "job_name", at, json)

    let private dtype (draft: ImportDraft) key at (json: Json) =
        match json.Value with
        | JString name ->
            let plain = if name.StartsWith "torch." then name.Substring 6 else name

            let evo =
                match plain with
                | "half" -> "float16"
                | "tf32" -> "float32"
                | other -> other

            draft.Take(key, "model.dtype", at, text json evo)
        | _ -> draft.Take(key, "model.dtype", at, json)

    let private kvHeads (draft: ImportDraft) key at (json: Json) =
        let own = draft.Find "model.num_attention_heads" |> Option.map Json.compact

        if draft.Has key then
            draft.Take(key, key, at, json)
        elif own = Some(Json.compact json) then
            draft.Leave(key, "there is one for each query head")
        else
            draft.Miss(key, json, "the family has one for each query head", "use another family")

    let private noBias (draft: ImportDraft) key at (json: Json) =
        match json.Value, List.tryFind draft.FamilyHas [ "bias"; "attention_bias"; "qkv_bias" ] with
        | JBool without, Some name -> draft.Take(key, "model." + name, at, flag json (not without))
        | JBool true, None -> draft.Leave(key, "the family has no biases")
        | _ -> draft.Miss(key, json, "the family has no biases", "")

    let private swiglu (draft: ImportDraft) key at (json: Json) =
        match json.Value with
        | JBool swish when draft.Has "model.hidden_act" ->
            draft.Take(key, "model.hidden_act", at, text json (if swish then "silu" else "gelu_pytorch_tanh"))
        | JBool true -> draft.Leave(key, "the family always has it")
        | _ -> draft.Miss(key, json, "the family has no choice of activation", "")

    let private unitOffset (draft: ImportDraft) key _ (json: Json) =
        match json.Value, draft.Family with
        | JBool offset, Some family when offset = (family = "GEMMA") ->
            draft.Leave(key, "the family GEMMA always has it, others never")
        | _ -> draft.Miss(key, json, "the family GEMMA always has it, others never", "")

    let private ntk (draft: ImportDraft) key at (json: Json) =
        match json.Value with
        | JBool false -> draft.Leave(key, "as if it were not given")
        | JBool true when draft.FamilyHas "rope_type" ->
            draft.Take(key, "model.rope_type", at, text json "dynamic")
        | _ -> draft.Miss(key, json, "is not set so", "model.rope_scaling of type dynamic says this")

    let private ropeType (draft: ImportDraft) key at (json: Json) =
        match json.Value with
        | JString("normal" | "origin") -> draft.Leave(key, "rotary frequencies are as they are")
        | _ when draft.FamilyHas "rope_type" -> draft.Take(key, key, at, json)
        | _ -> draft.Miss(key, json, "is not set so", "model.rope_scaling says this")

    /// InternEvo reads positions beyond the model's longest sequence; Evo refuses them.
    let private positions (draft: ImportDraft) key at (json: Json) =
        match draft.Find "data.seq_len", json.Value with
        | Some({ Value = JNumber length } as data), JNumber given when
            Double.Parse(length, CultureInfo.InvariantCulture) >
                Double.Parse(given, CultureInfo.InvariantCulture)
            ->
            draft.Take(key, key, at, data)
        | _ -> draft.Take(key, key, at, json)

    let private moeType (draft: ImportDraft) key at (json: Json) =
        match json.Value, draft.Has key with
        | JString "MegaBlock-D", true -> draft.Take(key, key, at, text json "Dropless")
        | _, true -> draft.Take(key, key, at, json)
        | _, false -> draft.Leave(key, "the experts of this family are always dropless")

    /// Choices of GShard's gate, under the key that holds them now or under `moe`, which held them once.
    let private gate (draft: ImportDraft) key at (json: Json) =
        let known =
            [
                "capacity_factor"
                "eval_capacity_factor"
                "min_capacity"
                "drop_tokens"
                "noisy_gate_policy"
                "use_rts"
            ]

        let topK =
            match draft.Find "model.top_k", draft.Find "moe.top_k" with
            | Some k, _
            | None, Some k -> Json.compact k
            | _ -> "1"

        let dropless =
            match draft.Find "model.moe_type" with
            | Some { Value = JString kind } -> kind <> "GShard"
            | _ -> false

        let lots = topK = "1" && draft.Says(key + ".drop_tokens", true)

        match json.Value with
        | JObject members ->
            for m in members do
                let from = key + "." + m.Name

                match m.Name with
                | "top_k" -> draft.Take(from, "model.top_k", m.NameAt, m.Content)
                | _ when not (draft.Has "model.moe_layer_kwargs") || dropless ->
                    draft.Leave(from, "these experts are dropless, without a gate's limits")
                | "use_rts" when not lots ->
                    draft.Leave(from, "lots are drawn where each token has one expert and some are dropped")
                | name when List.contains name known ->
                    draft.Take(from, "model.moe_layer_kwargs." + name, m.NameAt, m.Content)
                | _ -> draft.Leave(from, "the gate has no such choice")
        | _ -> draft.Take(key, "model.moe_layer_kwargs", at, json)

    let private extraArguments (draft: ImportDraft) key _ (json: Json) =
        match json.Value with
        | JObject members ->
            for m in members do
                let from = key + "." + m.Name
                let path = "model." + ofHuggingFace m.Name

                if draft.FamilyHas(path.Substring 6) then
                    draft.Take(from, path, m.NameAt, m.Content)
                else
                    draft.Leave(from, "no key of the family")
        | _ -> draft.Miss(key, json, "must be a dict", "")

    let private trainFolder (draft: ImportDraft) key at (json: Json) =
        match json.Value, draft.Find "data.type" with
        | JNull, None -> draft.Take(key, "data.type", at, text json "dummy")
        | JNull, _ -> draft.Leave(key, "None: InternEvo trains on made-up tokens then")
        | _ -> draft.Take(key, key, at, json)

    /// Rows of InternEvo's unpacked layout.
    let private usePacked (draft: ImportDraft) key at (json: Json) =
        match json.Value with
        | JBool false -> draft.Take(key, "data.packing", at, text json "unpacked")
        | _ -> draft.Leave(key, "rows are packed without being told")

    /// `{"code/": 100}` as `["100 code/"]`.
    let private minLengths (draft: ImportDraft) key at (json: Json) =
        match json.Value with
        | JObject [] -> draft.Leave(key, "it names no file")
        | JObject members ->
            let lengths =
                [ for m in members -> text m.Content $"{Json.compact m.Content} {m.Name}" ]

            draft.Take(key, "data.min_lengths", at, { json with Value = JArray lengths })
        | _ -> draft.Miss(key, json, "must be a dict", "")

    /// The seed of InternEvo's sampler.
    let private dataSeed (draft: ImportDraft) key at (json: Json) = draft.Take(key, "seed", at, json)

    let private validEvery (draft: ImportDraft) key at (json: Json) =
        match draft.Find "data.valid_folder" with
        | None
        | Some { Value = JNull } ->
            draft.Leave(key, "there is no data.valid_folder; InternEvo validates on made-up tokens then")
        | _ -> draft.Take(key, key, at, json)

    /// 0 and less are all ranks, as -1 is.
    let private zeroSize (draft: ImportDraft) (key: string) at (json: Json) =
        match json.Value with
        | JNumber digits when digits = "0" || digits.StartsWith '-' ->
            draft.Take(key, key, at, { json with Value = JNumber "-1" })
        | _ -> draft.Take(key, key, at, json)

    let private schedule (draft: ImportDraft) key at (json: Json) =
        match json.Value with
        | JString name -> draft.Take(key, key, at, text json (name.ToUpperInvariant()))
        | _ -> draft.Take(key, key, at, json)

    // ---- checkpoints

    /// The folder that InternEvo's `local:…` names, the address of `boto3:s3://bucket.endpoint/…`; none for other stores.
    let private folder (path: string) =
        if path.StartsWith "local:" then
            Some(path.Substring 6)
        elif path.StartsWith "boto3:s3://" then
            // The endpoint is a matter of the environment (AWS_ENDPOINT_URL).
            let parts = path.Substring("boto3:s3://".Length).Split('/', 2)
            let bucket = parts[0].Split('.')[0]
            Some("s3://" + String.Join("/", bucket :: List.ofArray parts[1..]))
        elif path.StartsWith "boto3:" || path.StartsWith "volc:" || path.StartsWith "oss2:" then
            None
        else
            Some path

    let private saveFolder (draft: ImportDraft) key at (json: Json) =
        match json.Value with
        | JString path ->
            match folder path with
            | Some folder -> draft.Take(key, key, at, text json folder)
            | None when not (draft.Says("ckpt.enable_save_ckpt", true)) ->
                draft.Leave(key, "nothing is saved")
            | None ->
                draft.Miss(
                    key,
                    json,
                    "Evo knows no object stores but those that speak S3",
                    "name a folder, or an address s3://bucket/prefix"
                )
        | _ -> draft.Take(key, key, at, json)

    /// How often something is saved, under one of Evo's keys.
    let private saveEvery (target: string) (draft: ImportDraft) key at (json: Json) =
        match json.Value with
        | _ when not (draft.Says("ckpt.enable_save_ckpt", true)) -> draft.Leave(key, "nothing is saved")
        | JNumber "Infinity" -> draft.Leave(key, "never, which is the same as not being told")
        | _ -> draft.Take(key, target, at, json)

    /// Whether rows of queries and keys lie in pairs, as a truth value, where a configuration says; `find` gives its keys.
    let rowsInPairs (find: string -> Json option) : Json option =
        match find "model.qk_interleaved", find "model.adapt_hf" with
        | Some({ Value = JBool pairs } as said), _ -> Some(flag said pairs)
        | _, Some({ Value = JBool halves } as said) -> Some(flag said (not halves))
        | _ -> None

    let private loadInfo (draft: ImportDraft) key _ (json: Json) =
        let content (value: Json) =
            match value.Value with
            | JString one ->
                { value with
                    Value = JArray [ text value one ]
                }
            | _ -> value

        let layout (from: string) at (value: Json) =
            match value.Value with
            | JString("hf" | "hf_llama" | "hf_model") -> draft.Take(from, from, at, text value "hf")
            | _ -> draft.Take(from, from, at, value)

        let ofInternEvo =
            match Json.tryFind "ckpt_type" json with
            | Some { Value = JString "internevo" } -> true
            | _ -> false

        match json.Value, Json.tryFind "path" json with
        | JObject _, (None | Some { Value = JNull }) -> draft.Leave(key, "it names no checkpoint")
        | JObject members, _ when not (draft.Says("ckpt.auto_resume", true)) ->
            for m in members do
                let from = key + "." + m.Name

                match m.Name, m.Content.Value with
                | "path", JString path ->
                    match folder path with
                    | Some folder -> draft.Take(from, from, m.NameAt, text m.Content folder)
                    | None ->
                        draft.Miss(
                            from,
                            m.Content,
                            "Evo knows no object stores but those that speak S3",
                            "name a folder"
                        )
                | "content", _ ->
                    match (content m.Content).Value with
                    | JArray [ { Value = JString "model" } ] ->
                        draft.Take(from, from, m.NameAt, content m.Content)
                    | _ when ofInternEvo ->
                        draft.Miss(
                            from,
                            m.Content,
                            "of InternEvo's checkpoints only the model is read",
                            "say content=(\"model\",); the optimizer begins anew"
                        )
                    | _ -> draft.Take(from, from, m.NameAt, content m.Content)
                | "ckpt_type", _ -> layout from m.NameAt m.Content
                | _ -> draft.Take(from, from, m.NameAt, m.Content)

            // What the run's model says holds for the checkpoint too, which may not say it.
            match rowsInPairs draft.Find with
            | Some pairs when ofInternEvo -> draft.Set(key + ".qk_interleaved", json.At, pairs)
            | _ -> ()
        | JObject _, _ -> draft.Leave(key, "InternEvo does not read it while ckpt.auto_resume is on")
        | _ -> draft.Miss(key, json, "must be a dict", "")

    /// What is done with a key, by its path: the draft, the path, the place of its name, its value.
    let byKey =
        dict<string, ImportDraft -> string -> Place -> Json -> unit>
            [
                "JOB_NAME", jobName
                "model.dtype", dtype
                "model.num_kv_attention_heads", kvHeads
                "model.no_bias", noBias
                "model.use_swiglu", swiglu
                "model.add_unit_offset", unitOffset
                "model.use_dynamic_ntk_rope", ntk
                "model.rope_type", ropeType
                "model.max_position_embeddings", positions
                "model.moe_type", moeType
                "model.moe_layer_kwargs", gate
                "moe", gate
                "hf.cfg_extra_kwargs", extraArguments
                "data.train_folder", trainFolder
                "data.use_packed_dataset", usePacked
                "data.min_length_dict", minLengths
                "data.seed", dataSeed
                "data.valid_every", validEvery
                "parallel.zero1.size", zeroSize
                "parallel.pipeline.mode", schedule
                "ckpt.save_ckpt_folder", saveFolder
                "ckpt.checkpoint_every", saveEvery "ckpt.checkpoint_every"
                "ckpt.oss_snapshot_freq", saveEvery "ckpt.snapshot_every"
                "ckpt.load_ckpt_info", loadInfo
            ]
