/// Hugging Face folders: what is written is read back bit for bit, and what does not fit is told whole.
module Evo.Models.Tests.Folders

open System
open System.IO
open Evo.Data
open Evo.Models
open Evo.Models.Tests.Golden
open Evo.Models.Tests.Json
open Evo.Parallel
open Evo.Parallel.Verification
open TorchSharp
open Xunit

let private float = torch.ScalarType.Float32

let private temporary () =
    Directory.CreateTempSubdirectory("evo-models-").FullName

let private load folder =
    let model = (HuggingFaceFolder.ReadConfig folder).Build(BuildOptions())
    HuggingFaceFolder.LoadWeights(model, folder)
    model

/// Name to bytes of every tensor in a folder.
let private bytes folder =
    use files = SafeTensorsFolder.Open folder

    Map
        [
            for name in files.Names do
                match files.Find name with
                | found when found.HasValue ->
                    let struct (file, tensor) = found.Value
                    name, (string tensor, file.Bytes(tensor).ToArray())
                | _ -> ()
        ]

let folders =
    let rows = TheoryData<string>()

    for name: string in families do
        rows.Add name

    rows

[<Theory; MemberData(nameof folders)>]
let ``there and back is the same to the byte, in one file and in shards`` (folder: string) =
    use model = load (path [ folder ])
    let original = bytes (path [ folder ])

    for limit in [ HuggingFaceFolder.UsualShardBytes; 30_000L ] do
        let copy = temporary ()
        HuggingFaceFolder.Save(model, copy, maxShardBytes = limit)
        Assert.Equal((limit = 30_000L), File.Exists(Path.Combine(copy, "model.safetensors.index.json")))
        Assert.Equal<Map<string, string * byte array>>(original, bytes copy)
        use again = load copy
        // The type of the weights is written too; it is not the model's.
        let config (m: CausalLMModule) =
            let json = m.Spec.ToHuggingFace()
            json.Remove "torch_dtype" |> ignore
            json.ToJsonString()

        Assert.Equal(config model, config again)
        Directory.Delete(copy, true)

[<Fact>]
let ``a save into one file removes the index of shards that were there`` () =
    use model = load (path [ "llama2" ])
    let folder = temporary ()
    HuggingFaceFolder.Save(model, folder, maxShardBytes = 30_000L)
    HuggingFaceFolder.Save(model, folder)
    Assert.Equal<Map<string, string * byte array>>(bytes (path [ "llama2" ]), bytes folder)

[<Fact>]
let ``weights are cast to the type that is asked for`` () =
    use model = load (path [ "gpt2" ])
    let folder = temporary ()
    HuggingFaceFolder.Save(model, folder, Nullable torch.ScalarType.BFloat16)
    Assert.Contains("\"torch_dtype\": \"bfloat16\"", File.ReadAllText(Path.Combine(folder, "config.json")))
    use back = load folder

    for a, b in Seq.zip model.Table back.Table do
        Assert.Equal(float, b.Value.dtype)
        let rounded = a.Value.``to``(torch.ScalarType.BFloat16).``to``(float)
        Assert.Equal(0.0f, (rounded - b.Value).abs().max().item<float32>())

/// A copy of a folder whose tensors were changed.
let private altered folder (change: Map<string, torch.Tensor> -> Map<string, torch.Tensor>) =
    let copy = temporary ()
    File.Copy(path [ folder; "config.json" ], Path.Combine(copy, "config.json"))
    use file = SafeTensors.Open(path [ folder; "model.safetensors" ])

    let tensors =
        change (Map [ for t in file.Tensors -> t.Name, TensorFiles.Read(file, t.Name) ])

    let plans =
        [
            for KeyValue(name, t) in tensors -> SafeTensorPlan(name, TensorFiles.FileType t.dtype, t.shape)
        ]

    use writer = new SafeTensorsWriter(Path.Combine(copy, "model.safetensors"), plans)

    for KeyValue(name, t) in tensors do
        writer.Write(name, Evo.Torch.TensorBytes.Of(t.contiguous ()))

    writer.Complete()
    copy

[<Fact>]
let ``missing, misshapen, unexpected and unfit tensors are all reported at once`` () =
    let folder =
        altered "llama2" (fun t ->
            t
                .Remove("model.norm.weight")
                .Add("model.layers.0.mlp.up_proj.weight", torch.zeros (3L, 4L))
                .Add(
                    "model.layers.1.mlp.up_proj.weight",
                    torch.zeros ([| 96L; 64L |], dtype = torch.ScalarType.Int64)
                )
                .Add("model.layers.0.self_attn.q_proj.bias", torch.zeros 64L)
                .Add("model.layers.0.self_attn.rotary_emb.inv_freq", torch.zeros 8L))

    let error = Assert.Throws<DataException>(fun () -> (load folder).Dispose())

    for line in
        [
            "model.norm.weight: missing, must be [64]"
            "model.layers.0.mlp.up_proj.weight: is [3, 4], must be [96, 64]"
            "model.layers.1.mlp.up_proj.weight: is I64, must be F64, F32, F16 or BF16"
            "model.layers.0.self_attn.q_proj.bias: unexpected"
        ] do
        Assert.Contains(line, error.Message)

    Assert.Contains("4 tensors do not fit", error.Message)

[<Fact>]
let ``a tied model's file may repeat the shared table, but not with other numbers`` () =
    let table = "transformer.wte.weight"
    let repeated = altered "gpt2" (fun t -> t.Add("lm_head.weight", t[table].clone()))
    (load repeated).Dispose()

    let renamed =
        altered "gpt2" (fun t -> t.Add("lm_head.weight", t[table]).Remove table)

    (load renamed).Dispose()
    let other = altered "gpt2" (fun t -> t.Add("lm_head.weight", t[table] + 1.0))
    let error = Assert.Throws<DataException>(fun () -> (load other).Dispose())
    Assert.Contains("lm_head.weight: differs from transformer.wte.weight", error.Message)

[<Fact>]
let ``an unknown architecture is told with those that are known`` () =
    let folder = temporary ()
    File.WriteAllText(Path.Combine(folder, "config.json"), """{ "architectures": ["BertModel"] }""")

    let error =
        Assert.Throws<ModelConfigException>(fun () -> HuggingFaceFolder.ReadConfig folder |> ignore)

    Assert.Contains("known are LlamaForCausalLM, InternLM2ForCausalLM, GPT2LMHeadModel", error.Message)

[<Fact>]
let ``a folder without a configuration, and one whose configuration is no JSON, are named`` () =
    let folder = temporary ()

    Assert.Throws<DataException>(fun () -> HuggingFaceFolder.ReadConfig folder |> ignore)
    |> ignore

    File.WriteAllText(Path.Combine(folder, "config.json"), "{ nonsense")

    let error =
        Assert.Throws<DataException>(fun () -> HuggingFaceFolder.ReadConfig folder |> ignore)

    Assert.Contains("not valid JSON", error.Message)

/// A copy of a figures file whose tensors were changed.
let private figures folder name (change: Map<string, torch.Tensor> -> Map<string, torch.Tensor>) =
    use file = SafeTensors.Open(path [ folder; name ])

    let tensors =
        change (Map [ for t in file.Tensors -> t.Name, TensorFiles.Read(file, t.Name) ])

    let copy = Path.Combine(temporary (), name)

    use writer =
        new SafeTensorsWriter(
            copy,
            [
                for KeyValue(n, t) in tensors -> SafeTensorPlan(n, TensorFiles.FileType t.dtype, t.shape)
            ]
        )

    for KeyValue(n, t) in tensors do
        writer.Write(n, Evo.Torch.TensorBytes.Of(t.contiguous ()))

    writer.Complete()
    copy

let private report strict file =
    Verifier.Run(VerifyOptions(Folder = path [ "llama2" ], GoldenFile = file, Strict = strict))

[<Theory>]
[<InlineData("router_logits.0")>]
[<InlineData("aux_loss")>]
[<InlineData("aux_grad.lm_head.weight")>]
[<InlineData("hidden.7")>]
[<InlineData("grad.model.nowhere.weight")>]
[<InlineData("something")>]
let ``a quantity that was not compared is a failure`` (name: string) =
    let found =
        report false (figures "llama2" "golden.safetensors" (fun t -> t.Add(name, torch.zeros 3L)))

    Assert.False found.Passed

    let failed =
        found.Quantities |> Seq.filter (fun q -> not q.Accepted) |> Seq.exactlyOne

    Assert.Equal(name, failed.Name)
    Assert.Contains("not compared", nonNull failed.Problem)
    Assert.Contains("NOT COMPARED", found.ToText())

[<Fact>]
let ``an error between the columns is accepted, and strictly is not`` () =
    let file =
        figures "llama2" "golden.safetensors" (fun t -> t.Add("logits", t["logits"] + 5e-5))

    Assert.True((report false file).Passed)
    let strict = report true file
    Assert.False strict.Passed

    Assert.Equal(
        "logits",
        (strict.Quantities
         |> Seq.filter (fun q -> not q.StrictlyAccepted)
         |> Seq.exactlyOne)
            .Name
    )

[<Fact>]
let ``a number that is none is the worst error`` () =
    let file =
        figures "llama2" "golden.safetensors" (fun t -> t.Add("loss", torch.tensor nan))

    Assert.False((report false file).Passed)

[<Fact>]
let ``figures without inputs or without quantities are refused`` () =
    for keep in [ [ "input_ids"; "labels" ]; [ "logits" ] ] do
        let file =
            figures "llama2" "golden.safetensors" (Map.filter (fun name _ -> List.contains name keep))

        Assert.Throws<DataException>(fun () -> report false file |> ignore) |> ignore

[<Fact>]
let ``the report reads as a table and as JSON`` () =
    let found = report true (path [ "llama2"; "golden.safetensors" ])
    let text = found.ToText()
    Assert.Contains("largest error", text)

    Assert.Contains(
        "LlamaForCausalLM, 82,240 parameters, float32: 27 quantities, all within the strict column",
        text
    )

    let json = found.ToJson()
    Assert.True((nonNull json["passed"]).GetValue<bool>())
    Assert.Equal(27, (nonNull json["quantities"]).AsArray().Count)
