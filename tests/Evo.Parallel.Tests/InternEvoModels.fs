/// Tiny models of InternEvo's families with random numbers, and every layout of ranks that one of them can be saved on.
module Evo.Parallel.Tests.InternEvoModels

open System
open System.Text.Json.Nodes
open Evo.Data
open Evo.Models
open Evo.Parallel
open Evo.Parallel.Tests.InternEvoParts
open FsCheck.FSharp

/// The families, with the keys that each has beside those of all.
let families =
    [
        "INTERNLM", ""
        "INTERNLM2", """, "num_kv_attention_heads": 2 """
        "INTERNLM3", """, "num_kv_attention_heads": 2, "qkv_bias": true, "bias": true """
        "LLAMA2", """, "num_kv_attention_heads": 2 """
        "QWEN2", """, "num_kv_attention_heads": 2 """
        "GEMMA", """, "num_kv_attention_heads": 2, "head_dim": 8, "tie_word_embeddings": false """
        "BAICHUAN2", ""
        "MIXTRALMOE", """, "num_kv_attention_heads": 2, "num_experts": 4, "top_k": 2 """
        "QWEN2MOE",
        """, "num_kv_attention_heads": 2, "num_experts": 4, "top_k": 2, "moe_intermediate_size": 24, "shared_expert_intermediate_size": 48 """
        "INTERNLM_MoE", """, "num_experts": 4, "top_k": 2, "num_shared_experts": 2 """
    ]

let isSparse family =
    List.contains family [ "MIXTRALMOE"; "QWEN2MOE"; "INTERNLM_MoE" ]

/// Families that are fused in every version, and families that never are.
let private alwaysFused = [ "INTERNLM"; "INTERNLM_MoE"; "BAICHUAN2" ]

let private mayBeFused = [ "INTERNLM2"; "LLAMA2" ]

/// A model of a family of so many layers.
let spec family layers : CausalLM =
    let more = families |> List.find (fun (name, _) -> name = family) |> snd

    let keys =
        $$"""{ "vocab_size": 32, "hidden_size": 16, "num_layers": {{layers}}, "num_attention_heads": 4, "intermediate_size": 24,
               "max_position_embeddings": 64 {{more}} }"""

    (nonNull (ModelFamilies.Find family)).FromKeys.Invoke((nonNull (JsonNode.Parse keys)).AsObject())

/// Random numbers for every tensor of a model, by Hugging Face's names.
let numbers seed (spec: CausalLM) : Map<string, Rows> =
    let random = Random(seed: int)

    Map
        [
            for info in spec.Parameters do
                for name in info.HuggingFaceNames do
                    let rows = int info.HuggingFaceShape[0]

                    let columns =
                        if info.HuggingFaceShape.Count > 1 then
                            int info.HuggingFaceShape[1]
                        else
                            1

                    name,
                    [|
                        for _ in 1..rows -> [| for _ in 1..columns -> float32 (random.NextDouble() - 0.5) |]
                    |]
        ]

/// A layout that a family can be saved on, and how many layers its model has.
let layouts family : FsCheck.Gen<Layout * int> =
    gen {
        let! naming = Gen.elements [ Tensor; Tensor; TensorData; TensorWeight; Weight ]

        let! tensor =
            if naming = Weight then
                Gen.constant 1
            else
                Gen.elements [ 1; 2 ]

        let! weight =
            if naming = TensorWeight || naming = Weight then
                Gen.elements [ 1; 2; 4 ]
            else
                Gen.constant 0

        let! stages = Gen.elements [ 1; 2; 3 ]
        let! chunks = Gen.elements [ 1; 2 ]

        let! layers =
            if isSparse family then
                Gen.constant (stages * chunks)
            else
                Gen.choose (stages, stages + 1)

        let! returns = Gen.elements [ true; false ]
        let! pairs = Gen.elements [ true; false ]
        let! tableRows = Gen.elements [ true; false ]
        let! older = Gen.elements [ true; false ]

        let! attention =
            if List.contains family alwaysFused then
                Gen.constant Fused
            elif List.contains family mayBeFused then
                Gen.elements [ Separate; Fused; FusedInThree ]
            else
                Gen.constant Separate

        // Versions with the older order had no stacks of experts.
        let! group = if older then Gen.constant 1 else Gen.elements [ 1; 2; 4 ]
        let! wholeExperts = Gen.elements [ true; false ]

        return
            {
                Naming = naming
                Tensor = tensor
                Weight = weight
                Stages = stages
                Chunks = chunks
                Returns = returns && chunks = 2
                Pairs = pairs
                TableRows = tableRows
                Older = older
                Attention = attention
                Group = group
                WholeExperts = wholeExperts
            },
            (if isSparse family then layers else layers * chunks)
    }

/// One rank, nothing unusual.
let plain =
    {
        Naming = Tensor
        Tensor = 1
        Weight = 0
        Stages = 1
        Chunks = 1
        Returns = false
        Pairs = false
        TableRows = false
        Older = false
        Attention = Separate
        Group = 1
        WholeExperts = false
    }

/// The bytes of a tensor, read in pieces of so many elements.
let bytes (piece: int) (tensor: StoredTensor) =
    let all = Array.zeroCreate<byte>(int tensor.ByteCount)
    let width = 4 * piece

    for at in 0..width .. all.Length - 1 do
        tensor.Read(int64 at, all.AsSpan(at, min width (all.Length - at)))

    all

/// The bytes of rows of numbers.
let ofRows (rows: Rows) =
    [|
        for row in rows do
            for x in row do
                yield! BitConverter.GetBytes x
    |]

/// Names of the tensors that a checkpoint does not give bit for bit.
let different (checkpoint: IStoredTensors) (expected: Map<string, Rows>) =
    [
        for KeyValue(name, rows) in expected do
            match checkpoint.Find name with
            | null -> name + ": missing"
            | found ->
                for piece in [ 1 <<< 20; 7 ] do
                    if bytes piece found <> ofRows rows then
                        $"{found}, in pieces of {piece}"
    ]
