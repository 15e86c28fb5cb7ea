/// Experts dealt out over every number of ranks of the tensor and data axes give what one device gives, the routers' losses
/// among it, and where experts have no room for all, the same tokens are dropped.
module Evo.Parity.Tests.ExpertLayouts

open System
open System.Text.Json.Nodes
open Evo.Models
open Evo.Parallel
open Xunit

let private family (name: string) (json: string) =
    let family = nonNull (ModelFamilies.Find name)
    Small.make (family.FromHuggingFace.Invoke(nonNull (JsonNode.Parse json) :?> JsonObject))

/// Every mode, degree, number of replicas and number of ranks for experts, up to a world.
let private layouts worlds =
    [
        for tensor in [ 1; 2; 4; 8 ] do
            for data in [ 1; 2; 4; 8 ] do
                if List.contains (tensor * data) worlds then
                    for experts in [ 1; 2; 4; 8 ] do
                        if data % experts = 0 then
                            ParityLayout(ParallelMode.Mtp, tensor, Data = data, Expert = experts)

                        if tensor * data % experts = 0 then
                            if tensor > 1 then
                                ParityLayout(
                                    ParallelMode.Mtp,
                                    tensor,
                                    Data = data,
                                    Expert = experts,
                                    NoTp = true
                                )

                            ParityLayout(ParallelMode.Msp, tensor, Data = data, Expert = experts)
                            ParityLayout(ParallelMode.Fsp, tensor, Data = data, Expert = experts)

                            for weight in List.distinct [ tensor; data ] do
                                ParityLayout(ParallelMode.Isp, tensor, weight, data, Expert = experts)
    ]

let private check (what: string) (spec: CausalLM) (batch: ParityBatch) (layouts: ParityLayout list) =
    let serial = Parity.Step(spec, ParityLayout.Serial, batch)
    Assert.NotEmpty serial.Auxiliary

    let wrong =
        [
            for layout in layouts do
                yield! Suite.parity spec batch serial layout
        ]

    Steps.none $"{what}, {layouts.Length} layouts" wrong
    Assert.NotEmpty layouts
    Console.WriteLine $"{what}: {layouts.Length} layouts"

[<Theory>]
[<InlineData("MIXTRALMOE"); InlineData("QWEN2MOE"); InlineData("INTERNLM_MoE")>]
let ``experts over every number of two and four ranks`` (name: string) =
    let spec = family name "{}"
    check name spec (Small.batch 3 4 8 spec) (layouts [ 2; 4 ])

[<Theory; Trait("Category", "Full")>]
[<InlineData("MIXTRALMOE"); InlineData("QWEN2MOE"); InlineData("INTERNLM_MoE")>]
let ``experts over every number of eight ranks`` (name: string) =
    let spec = family name "{}"
    check name spec (Small.batch 4 8 8 spec) (layouts [ 8 ])

/// Some layouts of eight ranks in which experts lie across both axes.
let private across =
    [
        ParityLayout(ParallelMode.Mtp, 2, Data = 4, Expert = 4)
        ParityLayout(ParallelMode.Mtp, 4, Data = 2, Expert = 8, NoTp = true)
        ParityLayout(ParallelMode.Msp, 2, Data = 4, Expert = 4)
        ParityLayout(ParallelMode.Fsp, 4, Data = 2, Expert = 8)
        ParityLayout(ParallelMode.Isp, 4, 2, 2, Expert = 8)
        ParityLayout(ParallelMode.Isp, 2, 8, 4, Expert = 1)
    ]

[<Theory>]
[<InlineData("MIXTRALMOE", "{}")>]
[<InlineData("QWEN2MOE", "{}")>]
[<InlineData("INTERNLM_MoE", """{ "top_k": 1, "num_experts": 8 }""")>]
[<InlineData("INTERNLM_MoE",
             """{ "num_shared_experts": 1, "num_experts": 8, "moe_layer_kwargs": { "capacity_factor": 0.5 } }""")>]
[<InlineData("INTERNLM_MoE",
             """{ "num_experts": 8, "moe_layer_kwargs": { "noisy_gate_policy": "RSample" } }""")>]
[<InlineData("INTERNLM_MoE", """{ "moe_type": "Dropless", "num_experts": 8 }""")>]
let ``experts across both axes, recomputed too`` (name: string) (json: string) =
    let spec = family name json
    let batch = Small.batch 5 8 8 spec

    check
        name
        spec
        batch
        (across
         @ [
             for layout in across ->
                 ParityLayout(
                     layout.Mode,
                     layout.Tensor,
                     layout.Weight,
                     layout.Data,
                     true,
                     1.0,
                     layout.Expert,
                     layout.NoTp
                 )
         ])

[<Fact>]
let ``one choice, with jitter and by lot`` () =
    let spec =
        family
            "INTERNLM_MoE"
            """{ "top_k": 1, "num_experts": 8, "moe_layer_kwargs": { "noisy_gate_policy": "Jitter", "use_rts": true, "min_capacity": 1, "capacity_factor": 0.5 } }"""
        |> Small.with' SizeRole.Choices 1

    check "one choice by lot" spec (Small.batch 6 8 8 spec) across

[<Fact>]
let ``more choices than two`` () =
    let spec =
        family "INTERNLM_MoE" """{ "num_experts": 8, "moe_layer_kwargs": { "capacity_factor": 0.5 } }"""
        |> Small.with' SizeRole.Choices 4

    check "four choices" spec (Small.batch 6 8 8 spec) across

[<Fact>]
let ``a capacity drops tokens in these comparisons`` () =
    let batch = Small.batch 3 4 8 (family "INTERNLM_MoE" "{}")

    let loss json =
        Parity.Step(family "INTERNLM_MoE" json, ParityLayout.Serial, batch).Loss

    let wide = """{ "moe_layer_kwargs": { "capacity_factor": 100 } }"""
    Assert.NotEqual(loss wide, loss "{}")

[<Fact>]
let ``packed rows of replicas`` () =
    // Two replicas need two rows; packed sequences are one: tokens of one replica, spread over the tensor axis.
    let spec = family "INTERNLM_MoE" "{}"
    let batch = ParityBatch.Random(4, spec.Size.VocabSize, 1, 24, [| 0; 9; 10; 24 |])

    check
        "packed"
        spec
        batch
        [
            ParityLayout(ParallelMode.Mtp, 4, Expert = 2, NoTp = true)
            ParityLayout(ParallelMode.Msp, 4, Expert = 2)
            ParityLayout(ParallelMode.Isp, 4, 2, Expert = 4)
        ]

[<Fact>]
let ``experts that are not a multiple of their ranks are refused`` () =
    let spec = family "MIXTRALMOE" "{}" |> Small.with' SizeRole.Experts 6
    let layout = ParityLayout(ParallelMode.Msp, 4, Expert = 4)

    let error =
        Assert.ThrowsAny<Exception>(fun () -> Parity.Step(spec, layout, Small.batch 1 1 8 spec) |> ignore)

    Assert.Contains("the 6 experts of", error.ToString())
    Assert.Contains("are not dealt out to 4 ranks", error.ToString())

[<Fact>]
let ``each parameter says over which ranks its gradient is still to be added up`` () =
    let spec = family "MIXTRALMOE" "{}"

    for mode in Small.modes do
        for p in spec.Parameters do
            let expected =
                match p.Kind, mode with
                | ParameterKind.Expert, _ -> GradientSumAxis.ExpertData
                | (ParameterKind.Matrix | ParameterKind.Embedding), ParallelMode.Isp ->
                    GradientSumAxis.WeightData
                | _ -> GradientSumAxis.Data

            Assert.Equal(expected, ParameterLayout.ReducedOver(p, mode))
