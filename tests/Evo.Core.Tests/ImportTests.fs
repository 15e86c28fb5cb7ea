module Evo.Core.Tests.ImportTests

open System
open Xunit
open Evo.Core
open Evo.Core.Python

/// A family with some of the keys that families have.
let private familyOf name architecture keys =
    {
        Family = name
        Architecture = architecture
        Doc = "A family for tests."
        Keys =
            [
                for key in
                    [
                        "num_layers"
                        "num_attention_heads"
                        "max_position_embeddings"
                        "multiple_of"
                    ]
                    @ keys ->
                    {
                        Name = key
                        Kind = KeyKind.Integer
                        Required = false
                        Nullable = true
                        Default = "null"
                        Doc = $"The {key}."
                        Choices = []
                        Minimum = 0.0
                    }
            ]
    }

let private families =
    [
        familyOf "INTERNLM" "InternLMForCausalLM" [ "bias"; "rope_type" ]
        familyOf
            "LLAMA2"
            "LlamaForCausalLM"
            [ "num_kv_attention_heads"; "attention_bias"; "hidden_act"; "rope_base" ]
        familyOf "GEMMA" "GemmaForCausalLM" [ "hidden_act"; "tie_word_embeddings" ]
        familyOf
            "INTERNLM_MoE"
            "InternLMMoeForCausalLM"
            [ "moe_type"; "moe_layer_kwargs"; "top_k"; "num_experts" ]
        familyOf "BAICHUAN2" "BaichuanForCausalLM" [ "norm_head" ]
    ]

let private translated text =
    let around =
        {
            Environment = (fun _ -> None)
            ReadFile = fun _ -> None
        }

    match PythonConfig.read around "run.py" text with
    | Ok json -> InternEvoImport.translate families json
    | Error problem -> raise (ConfigException [ problem ])

/// The value at a path of what was imported, as JSON.
let private at (path: string) (imported: Imported) =
    (Some imported.Json, path.Split '.')
    ||> Seq.fold (fun json name -> json |> Option.bind (Json.tryFind name))
    |> Option.map Json.compact
    |> Option.defaultValue ""

let private missing (imported: Imported) = imported.Missing |> List.map string

// ---- the table

/// Whether Evo has a key, those of families aside.
let private isKey (path: string) =
    let rec walk (section: SectionInfo) parts =
        match parts with
        | [] -> false
        | name :: rest ->
            match section.Keys |> List.tryFind (fun key -> key.Name = name) with
            | Some { Section = Some inner } -> rest.IsEmpty || walk inner rest
            | Some _ -> rest.IsEmpty
            | None -> false

    walk Keys.root (List.ofArray (path.Split '.'))

[<Fact>]
let ``every line of the table says something, once, about a key that Evo has or has not`` () =
    Assert.True(InternEvoKeys.all.Length > 150)
    let paths = InternEvoKeys.all |> List.map _.Path
    Assert.Equal<string list>(List.distinct paths, paths)

    for key in InternEvoKeys.all do
        match key.Fate with
        | Same _ ->
            Assert.True(key.Path.StartsWith "model." || isKey key.Path, $"{key.Path}: Evo has no such key")
        | Moved _ -> Assert.False(isKey key.Path && key.Path <> "model", $"{key.Path}: Evo has it itself")
        | Left
        | Missing _ -> Assert.True(key.Words <> "", $"{key.Path}: is left out without a reason")

/// One line of Python that sets a key.
let private setting (path: string) (value: string) =
    match List.ofArray (path.Split '.') with
    | [ name ] -> $"{name} = {value}\n"
    | section :: names ->
        (value, List.rev names)
        ||> List.fold (fun inner name -> $"dict({name}={inner})")
        |> fun inner -> $"{section} = {inner}\n"
    | [] -> ""

[<Fact>]
let ``no key is passed over in silence, whatever it holds and whichever model it is of`` () =
    let values =
        [
            "None"
            "True"
            "False"
            "1"
            "-1"
            "0.02"
            "'text'"
            "('a', 1)"
            "dict()"
            "dict(a=1)"
        ]

    for family in [ "INTERNLM"; "LLAMA2"; "GEMMA"; "INTERNLM_MoE"; "BAICHUAN2"; "UNKNOWN" ] do
        for key in InternEvoKeys.all do
            for value in values do
                let text = setting key.Path value

                let text =
                    if key.Path = "model_type" then
                        text
                    else
                        $"model_type = '{family}'\n" + text

                let imported = translated text

                let said =
                    [
                        for from, _ in imported.Taken -> from
                        for from, _ in imported.Left -> from
                        for problem in imported.Missing -> problem.Path
                        for problem in Option.toList imported.Model -> problem.Path
                    ]

                let about =
                    said
                    |> List.filter (fun from ->
                        from = key.Path
                        || from.StartsWith(key.Path + ".")
                        || key.Path.StartsWith(from + ".")
                        || key.Path.StartsWith "hf." && from = "hf.mod_cls")

                // An empty section says nothing.
                let isEmptySection =
                    value = "dict()"
                    && (InternEvoKeys.isSection key.Path
                        || List.contains key.Path [ "moe"; "model.moe_layer_kwargs"; "hf.cfg_extra_kwargs" ])

                Assert.True(not about.IsEmpty || isEmptySection, $"{text}: said of {said}")

[<Fact>]
let ``docs and messages of the configuration know InternEvo's keys`` () =
    let advice path =
        match Config.load families [] "run.json" path with
        | Ok _ -> []
        | Error problems ->
            problems
            |> List.map string
            |> List.filter (fun line -> line.Contains "unknown key")

    Assert.Equal<string list>(
        [
            "run.json:1:3: moe: unknown key; model.moe_layer_kwargs says this: the older place of the same."
            "run.json:1:23: data.packed_length: unknown key; it is always data.seq_len x data.micro_bsz; take it out."
            "run.json:1:63: grad_scaler.fp16: unknown key; evo config docs grad_scaler lists the keys of this section."
        ],
        advice """{ "moe": {}, "data": {"packed_length": 4096}, "grad_scaler": {"fp16": {}} }"""
    )

// ---- what becomes of values

/// A line, a path of Evo's, and the value there.
let private becomes: (string * string * string) list =
    [
        "JOB_NAME = 'a b/c'", "job_name", "\"a-b-c\""
        "model_type = 'INTERNLM2_PUBLIC'", "model_type", "\"INTERNLM2\""
        "x = 1", "model_type", "\"INTERNLM\""
        "x = 1", "model.dtype", "\"float16\""
        "model = dict(dtype='torch.bfloat16')", "model.dtype", "\"bfloat16\""
        "model = dict(dtype='torch.half')", "model.dtype", "\"float16\""
        "model = dict(dtype='torch.tf32')", "model.dtype", "\"float32\""
        "model = dict(no_bias=True)", "model.bias", "false"
        "model_type = 'LLAMA2'\nmodel = dict(no_bias=True)", "model.attention_bias", "false"
        "model_type = 'LLAMA2'\nmodel = dict(use_swiglu=True)", "model.hidden_act", "\"silu\""
        "model_type = 'GEMMA'\nmodel = dict(use_swiglu=False)", "model.hidden_act", "\"gelu_pytorch_tanh\""
        "model_type = 'GEMMA'", "model.tie_word_embeddings", "false"
        "model_type = 'BAICHUAN2'", "model.norm_head", "false"
        "model_type = 'BAICHUAN2'\nmodel = dict(norm_head=True)", "model.norm_head", "true"
        "model_type = 'LLAMA2'", "model.num_kv_attention_heads", "12"
        "model = dict(use_dynamic_ntk_rope=True)", "model.rope_type", "\"dynamic\""
        "data = dict(seq_len=16384)", "model.max_position_embeddings", "16384"
        "data = dict(seq_len=16384)\nmodel = dict(max_position_embeddings=4096)",
        "model.max_position_embeddings",
        "16384"
        "data = dict(seq_len=16)\nmodel = dict(max_position_embeddings=4096)",
        "model.max_position_embeddings",
        "4096"
        "data = dict(seq_len=16)", "model.max_position_embeddings", "2048"
        "grad_scaler = dict(fp16=dict(initial_scale=2**14))", "grad_scaler.initial_scale", "16384"
        "cudnn_deterministic = True", "train.deterministic", "true"
        "parallel = dict(zero1=0)", "parallel.zero1.size", "-1"
        "parallel = dict(zero1=dict(size=-4))", "parallel.zero1.size", "-1"
        "parallel = dict(tensor=4)", "parallel.tensor.size", "4"
        "parallel = dict(zero1=dict(size=1, fsdp=True))", "parallel.fsdp.enable", "true"
        "parallel = dict(pipeline=dict(size=2, mode='zbh1'))", "parallel.pipeline.mode", "\"ZBH1\""
        "hybrid_zero_optimizer = dict(zero_overlap_communication=False)",
        "hybrid_zero_optimizer.overlap_sync_grad",
        "false"
        "ckpt = dict(save_ckpt_folder='local:a/b')", "ckpt.save_ckpt_folder", "\"a/b\""
        "ckpt = dict(save_ckpt_folder='a/b')", "ckpt.save_ckpt_folder", "\"a/b\""
        "ckpt = dict(enable_save_ckpt=False, checkpoint_every=50)", "ckpt.checkpoint_every", ""
        "ckpt = dict(checkpoint_every=float('inf'))", "ckpt.checkpoint_every", ""
        "ckpt = dict(checkpoint_every=50)", "ckpt.checkpoint_every", "50"
        "ckpt = dict(auto_resume=False, load_ckpt_info=dict(path='local:m', content=('model',), ckpt_type='hf'))",
        "ckpt.load_ckpt_info",
        "{\"path\": \"m\", \"content\": [\"model\"], \"ckpt_type\": \"hf\"}"
        "ckpt = dict(auto_resume=False, load_ckpt_info=dict(path='local:m/50', content=('model',), ckpt_type='internevo'))",
        "ckpt.load_ckpt_info",
        "{\"path\": \"m/50\", \"content\": [\"model\"], \"ckpt_type\": \"internevo\"}"
        "model = dict(adapt_hf=True)\nckpt = dict(auto_resume=False, load_ckpt_info=dict(path='m', content=('model',), ckpt_type='internevo'))",
        "ckpt.load_ckpt_info.qk_interleaved",
        "false"
        "model = dict(qk_interleaved=True)\nckpt = dict(auto_resume=False, load_ckpt_info=dict(path='m', content='model', ckpt_type='internevo'))",
        "ckpt.load_ckpt_info.qk_interleaved",
        "true"
        "model = dict(qk_interleaved=True)\nckpt = dict(auto_resume=False, load_ckpt_info=dict(path='m', content='model', ckpt_type='hf'))",
        "ckpt.load_ckpt_info.qk_interleaved",
        ""
        "ckpt = dict(load_ckpt_info=dict(path='local:m', content=('model',), ckpt_type='hf'))",
        "ckpt.load_ckpt_info",
        ""
        "ckpt = dict(auto_resume=False, load_ckpt_info=dict(path=None))", "ckpt.load_ckpt_info", ""
        "data = dict(valid_every=50, valid_folder=None)", "data.valid_every", ""
        "data = dict(valid_every=50, valid_folder='v')", "data.valid_every", "50"
        "model_type = 'INTERNLM_MoE'\nmodel = dict(moe_type='MegaBlock-D')", "model.moe_type", "\"Dropless\""
        "model_type = 'INTERNLM_MoE'\nmoe = dict(top_k=2, min_capacity=4, use_rts=True, use_tutel=True)",
        "model",
        "{\"top_k\": 2, \"moe_layer_kwargs\": {\"min_capacity\": 4}, \"max_position_embeddings\": 2048, \"dtype\": \"float16\"}"
        "model_type = 'INTERNLM_MoE'\nmodel = dict(moe_layer_kwargs=dict(use_rts=True))",
        "model.moe_layer_kwargs",
        "{\"use_rts\": true}"
        "hf = dict(mod_cls='LlamaForCausalLM', cfg_extra_kwargs=dict(num_hidden_layers=3, rope_theta=1e6, use_cache=False))\nmodel = dict(dtype='torch.float32')",
        "model",
        "{\"num_layers\": 3, \"rope_base\": 1000000, \"num_kv_attention_heads\": 12, \"max_position_embeddings\": 2048, \"dtype\": \"float32\"}"
        "hf = dict(mod_cls='LlamaForCausalLM')", "model_type", "\"LLAMA2\""
        "model_type = 'DIFF'\nmodel = dict(hidden=3, num_layers=2)",
        "model",
        "{\"hidden\": 3, \"num_layers\": 2}"
    ]

[<Fact>]
let ``values become what they mean`` () =
    for text, path, value in becomes do
        Assert.Equal($"{text}: {value}", $"{text}: {at path (translated text)}")

/// A line, and what is missing of it.
let private lacking: (string * string) list =
    [
        "model = dict(residual_in_fp32=True)",
        "run.py:1:31: model.residual_in_fp32 = true: the residual stream is of model.dtype."
        "model = dict(apply_post_layer_norm=True)",
        "run.py:1:36: model.apply_post_layer_norm = true: norms stand before attention and MLP; another order needs a record, see own-model.md."
        "model = dict(num_attention_heads=8, num_kv_attention_heads=2)",
        "run.py:1:60: model.num_kv_attention_heads = 2: the family has one for each query head; use another family."
        "model = dict(multiple=2)",
        "run.py:1:23: model.multiple = 2: is no key of InternEvo's that Evo knows; did you mean multiple_of?"
        "model = dict(frobnicate=2)",
        "run.py:1:25: model.frobnicate = 2: is no key of InternEvo's that Evo knows; take it out."
        "paralel = dict(tensor=2)",
        "run.py:1:11: paralel: is no key of InternEvo's that Evo knows; did you mean parallel?"
        "parallel = dict(sequence_2D=dict(enable=True, head_size=2))",
        "run.py:1:41: parallel.sequence_2D.enable = true: not part of Evo."
        "parallel = dict(expert_weight=dict(size=2, overlap=True))",
        "run.py:1:41: parallel.expert_weight.size = 2: experts' weights are shared by parallel.expert; not part of Evo beyond it."
        "model = 3", "run.py:1:9: model = 3: must be a dict."
        "int8_training = True", "run.py:1:17: int8_training = true: not part of Evo."
        "ckpt = dict(auto_resume=False, load_ckpt_info=dict(path='m', content=('all',), ckpt_type='internevo'))",
        "run.py:1:70: ckpt.load_ckpt_info.content = [\"all\"]: of InternEvo's checkpoints only the model is read; say content=(\"model\",); the optimizer begins anew."
    ]

[<Fact>]
let ``what Evo has nothing for is named at its place, with what to use instead`` () =
    for text, problem in lacking do
        Assert.Equal<string list>([ problem ], missing (translated text))

[<Fact>]
let ``a model without a record is one missing thing; everything else is there`` () =
    let text =
        "model_type = 'LLAVA'\nmodel = dict(image_size=336)\nadam = dict(lr=3e-4)\nSIZE = 3\n"

    let imported = translated text
    Assert.Empty imported.Missing
    Assert.Equal("0.0003", at "adam.lr" imported)
    Assert.Equal("336", at "model.image_size" imported)

    Assert.StartsWith(
        "run.py:1:14: model_type = \"LLAVA\": no record of Evo's describes this model; write one",
        imported.Model |> Option.map string |> Option.defaultValue ""
    )

    let byClass = translated "hf = dict(mod_cls='DeepseekV3ForCausalLM', mod='a.b')\n"
    Assert.Empty byClass.Missing

    Assert.StartsWith(
        "run.py:1:19: hf.mod_cls = \"DeepseekV3ForCausalLM\": no record of Evo's",
        byClass.Model |> Option.map string |> Option.defaultValue ""
    )

[<Fact>]
let ``names of the file's own are no keys`` () =
    let imported = translated "SEQ_LEN = 5\nbatch = [1]\ndata = dict(seq_len=SEQ_LEN)\n"
    Assert.Equal<string list>([ "batch" ], imported.Left |> List.map fst)
    Assert.Empty imported.Missing

[<Fact>]
let ``keys come out in Evo's order, with the places of the Python file`` () =
    let text =
        "parallel = dict(tensor=2)\nadam = dict(weight_decay=0.1,\n            lr=-1)\nJOB_NAME = 'j'\ndata = dict(train_folder='t', seq_len=8, total_steps=1)\nmodel = dict(num_layers=2)\n"

    let imported = translated text

    match imported.Json.Value with
    | JObject members ->
        Assert.Equal<string list>(
            [ "job_name"; "model_type"; "model"; "data"; "adam"; "parallel" ],
            members |> List.map _.Name
        )
    | other -> Assert.Fail $"{other}"

    match Config.loadJson (fun _ -> []) families [] "run.py" imported.Json with
    | Ok _ -> Assert.Fail "accepted"
    | Error problems ->
        Assert.Equal<string list>(
            [ "run.py:3:16: adam.lr = -1: must be at least 0." ],
            problems |> List.map string
        )
