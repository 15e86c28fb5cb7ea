/// The keys that InternLM, InternLM3, Qwen2, Gemma and Baichuan2 have of their own: each honoured, or refused by name.
module Evo.Models.Tests.DenseKeys

open System.Text.Json.Nodes
open Evo.Models
open Evo.Models.Tests.Json
open Xunit

[<Theory>]
[<InlineData("internlm", "num_key_value_heads", "2", "num_key_value_heads = 2: is not a key of this family")>]
[<InlineData("internlm", "head_dim", "8", "head_dim = 8: is not a key of this family")>]
[<InlineData("internlm",
             "rotary",
             """{ "base": 10000, "type": "linear" }""",
             "rotary.type = \"linear\": is not supported; use origin, dynamic")>]
[<InlineData("internlm",
             "rotary",
             """{ "base": -1, "type": "origin" }""",
             "rotary.base = -1: must be greater than 0")>]
[<InlineData("internlm",
             "rotary",
             """{ "base": 10000, "type": "dynamic", "scaling_factr": 2 }""",
             "rotary.scaling_factr = 2: is not a key of this family; did you mean rotary.scaling_factor?")>]
[<InlineData("internlm", "rotary", "null", "rotary = null: must be an object")>]
[<InlineData("internlm", "rope_scaling", "null", "rope_scaling = null: is not a key of this family")>]
[<InlineData("internlm3", "attention_bias", "true", "attention_bias = true: is not a key of this family")>]
[<InlineData("internlm3", "bias", "1", "bias = 1: must be true or false")>]
[<InlineData("internlm3",
             "num_key_value_heads",
             "3",
             "num_key_value_heads = 3: must divide num_attention_heads = 4")>]
[<InlineData("internlm3",
             "rope_scaling",
             """{ "rope_type": "yarn", "factor": 2 }""",
             "rope_scaling.rope_type = \"yarn\": is not supported")>]
[<InlineData("qwen2", "sliding_window", "0", "sliding_window = 0: must be at least 1")>]
[<InlineData("qwen2", "max_window_layers", "-1", "max_window_layers = -1: must be at least 0")>]
[<InlineData("qwen2", "attention_bias", "false", "attention_bias = false: is not a key of this family")>]
[<InlineData("qwen2",
             "layer_types",
             """["full_attention"]""",
             "layer_types = [\"full_attention\"]: is not a key of this family")>]
[<InlineData("gemma", "hidden_activation", "\"mish\"", "hidden_activation = \"mish\": is not supported")>]
[<InlineData("gemma",
             "hidden_act",
             "\"relu\"",
             "hidden_act = \"relu\": hidden_activation decides, and is gelu_pytorch_tanh")>]
[<InlineData("gemma", "head_dim", "null", "head_dim = null")>]
[<InlineData("gemma", "head_dim", "15", "head_dim = 15: rotary positions need an even head size")>]
[<InlineData("baichuan2_7b",
             "z_loss_weight",
             "0.1",
             "z_loss_weight = 0.1: only 0 is supported: a run's z-loss (loss.z_loss_coeff) is of the softmax's denominator, not of the largest logit")>]
[<InlineData("baichuan2_7b",
             "num_key_value_heads",
             "4",
             "num_key_value_heads = 4: is not a key of this family")>]
[<InlineData("baichuan2_13b",
             "num_attention_heads",
             "5",
             "num_attention_heads = 5: must divide hidden_size = 64")>]
let ``a value that cannot be honoured is refused by name``
    (folder: string, key: string, value: string, expected: string)
    =
    Assert.Contains(expected, List.exactlyOne (refusals (config folder [ key, value ])))

[<Theory>]
[<InlineData("internlm", "attn_implementation", "\"eager\"")>]
[<InlineData("gemma", "hidden_act", "\"gelu\"")>]
[<InlineData("baichuan2_7b", "_from_model_config", "true")>]
[<InlineData("baichuan2_7b", "gradient_checkpointing", "[false]")>]
[<InlineData("baichuan2_13b", "z_loss_weight", "0.0")>]
[<InlineData("baichuan2_13b", "model_max_length", "8192")>]
let ``a key that changes nothing passes and comes back`` (folder: string, key: string, value: string) =
    let before, after = read (config folder []), read (config folder [ key, value ])
    Assert.Equal(before.ParameterCount, after.ParameterCount)

    Assert.Equal(
        (nonNull (JsonNode.Parse value)).ToJsonString(),
        (nonNull (after.ToHuggingFace()[key])).ToJsonString()
    )

/// The logical names of a model's biases, those of its first layer.
let private biases folder changes =
    [
        for p in (read (config folder changes)).Parameters do
            if p.Kind = ParameterKind.Bias && p.Layer = System.Nullable 0 then
                p.HuggingFaceName.Replace("model.layers.0.", "").Replace(".bias", "")
    ]

[<Fact>]
let ``each bias key gives biases to its own maps`` () =
    let qkv = [ "self_attn.q_proj"; "self_attn.k_proj"; "self_attn.v_proj" ]

    let out, mlp =
        [ "self_attn.o_proj" ], [ "mlp.gate_proj"; "mlp.up_proj"; "mlp.down_proj" ]

    let same (expected: string list) (found: string list) =
        Assert.Equal<Set<string>>(set expected, set found)

    same (qkv @ out) (biases "internlm" [])
    same [] (biases "internlm" [ "bias", "false" ])
    same [] (biases "internlm3" [])
    same qkv (biases "internlm3" [ "qkv_bias", "true" ])
    same (out @ mlp) (biases "internlm3" [ "bias", "true" ])
    same qkv (biases "qwen2" [])
    same out (biases "qwen2" [ "qkv_bias", "false"; "o_bias", "true" ])
    same (qkv @ mlp) (biases "qwen2" [ "mlp_bias", "true" ])
    same [] (biases "gemma" [])
    same (qkv @ out) (biases "gemma" [ "attention_bias", "true" ])
    same [] (biases "baichuan2_7b" [])

[<Fact>]
let ``absent keys have their configuration class's defaults`` () =
    let empty architecture =
        read (parse $"""{{ "architectures": ["{architecture}"] }}""")

    let internlm = empty "InternLMForCausalLM" :?> InternLM

    Assert.Equal(
        (103168, 11008, 2048, true, "dynamic", 10000.0),
        (internlm.VocabSize,
         internlm.IntermediateSize,
         internlm.MaxPositions,
         internlm.Bias,
         internlm.RopeType,
         internlm.RopeTheta)
    )

    let internlm3 = empty "InternLM3ForCausalLM" :?> InternLM3

    Assert.Equal(
        (128512, 32768, false, false),
        (internlm3.VocabSize, internlm3.MaxPositions, internlm3.Bias, internlm3.QkvBias)
    )

    let qwen2 = empty "Qwen2ForCausalLM" :?> Qwen2

    Assert.Equal(
        (151936, 22016, 32768, false, 28),
        (qwen2.VocabSize, qwen2.IntermediateSize, qwen2.MaxPositions, qwen2.UseSlidingWindow, qwen2.FullLayers)
    )

    // Gemma 7B and Baichuan2 7B are their classes' defaults; their sizes are published.
    Assert.Equal(8_537_680_896L, (empty "GemmaForCausalLM").ParameterCount)
    Assert.Equal(7_505_973_248L, (empty "BaichuanForCausalLM").ParameterCount)

[<Fact>]
let ``max_position_embeddings tells the two forms of Baichuan2 apart`` () =
    let alibi json =
        (read json :?> Baichuan2).MaxPositions.HasValue |> not

    Assert.False(alibi (config "baichuan2_7b" []))
    Assert.True(alibi (config "baichuan2_13b" []))
    Assert.True(alibi (config "baichuan2_7b" [ "max_position_embeddings", "null" ]))

    let run text =
        (family "BAICHUAN2").FromKeys.Invoke(parse text) :?> Baichuan2

    let sizes =
        """"num_layers": 40, "hidden_size": 5120, "num_attention_heads": 40, "intermediate_size": 13696, "vocab_size": 125696"""

    Assert.Equal(System.Nullable 2048, (run $"{{ {sizes} }}").MaxPositions)
    let larger = run $"""{{ {sizes}, "max_position_embeddings": null }}"""
    Assert.False larger.MaxPositions.HasValue
    // Baichuan2-13B as published.
    Assert.Equal(13_896_668_160L, larger.ParameterCount)

[<Fact>]
let ``a run's keys have InternEvo's names and mean what config.json means`` () =
    let sizes =
        """"num_layers": 2, "hidden_size": 64, "num_attention_heads": 4, "intermediate_size": 96, "vocab_size": 160"""

    let run family text =
        (Json.family family).FromKeys.Invoke(parse $"{{ {sizes}, {text} }}").ToHuggingFace()

    let holds (json: JsonObject) (expected: (string * string) list) =
        for key, value in expected do
            Assert.Equal(value, (nonNull json[key]).ToJsonString())

    holds
        (run
            "INTERNLM"
            """"bias": false, "rope_base": 500, "rope_type": "dynamic", "rope_scaling_factor": 2""")
        [
            "bias", "false"
            "rotary", """{"base":500,"type":"dynamic","scaling_factor":2}"""
        ]

    holds (run "INTERNLM" """"rope_base": 10000""") [ "rotary", """{"base":10000,"type":"origin"}""" ]
    holds (run "INTERNLM3" """"qkv_bias": true, "bias": true""") [ "qkv_bias", "true"; "bias", "true" ]

    holds
        (run "QWEN2" """"use_sliding_window": true, "sliding_window": 7, "qkv_bias": true""")
        [
            "use_sliding_window", "true"
            "sliding_window", "7"
            "max_window_layers", "0"
            "qkv_bias", "true"
        ]

    holds
        (run "GEMMA" """"hidden_act": "gelu", "head_dim": 8""")
        [
            "hidden_activation", "\"gelu\""
            "head_dim", "8"
            "tie_word_embeddings", "true"
        ]

    holds (run "BAICHUAN2" """"norm_head": false""") [ "norm_head", "false" ]

[<Fact>]
let ``a gain of one plus the weight starts at zero`` () =
    for p in (read (config "gemma" [])).Parameters do
        if p.Kind = ParameterKind.Norm then
            Assert.Equal("zeros", string p.Init)
