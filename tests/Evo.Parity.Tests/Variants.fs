/// Parity where it is easily lost: packed rows, recomputed layers, replicas with rows of their own, weights spread over more or
/// fewer ranks than tokens, one key-value head, layers that differ.
module Evo.Parity.Tests.Variants

open System
open System.Text.Json.Nodes
open Evo.Models
open Evo.Parallel
open Xunit

let private family (name: string) (json: string) =
    let family = nonNull (ModelFamilies.Find name)
    Small.make (family.FromHuggingFace.Invoke(nonNull (JsonNode.Parse json) :?> JsonObject))

let private check (what: string) (spec: CausalLM) (batch: ParityBatch) (layouts: ParityLayout list) =
    let serial = Parity.Step(spec, ParityLayout.Serial, batch)

    let wrong =
        [
            for layout in layouts do
                yield! Suite.parity spec batch serial layout
        ]

    let text = String.concat "\n" wrong
    Assert.True(wrong.IsEmpty, $"{what}:\n{text}")
    Assert.NotEmpty layouts

let private each degree =
    [
        for mode in Small.modes -> ParityLayout(mode, degree, (if mode = ParallelMode.Isp then degree else 1))
    ]

[<Theory>]
[<InlineData("LLAMA2"); InlineData("BAICHUAN2"); InlineData("MIXTRALMOE"); InlineData("GPT2")>]
let ``packed rows`` (name: string) =
    let spec = family name "{}"
    let batch = ParityBatch.Random(4, spec.Size.VocabSize, 1, 24, [| 0; 9; 10; 24 |])
    check "packed" spec batch (each 2 @ each 4)

[<Theory>]
[<InlineData("LLAMA2"); InlineData("QWEN2MOE")>]
let ``recomputed layers`` (name: string) =
    let spec = family name "{}"
    let batch = Small.batch 6 2 12 spec

    check
        "recomputed"
        spec
        batch
        [
            for layout in each 4 -> ParityLayout(layout.Mode, 4, layout.Weight, Recompute = 0.5)
        ]

[<Theory>]
[<InlineData("LLAMA2"); InlineData("INTERNLM"); InlineData("GEMMA")>]
let ``replicas with rows of their own, and weights over more or fewer ranks than tokens`` (name: string) =
    let spec = family name "{}"
    let batch = Small.batch 8 4 8 spec

    check
        "replicas"
        spec
        batch
        [
            for mode in [ ParallelMode.Mtp; ParallelMode.Msp; ParallelMode.Fsp ] ->
                ParityLayout(mode, 2, 1, 2)
            for sequence, weight, data in [ 2, 4, 2; 4, 2, 2; 2, 1, 4; 2, 8, 4; 1, 2, 2; 1, 4, 4 ] ->
                ParityLayout(ParallelMode.Isp, sequence, weight, data)
        ]

[<Fact>]
let ``tokens that do not divide among the ranks`` () =
    let spec = family "LLAMA2" "{}"
    let batch = Small.batch 12 2 7 spec

    check
        "seven tokens"
        spec
        batch
        [
            for layout in each 2 @ each 4 do
                // An all-to-all deals out even shares.
                if layout.Mode <> ParallelMode.Isp then
                    layout
        ]

[<Fact>]
let ``one key-value head for all ranks`` () =
    let spec = family "QWEN2" "{}" |> Small.with' SizeRole.KvHeads 1
    check "one key-value head" spec (Small.batch 2 2 8 spec) (each 2 @ each 4 @ each 8)

[<Fact>]
let ``every second layer is dense`` () =
    let spec = family "QWEN2MOE" """{ "decoder_sparse_step": 2 }"""
    let spec = spec |> Small.with' SizeRole.Layers 3
    check "layers differ" spec (Small.batch 2 2 8 spec) (each 2 @ each 4)

[<Fact>]
let ``a window shorter than the sequence`` () =
    let spec =
        family "QWEN2" """{ "use_sliding_window": true, "sliding_window": 4, "max_window_layers": 1 }"""

    check "window" spec (Small.batch 2 2 16 spec) (each 2 @ each 8)

[<Fact>]
let ``tied heads`` () =
    for name in [ "LLAMA2"; "GEMMA"; "GPT2"; "QWEN2" ] do
        let spec = family name """{ "tie_word_embeddings": true }"""
        check $"{name} tied" spec (Small.batch 2 2 8 spec) (each 2 @ each 4)
