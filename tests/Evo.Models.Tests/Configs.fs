/// Every key of a config.json is honoured, neutral, or refused by name, and what was read is written again.
module Evo.Models.Tests.Configs

open System.Text.Json.Nodes
open Evo.Models
open Evo.Models.Tests.Golden
open Evo.Models.Tests.Json
open Xunit

let folders =
    let rows = TheoryData<string>()

    for name: string in families do
        rows.Add name

    rows

[<Theory; MemberData(nameof folders)>]
let ``what is read is written again, key for key`` (folder: string) =
    let json = config folder []
    let written = (read json).ToHuggingFace()

    for KeyValue(key, value) in json do
        match value with
        | null -> Assert.False(written.ContainsKey key && not (isNull written[key]))
        | value when key = "rope_theta" ->
            Assert.Equal(value.GetValue<double>(), (nonNull written[key]).GetValue<double>())
        | value ->
            Assert.True(
                JsonNode.DeepEquals(value, written[key]) || string value = string written[key],
                $"{key}: {value} became {written[key]}"
            )

    Assert.Equal<CausalLM>(read json, read (written.DeepClone() :?> JsonObject))

[<Fact>]
let ``all refusals are reported at once, by name`` () =
    let json =
        config
            "llama2"
            [
                "hidden_act", "\"mish\""
                "num_key_value_heads", "\"two\""
                "rope_scaling", """{ "type": "yarn", "factor": 2 }"""
                "sliding_window", "128"
                "vocab_size", "null"
            ]

    Assert.Equal<string list>(
        [
            "vocab_size = null: must be a whole number"
            "num_key_value_heads = \"two\": must be a whole number"
            "hidden_act = \"mish\": is not supported; use silu, swish, gelu, gelu_new, gelu_pytorch_tanh, relu"
            "rope_scaling.type = \"yarn\": is not supported; use default, linear, dynamic, llama3"
            "sliding_window = 128: is not a key of this family"
        ],
        refusals json
        |> List.sortBy (fun line ->
            [ "vocab"; "num_key"; "hidden_act"; "rope"; "sliding" ]
            |> List.findIndex (fun start -> line.StartsWith start))
        |> List.map (fun line -> line.Replace("null: must be a single value", "null: must be a whole number"))
    )

[<Theory>]
[<InlineData("llama2", "num_attention_heads", "3", "num_attention_heads = 3: must divide hidden_size = 64")>]
[<InlineData("llama2",
             "num_key_value_heads",
             "3",
             "must divide num_attention_heads = 4 (query heads share key-value heads evenly); use 1, 2, 4")>]
[<InlineData("internlm2",
             "num_key_value_heads",
             "3",
             "must divide num_attention_heads = 4 (query heads share key-value heads evenly); use 1, 2, 4")>]
[<InlineData("llama2", "head_dim", "9", "need an even head size")>]
[<InlineData("llama2", "hidden_size", "0", "hidden_size = 0: must be at least 1")>]
[<InlineData("llama2",
             "attention_dropout",
             "1.5",
             "attention_dropout = 1.5: must be at least 0 and less than 1")>]
[<InlineData("llama2", "rope_scaling", """{ "factor": 2 }""", "rope_scaling: must have a rope_type")>]
[<InlineData("llama2",
             "rope_scaling",
             """{ "rope_type": "linear" }""",
             "rope_scaling.factor: linear scaling needs it")>]
[<InlineData("llama2",
             "rope_scaling",
             """{ "rope_type": "linear", "type": "dynamic", "factor": 2 }""",
             "contradict each other")>]
[<InlineData("llama2",
             "rope_scaling",
             """{ "rope_type": "linear", "factor": 2, "beta": 1 }""",
             "rope_scaling.beta = 1: linear scaling has no such key")>]
[<InlineData("llama2",
             "rope_scaling",
             """{ "rope_type": "dynamic", "factor": 2, "original_max_position_embeddings": 5 }""",
             "original_max_position_embeddings = 5")>]
[<InlineData("llama2",
             "rope_scaling",
             """{ "rope_type": "llama3", "factor": 8, "high_freq_factor": 4, "original_max_position_embeddings": 9 }""",
             "low_freq_factor: llama3 scaling needs it")>]
[<InlineData("llama2", "rope_scaling", "7", "rope_scaling = 7: must be an object or null")>]
[<InlineData("llama2", "num_hiden_layers", "7", "did you mean num_hidden_layers?")>]
[<InlineData("llama2", "rope_theta", "0", "rope_theta = 0: must be greater than 0")>]
[<InlineData("llama2", "rms_norm_eps", "-1e-5", "rms_norm_eps = -1E-05: must be at least 0")>]
[<InlineData("llama2", "quantization_config", """{ "bits": 4 }""", "quantization_config")>]
[<InlineData("llama2", "is_encoder_decoder", "true", "is_encoder_decoder = true")>]
[<InlineData("llama2", "model_type", "\"mistral\"", "model_type = \"mistral\": must be \"llama\"")>]
[<InlineData("gpt2", "add_cross_attention", "true", "add_cross_attention = true")>]
[<InlineData("gpt2",
             "n_head",
             "5",
             "n_head = 5: must divide n_embd = 64 (a head's share of the hidden size); use 1, 2, 4, 8, 16, 32, 64")>]
[<InlineData("gpt2",
             "activation_function",
             "\"quick_gelu\"",
             "activation_function = \"quick_gelu\": is not supported")>]
[<InlineData("gpt2", "n_ctx", "16", "n_ctx = 16: only 32 is supported")>]
[<InlineData("gpt2", "resid_pdrop", "-0.1", "resid_pdrop = -0.1: must be at least 0 and less than 1")>]
let ``a value that cannot be honoured is refused by name``
    (folder: string, key: string, value: string, expected: string)
    =
    let lines = refusals (config folder [ key, value ])
    Assert.Contains(expected, List.exactlyOne lines)

[<Theory>]
[<InlineData("llama2", "eos_token_id", "[1, 2]")>]
[<InlineData("llama2", "pretraining_tp", "2")>]
[<InlineData("llama2", "head_dim", "null")>]
[<InlineData("llama2", "rope_scaling", """{ "rope_type": "default" }""")>]
[<InlineData("llama2", "auto_map", """{ "AutoModel": "x.Y" }""")>]
[<InlineData("internlm2", "attn_implementation", "\"flash_attention_2\"")>]
[<InlineData("gpt2", "task_specific_params", """{ "text-generation": { "max_length": 50 } }""")>]
[<InlineData("gpt2", "reorder_and_upcast_attn", "true")>]
[<InlineData("gpt2", "n_inner", "null")>]
[<InlineData("gpt2", "summary_type", "\"cls_index\"")>]
[<InlineData("gpt2", "add_cross_attention", "false")>]
let ``a neutral key passes and comes back`` (folder: string, key: string, value: string) =
    let json = config folder [ key, value ]
    let written = (read json).ToHuggingFace()

    match JsonNode.Parse value with
    | null -> Assert.False(written.ContainsKey key)
    | value -> Assert.True(JsonNode.DeepEquals(value, written[key]), $"{key} became {written[key]}")

[<Fact>]
let ``absent keys have transformers' defaults`` () =
    let llama =
        read (parse """{ "architectures": ["LlamaForCausalLM"], "model_type": "llama" }""") :?> Llama2

    Assert.Equal(
        (32000, 4096, 11008, 32, 32),
        (llama.VocabSize, llama.HiddenSize, llama.IntermediateSize, llama.LayerCount, llama.HeadCount)
    )

    Assert.Equal(
        (1e-6, 10000.0, false, false),
        (llama.NormEpsilon, llama.RopeTheta, llama.TieEmbeddings, llama.AttentionBias)
    )

    let internlm2 =
        read (parse """{ "architectures": ["InternLM2ForCausalLM"] }""") :?> InternLM2

    Assert.Equal((103168, true, false), (internlm2.VocabSize, internlm2.Bias, internlm2.TieEmbeddings))
    let gpt2 = read (parse """{ "architectures": ["GPT2LMHeadModel"] }""") :?> Gpt2

    Assert.Equal(
        (50257, 1024, 0.1, true),
        (gpt2.VocabSize, gpt2.MaxPositions, gpt2.ResidualDropout, gpt2.TieEmbeddings)
    )

    Assert.Equal(124_439_808L, gpt2.ParameterCount)

[<Fact>]
let ``a run's keys follow InternEvo: its names, its defaults, its ratio`` () =
    let keys =
        parse
            """{ "num_layers": 32, "hidden_size": 4096, "num_attention_heads": 32, "num_kv_attention_heads": 8, "vocab_size": 92544, "mlp_ratio": 3.5, "rope_base": 1000000 }"""

    let spec = (family "INTERNLM2").FromKeys.Invoke keys :?> InternLM2

    Assert.Equal(
        (14336, 1e-5, false, 1e6),
        (spec.IntermediateSize, spec.NormEpsilon, spec.Bias, spec.RopeTheta)
    )
    // InternLM2-7B as published.
    Assert.Equal(7_737_708_544L, spec.ParameterCount)

    let thirds =
        parse
            """{ "num_layers": 1, "hidden_size": 4096, "num_attention_heads": 32, "vocab_size": 8, "mlp_ratio": 2.6666666666666665 }"""

    Assert.Equal(11008, ((family "LLAMA2").FromKeys.Invoke thirds).Size.IntermediateSize)

[<Fact>]
let ``a run that gives a width twice, or a key that is none, is told both`` () =
    let keys =
        parse
            """{ "num_layers": 1, "hidden_size": 64, "num_attention_heads": 4, "vocab_size": 8, "mlp_ratio": 2, "intermediate_size": 96, "num_kv_heads": 2 }"""

    let error =
        Assert.Throws<ModelConfigException>(fun () -> (family "LLAMA2").FromKeys.Invoke keys |> ignore)

    Assert.Equal(2, error.Problems.Count)
    Assert.Contains("intermediate_size = 96 and mlp_ratio = 2: give one of them", error.Problems)

[<Fact>]
let ``a run's problems begin with the run's keys`` () =
    let keys =
        parse
            """{ "num_layers": 0, "hidden_size": 64, "num_attention_heads": 4, "num_kv_attention_heads": 3, "vocab_size": 8 }"""

    let lines name =
        Assert.Throws<ModelConfigException>(fun () -> (family name).FromKeys.Invoke keys |> ignore).Problems
        |> List.ofSeq

    Assert.Equal<string list>(
        [
            "num_layers = 0: must be at least 1"
            "num_kv_attention_heads = 3: must divide num_attention_heads = 4 (query heads share key-value heads evenly); use 1, 2, 4"
        ],
        lines "INTERNLM2"
    )

    Assert.Equal<string list>([ "num_layers = 0: must be at least 1" ], lines "LLAMA2")

[<Fact>]
let ``families are found by name, architecture and model type`` () =
    for name in [ "LLAMA2"; "llama2"; "LlamaForCausalLM"; "llama" ] do
        Assert.Equal("LLAMA2", (family name).Name)

    Assert.Null(ModelFamilies.Find "BERT")
