/// A model's tensors as InternEvo names and shapes them, and how it shares each out, before any rank has its own.
module Evo.Parallel.Tests.InternEvoParts

open System
open Evo.Models

/// A tensor as its rows; a vector's are single numbers.
type Rows = float32[][]

/// How InternEvo names and shares out the files of a checkpoint.
type Naming =
    /// mtp, msp and fsp: `model_tp{t}_pp{p}.pt`.
    | Tensor
    /// FSDP that shards nothing: `model_tp{t}_pp{p}_dp{d}.pt`.
    | TensorData
    /// isp of older versions, whose table and head lie on the tensor axis: `model_tp{t}_wp{w}_pp{p}.pt`.
    | TensorWeight
    /// isp of newer ones: `model_wp{w}_pp{p}.pt`.
    | Weight

/// How queries, keys and values are kept.
type Attention =
    | Separate
    | Fused
    /// One matrix, saved under the three names.
    | FusedInThree

type Layout =
    {
        Naming: Naming
        Tensor: int
        Weight: int
        Stages: int
        Chunks: int
        /// Whether the second chunks lie on the stages in the reverse order.
        Returns: bool
        /// Whether rows of queries and keys lie in pairs.
        Pairs: bool
        /// Whether the table of embeddings is split along the vocabulary.
        TableRows: bool
        /// Whether w2 is up and w3 is down.
        Older: bool
        Attention: Attention
        /// Experts saved as one stack; 1 saves each by itself.
        Group: int
        /// Whether experts are whole on every rank.
        WholeExperts: bool
    }

/// How a tensor is shared out.
type Split =
    | Whole
    | Column
    | Row
    | RowBias
    | Table
    | Head
    /// Blocks of rows that each tensor-parallel rank has a part of.
    | Blocks of Rows list

/// A tensor of a layer, or of none, by InternEvo's name.
type Part =
    {
        Layer: int option
        Name: string
        Value: Rows
        IsVector: bool
        Split: Split
    }

let part (count: int) (index: int) (rows: Rows) : Rows =
    let size = rows.Length / count
    rows[index * size .. (index + 1) * size - 1]

let columns (count: int) (index: int) (rows: Rows) : Rows =
    let size = rows[0].Length / count
    rows |> Array.map (fun row -> row[index * size .. (index + 1) * size - 1])

let turned (rows: Rows) : Rows =
    [| for c in 0 .. rows[0].Length - 1 -> [| for row in rows -> row[c] |] |]

/// Families that InternEvo wrote with InternLM's names.
let isFirst family =
    List.contains family [ "INTERNLM"; "INTERNLM_MoE"; "MIXTRALMOE" ]

/// Families whose fused rows are all queries, all keys, all values.
let private isOfBlocks family =
    List.contains family [ "INTERNLM"; "INTERNLM_MoE"; "BAICHUAN2" ]

/// Hugging Face's halves of a head as pairs.
let private inPairs size (rows: Rows) : Rows =
    rows
    |> Array.chunkBySize size
    |> Array.collect (fun head ->
        [|
            for i in 0 .. size / 2 - 1 do
                head[i]
                head[size / 2 + i]
        |])

/// Queries, keys and values of a layer by Hugging Face's names; none where the model has no such tensors.
let private attention (spec: CausalLM) (find: string -> Rows option) prefix suffix =
    let size = spec.Size
    let heads, kv, d = size.HeadCount, size.KvHeadCount, size.HeadSize
    let one name = find $"{prefix}{name}.{suffix}"

    match one "self_attn.q_proj", one "self_attn.W_pack", one "attention.wqkv" with
    | Some q, _, _ -> Some(q, (one "self_attn.k_proj").Value, (one "self_attn.v_proj").Value)
    | _, Some pack, _ ->
        Some(pack[.. heads * d - 1], pack[heads * d .. (heads + kv) * d - 1], pack[(heads + kv) * d ..])
    | _, _, Some groups ->
        let each = groups |> Array.chunkBySize (heads / kv * d + 2 * d)

        let own first count =
            each |> Array.collect (fun group -> Array.sub group first count)

        Some(own 0 (heads / kv * d), own (heads / kv * d) d, own (heads / kv * d + d) d)
    | _ -> None

let private fusedRows (spec: CausalLM) (q: Rows, k: Rows, v: Rows) =
    if isOfBlocks spec.Family.Name then
        Array.concat [ q; k; v ]
    else
        let kv = spec.Size.KvHeadCount

        Array.concat
            [
                for i in 0 .. kv - 1 -> Array.concat [ part kv i q; part kv i k; part kv i v ]
            ]

/// The parts of a model, those of experts apart: layer, expert, map, rows.
let parts (spec: CausalLM) (layout: Layout) (find: string -> Rows option) =
    let family = spec.Family.Name
    let first = isFirst family
    let pick a b = if first then a else b
    let ofAttention, ofMlp = pick "mixer" "attention", pick "mlp" "feed_forward"
    let up, down = if layout.Older then ("w2", "w3") else ("w3", "w2")

    let make layer (name: string) split (names: string list) =
        [
            for suffix in [ "weight"; "bias" ] do
                match names |> List.tryPick (fun name -> find $"{name}.{suffix}") with
                | Some value ->
                    {
                        Layer = layer
                        Name = $"{name}.{suffix}"
                        Value = value
                        IsVector = suffix = "bias" || name.Contains "norm"
                        Split =
                            match split, suffix with
                            | Row, "bias" -> RowBias
                            | split, _ -> split
                    }
                | None -> ()
        ]

    let attentionParts layer prefix =
        [
            for suffix in [ "weight"; "bias" ] do
                match attention spec find prefix suffix with
                | None -> ()
                | Some(q, k, v) ->
                    let pairs rows =
                        if layout.Pairs then
                            inPairs spec.Size.HeadSize rows
                        else
                            rows

                    let q, k = pairs q, pairs k

                    let one name value split =
                        {
                            Layer = Some layer
                            Name = $"{ofAttention}.{name}.{suffix}"
                            Value = value
                            IsVector = suffix = "bias"
                            Split = split
                        }

                    match layout.Attention with
                    | Separate ->
                        one "wq" q Column
                        one "wk" k Column
                        one "wv" v Column
                    | Fused
                    | FusedInThree ->
                        let name = if first then "Wqkv" else "wqkv"
                        let split = if isOfBlocks family then Blocks [ q; k; v ] else Column
                        one name (fusedRows spec (q, k, v)) split
        ]

    let layerParts layer =
        let prefix = $"model.layers.{layer}."
        let at = Some layer

        let ofHuggingFace names =
            names |> List.map (fun name -> prefix + name)

        let add name split names =
            make at name split (ofHuggingFace names)

        [
            yield! attentionParts layer prefix

            // Older versions save them beside the weights.
            if layout.Older then
                {
                    Layer = at
                    Name = $"{ofAttention}.rotary_emb.inv_freq"
                    Value = [| [| 1.0f |]; [| 0.5f |] |]
                    IsVector = true
                    Split = Whole
                }

            yield!
                add
                    $"""{ofAttention}.{(if isOfBlocks family then "out_proj" else "wo")}"""
                    Row
                    [ "self_attn.o_proj"; "attention.wo" ]
            yield! add (pick "norm1" "attention_norm") Whole [ "input_layernorm"; "attention_norm" ]
            yield! add (pick "norm2" "ffn_norm") Whole [ "post_attention_layernorm"; "ffn_norm" ]
            yield! add $"{ofMlp}.w1" Column [ "mlp.gate_proj"; "feed_forward.w1" ]
            yield! add $"{ofMlp}.{up}" Column [ "mlp.up_proj"; "feed_forward.w3" ]
            yield! add $"{ofMlp}.{down}" Row [ "mlp.down_proj"; "feed_forward.w2" ]
            yield!
                add
                    $"{ofMlp}.moe_layer.gate.wg"
                    Whole
                    [ "mlp.gate"; "block_sparse_moe.gate"; "mlp.moe_layer.gate.wg" ]
            yield! add $"{ofMlp}.coefficient" Whole [ "mlp.coefficient"; "mlp.shared_expert_gate" ]
            yield!
                add $"{ofMlp}.residual_mlp.w1" Column [ "mlp.residual_mlp.w1"; "mlp.shared_expert.gate_proj" ]
            yield!
                add $"{ofMlp}.residual_mlp.{up}" Column [ "mlp.residual_mlp.w3"; "mlp.shared_expert.up_proj" ]
            yield!
                add
                    $"{ofMlp}.residual_mlp.{down}"
                    Row
                    [ "mlp.residual_mlp.w2"; "mlp.shared_expert.down_proj" ]
        ]

    let table =
        if layout.TableRows && not first then
            "tok_embeddings.word_embeddings"
        else
            pick "embedding" "tok_embeddings"

    let experts =
        let map layer e names =
            names
            |> List.tryPick (fun name -> find $"""model.layers.{layer}.{String.Format(name, box e)}.weight""")

        [
            for layer in 0 .. spec.Size.LayerCount - 1 do
                for name, split, names in
                    [
                        "w1",
                        Column,
                        [
                            "mlp.experts.{0}.gate_proj"
                            "block_sparse_moe.experts.{0}.w1"
                            "mlp.moe_layer.experts.wrapped_experts.{0}.w1"
                        ]
                        up,
                        Column,
                        [
                            "mlp.experts.{0}.up_proj"
                            "block_sparse_moe.experts.{0}.w3"
                            "mlp.moe_layer.experts.wrapped_experts.{0}.w3"
                        ]
                        down,
                        Row,
                        [
                            "mlp.experts.{0}.down_proj"
                            "block_sparse_moe.experts.{0}.w2"
                            "mlp.moe_layer.experts.wrapped_experts.{0}.w2"
                        ]
                    ] do
                    let all =
                        Seq.initInfinite (fun e -> map layer e names)
                        |> Seq.takeWhile Option.isSome
                        |> Seq.map Option.get
                        |> List.ofSeq

                    if not all.IsEmpty then
                        layer, $"{ofMlp}.moe_layer.experts.wrapped_experts", name, split, all
        ]

    [
        yield! make None table Table [ "model.embed_tokens"; "model.tok_embeddings" ]
        for layer in 0 .. spec.Size.LayerCount - 1 do
            yield! layerParts layer
        yield! make None "norm" Whole [ "model.norm" ]
        yield! make None (pick "head" "output") Head [ "lm_head"; "output" ]
    ],
    experts
