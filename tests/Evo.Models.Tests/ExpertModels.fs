/// Models with experts: where parts exist, what a checkpoint holds, and what is refused.
module Evo.Models.Tests.ExpertModels

open System
open System.IO
open Evo.Data
open Evo.Models
open Evo.Models.Tests.Golden
open Evo.Models.Tests.Json
open Evo.Parallel
open TorchSharp
open Xunit

let double = torch.ScalarType.Float64

let internlm (changes: (string * string) list) =
    let json =
        parse
            """{ "architectures": ["InternLMMoeForCausalLM"], "model_type": "internlm_moe", "vocab_size": 61, "hidden_size": 24,
                 "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 20, "num_experts": 3, "top_k": 2 }"""

    for key, value in changes do
        json[key] <- Text.Json.Nodes.JsonNode.Parse value

    json

let build json recompute =
    (read json).Build(BuildOptions(Dtype = double, InitSeed = Nullable 3UL, RecomputeFraction = recompute))

let sparseQwen =
    config
        "qwen2_moe"
        [
            "num_hidden_layers", "5"
            "decoder_sparse_step", "2"
            "mlp_only_layers", "[3]"
        ]

[<Fact>]
let ``a dense layer of Qwen2-MoE has an MLP and no experts, a sparse one the contrary`` () =
    let names layer =
        [
            for p in (read sparseQwen).Parameters do
                if p.Layer = Nullable layer then
                    for name in p.HuggingFaceNames do
                        if name.Contains ".mlp." then
                            name.Substring($"model.layers.{layer}.mlp.".Length)
        ]
        |> List.sort

    // Layers 1 and 3 are multiples of two, counted from 1; 3 is listed as dense.
    for layer in [ 0; 2; 3; 4 ] do
        Assert.Equal<string list>([ "down_proj.weight"; "gate_proj.weight"; "up_proj.weight" ], names layer)

    Assert.Equal<string list>(
        List.sort
            [
                "gate.weight"
                "shared_expert_gate.weight"
                for map in [ "down"; "gate"; "up" ] do
                    $"shared_expert.{map}_proj.weight"

                    for e in 0..3 do
                        $"experts.{e}.{map}_proj.weight"
            ],
        names 1
    )

    use model = build sparseQwen 0.0

    Assert.Equal<string list>(
        model.Spec.Parameters |> Seq.map _.Name |> Seq.sort |> List.ofSeq,
        model.state_dict().Keys |> Seq.sort |> List.ofSeq
    )

[<Fact>]
let ``no experts at all make every layer dense`` () =
    Assert.DoesNotContain(
        (read (config "qwen2_moe" [ "num_experts", "0" ])).Parameters,
        fun p -> p.Kind = ParameterKind.Expert
    )

[<Fact>]
let ``the rule of a part holds in every layer that has it`` () =
    // Layer 0 is dense and needs no experts to choose among.
    Assert.Equal<string list>(
        [
            "num_experts_per_tok = 5: must be at most num_experts = 4 (a token chooses among the experts)"
        ],
        refusals (config "qwen2_moe" [ "num_experts_per_tok", "5"; "mlp_only_layers", "[0]" ])
    )

    Assert.Empty(refusals (config "qwen2_moe" [ "num_experts_per_tok", "5"; "mlp_only_layers", "[0, 1]" ]))

[<Fact>]
let ``a checkpoint names InternLM-MoE's weights as InternEvo does`` () =
    let names json =
        [
            for p in (read json).Parameters do
                if p.Layer = Nullable 1 && p.HuggingFaceName.Contains ".mlp." then
                    yield! p.HuggingFaceNames
        ]
        |> List.map _.Substring("model.layers.1.mlp.".Length)
        |> List.sort

    let routed =
        [
            "moe_layer.gate.wg.weight"
            for e in 0..2 do
                for map in [ "w1"; "w2"; "w3" ] do
                    $"moe_layer.experts.wrapped_experts.{e}.{map}.weight"
        ]

    let shared =
        [
            "coefficient.weight"
            "coefficient.bias"
            for map in [ "w1"; "w2"; "w3" ] do
                $"residual_mlp.{map}.weight"
        ]

    Assert.Equal<string list>(List.sort routed, names (internlm []))
    Assert.Equal<string list>(List.sort (routed @ shared), names (internlm [ "moe_use_residual", "true" ]))

    let wide =
        (read (internlm [ "num_shared_experts", "3" ])).Parameters
        |> Seq.find (fun p -> p.Name = "layers.0.shared_down.weight")

    Assert.Equal<int64 list>([ 24L; 60L ], List.ofSeq wide.Shape)

/// Name, type, shape and bytes of every tensor of a folder.
let private bytes folder =
    use files = SafeTensorsFolder.Open folder

    Map
        [
            for name in files.Names do
                match files.Find name with
                | found when found.HasValue ->
                    let struct (file, tensor) = found.Value
                    name, (string tensor.Type, List.ofSeq tensor.Shape, file.Bytes(tensor).ToArray())
                | _ -> ()
        ]

let private written =
    [
        "qwen2_moe", sparseQwen
        "internlm_moe", internlm [ "num_shared_experts", "1" ]
    ]

let models =
    let rows = TheoryData<string>()

    for name, _ in written do
        rows.Add name

    rows

[<Theory; MemberData(nameof models)>]
let ``stacked experts lie one by one in a folder and come back to the bit`` (name: string) =
    let json = written |> List.find (fst >> (=) name) |> snd
    json["torch_dtype"] <- Text.Json.Nodes.JsonValue.Create "float64"
    use model = build json 0.0
    let first = Directory.CreateTempSubdirectory("evo-experts-").FullName
    let second = Directory.CreateTempSubdirectory("evo-experts-").FullName
    HuggingFaceFolder.Save(model, first, maxShardBytes = 20_000L)

    use again = (HuggingFaceFolder.ReadConfig first).Build(BuildOptions(Dtype = double))
    HuggingFaceFolder.LoadWeights(again, first)
    HuggingFaceFolder.Save(again, second)
    Assert.Equal<Map<string, string * int64 list * byte array>>(bytes first, bytes second)
    Assert.Equal<CausalLM>(read json, HuggingFaceFolder.ReadConfig second)

    for a, b in Seq.zip model.Table again.Table do
        Assert.Equal(0.0, (a.Value - b.Value).abs().max().item<double>())

    // The slice of an expert is what its name says.
    let stacked = model.Table |> Seq.find (fun p -> p.Info.Kind = ParameterKind.Expert)
    let held = bytes second
    let _, shape, data = held[stacked.Info.HuggingFaceName.Replace("{expert}", "1")]
    Assert.Equal<int64 list>(List.tail (List.ofSeq stacked.Info.Shape), shape)

    let numbers =
        Array.init (data.Length / 8) (fun i -> BitConverter.ToDouble(data, 8 * i))

    Assert.Equal<float array>(
        stacked.Value.detach().select(0L, 1L).contiguous().data<double>().ToArray(),
        numbers
    )

[<Fact>]
let ``an expert that is missing or misshapen is named`` () =
    use model = build (config "mixtral" []) 0.0
    let folder = Directory.CreateTempSubdirectory("evo-experts-").FullName
    HuggingFaceFolder.Save(model, folder)

    use fewer =
        build (config "mixtral" [ "num_local_experts", "7"; "intermediate_size", "40" ]) 0.0

    let error =
        Assert.Throws<DataException>(fun () -> HuggingFaceFolder.LoadWeights(fewer, folder))

    Assert.Contains("experts.7.w1.weight: unexpected", error.Message)

    Assert.Contains(
        "layers.1.block_sparse_moe.experts.3.w2.weight: is [32, 48], must be [32, 40]",
        error.Message
    )

let private refusalCases =
    [
        "mixtral", [ "sliding_window", "0" ], "sliding_window = 0: must be at least 1"
        "mixtral", [ "router_jitter_noise", "0.1" ], "router_jitter_noise = 0.1: only 0 is supported"
        "mixtral",
        [ "num_experts_per_tok", "9" ],
        "num_experts_per_tok = 9: must be at most num_local_experts = 8"
        "mixtral", [ "num_experts", "9" ], "num_experts = 9: is not a key of this family"
        "qwen2_moe", [ "mlp_only_layers", "[0, -1]" ], "mlp_only_layers holds -1: must be a list of layers"
        "qwen2_moe", [ "mlp_only_layers", "3" ], "mlp_only_layers = 3: must be a list of layers"
        "qwen2_moe", [ "decoder_sparse_step", "0" ], "decoder_sparse_step = 0: must be at least 1"
        "qwen2_moe", [ "num_experts", "-1" ], "num_experts = -1: must be at least 0"
        "",
        [ "moe_layer_kwargs", """{ "noisy_gate_policy": "Gauss" }""" ],
        "moe_layer_kwargs.noisy_gate_policy = \"Gauss\": must be \"Jitter\", \"RSample\" or null"
        "",
        [ "top_k", "3"; "moe_layer_kwargs", """{ "noisy_gate_policy": "RSample" }""" ],
        "draws the first of one expert or the second of two, and top_k is 3"
        "",
        [ "moe_layer_kwargs", """{ "use_rts": true }""" ],
        "moe_layer_kwargs.use_rts = true: draws lots for the places of an expert where each token has one, and top_k is 2"
        "",
        [ "moe_layer_kwargs", """{ "capacity": 2 }""" ],
        "moe_layer_kwargs.capacity = 2: is not a key of GShard's gate"
        "",
        [ "moe_layer_kwargs", """{ "capacity_factor": 0 }""" ],
        "moe_layer_kwargs.capacity_factor = 0: must be a number above 0"
        "",
        [ "moe_type", "\"Dropless\""; "moe_layer_kwargs", "{}" ],
        "moe_layer_kwargs: is about GShard's gate, and moe_type is Dropless"
        "",
        [ "moe_type", "\"MegaBlock\"" ],
        "moe_type = \"MegaBlock\": is not supported; use GShard, Dropless"
        "", [ "num_shared_experts", "-1" ], "num_shared_experts = -1: must be at least 0"
    ]

[<Fact>]
let ``what cannot be honoured is refused by name`` () =
    for folder, changes, line in refusalCases do
        let json =
            if folder = "" then
                internlm changes
            else
                config folder changes

        let found = refusals json
        Assert.True(found.Length = 1 && found.Head.Contains line, $"%A{changes}: %A{found}")

[<Fact>]
let ``a window changes what is beyond it, in the layers that have it`` () =
    let hidden folder changes =
        use model = build (config folder changes) 0.0
        use ids = torch.randint (61L, [| 1L; 9L |], generator = new torch.Generator(4UL))
        use at = Positions.Sequential(1, 9)
        use _ = torch.no_grad ()
        let states = Collections.Generic.List<torch.Tensor>()
        model.Hidden(ids, at, states) |> ignore
        [ for state in states -> state.data<double>().ToArray() ]

    // States: the input of layer 0, its output, that of layer 1.
    let differs folder changes =
        List.map2 (<>) (hidden folder []) (hidden folder changes)

    let window first =
        [
            "use_sliding_window", "true"
            "sliding_window", "3"
            "max_window_layers", first
        ]

    Assert.Equal<bool list>([ false; true; true ], differs "mixtral" [ "sliding_window", "3" ])
    Assert.Equal<bool list>([ false; false; false ], differs "mixtral" [ "sliding_window", "9" ])
    Assert.Equal<bool list>([ false; true; true ], differs "qwen2_moe" (window "0"))
    Assert.Equal<bool list>([ false; false; true ], differs "qwen2_moe" (window "1"))
    Assert.Equal<bool list>([ false; false; false ], differs "qwen2_moe" (window "2"))
