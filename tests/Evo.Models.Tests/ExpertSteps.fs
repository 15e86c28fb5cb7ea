/// Models with experts at work: recomputed layers, auxiliary losses, operations, and the keys of a run.
module Evo.Models.Tests.ExpertSteps

open System
open System.IO
open Evo.Data
open Evo.Models
open Evo.Models.Tests.ExpertModels
open Evo.Models.Tests.Golden
open Evo.Models.Tests.Json
open Evo.Parallel
open TorchSharp
open Xunit

/// Loss with both auxiliary parts, and every gradient.
let private step json recompute =
    use model = build json recompute
    model.train ()
    use ids = torch.randint (61L, [| 1L; 14L |], generator = new torch.Generator(9UL))
    use borders = torch.tensor ([| 0; 5; 14 |])

    use places =
        torch.tensor (
            [|
                for n in [ 5; 9 ] do
                    yield! [| 0L .. int64 n - 1L |]
            |]
        )

    use at = Positions.Packed(borders, places)
    use _ = torch.NewDisposeScope()
    let struct (sum, _, _, _, auxiliary) = model.LossWithRouters(ids, ids, at)
    let auxiliary = nonNull auxiliary
    let total = sum + 0.3 * auxiliary.Balance + 0.1 * auxiliary.Z
    total.backward ()

    total.item<double>(),
    auxiliary.Balance.item<double>(),
    [
        for p in model.Table -> p.Info.Name, (nonNull p.Value.grad).cpu().data<double>().ToArray()
    ]

let private moe =
    [
        config "mixtral" []
        config "qwen2_moe" []
        sparseQwen
        internlm
            [
                "moe_use_residual", "true"
                "moe_layer_kwargs", """{ "capacity_factor": 0.5, "min_capacity": 1 }"""
            ]
        internlm [ "moe_type", "\"Dropless\"" ]
    ]

[<Fact>]
let ``recomputed layers give the same auxiliary losses and gradients to the bit`` () =
    for json in moe do
        let plain = step json 0.0
        Assert.Equal(plain, step json 0.5)
        Assert.Equal(plain, step json 1.0)

[<Fact>]
let ``the balance loss reaches the routers of recomputed layers`` () =
    for json in moe do
        use model = build json 1.0
        model.train ()
        use ids = torch.randint (61L, [| 1L; 9L |], generator = new torch.Generator(9UL))
        use at = Positions.Sequential(1, 9)
        use _ = torch.NewDisposeScope()
        let struct (_, _, _, _, auxiliary) = model.LossWithRouters(ids, ids, at)
        (nonNull auxiliary).Balance.backward()

        for p in model.Table do
            if p.Info.Kind = ParameterKind.Router then
                Assert.True((nonNull p.Value.grad).abs().max().item<double>() > 0.0, p.Info.Name)

[<Fact>]
let ``outside of training GShard's gate takes its other factor`` () =
    let json =
        internlm
            [
                "moe_layer_kwargs",
                """{ "capacity_factor": 0.1, "min_capacity": 1, "eval_capacity_factor": 9 }"""
            ]

    use model = build json 0.0

    use free =
        build (internlm [ "moe_layer_kwargs", """{ "drop_tokens": false }""" ]) 0.0

    use ids = torch.randint (61L, [| 1L; 12L |])
    use at = Positions.Sequential(1, 12)
    use _ = torch.NewDisposeScope()
    use _ = torch.no_grad ()
    let apart (a: torch.Tensor) (b: torch.Tensor) = (a - b).abs().max().item<double>()
    let unlimited = free.Hidden(ids, at)
    model.train ()
    Assert.True(apart (model.Hidden(ids, at)) unlimited > 0.0)
    model.eval ()
    Assert.Equal(0.0, apart (model.Hidden(ids, at)) unlimited)

[<Fact>]
let ``operations and parameters of a token are those of its own experts`` () =
    let spec = read (config "mixtral" [])
    // Per token and layer: q and o 32 × 32, k and v 32 × 16, the router 32 × 8, two experts of three 32 × 48; the head 32 × 136.
    let weights = 2 * (2 * 32 * 32 + 2 * 32 * 16 + 32 * 8 + 2 * 3 * 32 * 48) + 32 * 136
    Assert.Equal(2.0 * 10.0 * float weights, spec.FlopsPerStep(1L, 10L).Matrices)
    Assert.Equal(89248L, spec.ParameterCount)
    Assert.Equal(89248L - 2L * 6L * 3L * 32L * 48L, spec.ActiveParameterCount)
    let found = Inspection.Of spec
    Assert.Equal(spec.ActiveParameterCount, found.ActiveCount)
    Assert.Equal(ModelSize(136, 32, 2, 4, 2, 8, 48, 32768, true, 2), spec.Size)

[<Fact>]
let ``routers and experts decay as matrices do`` () =
    for p in (read (config "qwen2_moe" [])).Parameters do
        Assert.Equal(not (p.Kind = ParameterKind.Norm || p.Kind = ParameterKind.Bias), p.Decays)

    Assert.Equal(
        2,
        (read (config "qwen2_moe" [])).Parameters
        |> Seq.filter (fun p -> p.Kind = ParameterKind.Router)
        |> Seq.length
    )

[<Fact>]
let ``InternEvo's keys of a run make the sizes of its configurations`` () =
    let spec family text =
        (Json.family family).FromKeys.Invoke(parse text)

    match
        spec
            "QWEN2MOE"
            """{ "vocab_size": 100, "hidden_size": 3584, "num_layers": 1, "num_attention_heads": 28, "num_kv_attention_heads": 4,
                 "mlp_ratio": 0.7142857142857143, "num_experts": 64, "top_k": 8, "num_shared_experts": 8 }"""
    with
    | :? Qwen2Moe as model ->
        Assert.Equal(
            (2560, 20480, 64, 8),
            (model.ExpertSize, model.SharedSize, model.ExpertCount, model.TopK)
        )
    | other -> failwith $"{other}"

    match
        spec
            "INTERNLM_MoE"
            """{ "vocab_size": 100, "hidden_size": 4096, "num_layers": 1, "num_attention_heads": 32, "mlp_ratio": 1.3333333333333333,
                 "num_experts": 4, "top_k": 2, "num_shared_experts": 0, "moe_use_residual": false, "moe_type": "GShard" }"""
    with
    | :? InternLMMoe as model ->
        Assert.Equal((5632, 4, 2), (model.IntermediateSize, model.ExpertCount, model.TopK))
    | other -> failwith $"{other}"
