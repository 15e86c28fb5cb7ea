/// Conversion: there and back changes no byte, for every family.
module Evo.Parallel.Tests.Conversions

open System
open System.IO
open System.Text.Json.Nodes
open System.Threading
open Evo.Data
open Evo.Data.Tests
open Evo.Models
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.ModelFolders
open TorchSharp
open Xunit

/// Families of which the figures have no folder: a small model of theirs is made.
let private others =
    let covered =
        models
        |> List.map (fun name -> (HuggingFaceFolder.ReadConfig(source name)).Family.Architecture)

    ModelFamilies.All |> Seq.map _.Architecture |> Seq.except covered |> List.ofSeq

let folders =
    let rows = TheoryData<string>()

    for name: string in models @ others do
        rows.Add name

    rows

/// The folder of that name among the figures, or a new one of that architecture.
let private folderOf (folder: TemporaryFolder) name =
    if List.contains name models then
        source name
    else
        let config =
            $$"""{ "architectures": ["{{name}}"], "vocab_size": 44, "hidden_size": 24, "num_hidden_layers": 2,
                   "num_attention_heads": 4, "intermediate_size": 32, "max_position_embeddings": 64 }"""

        Directory.CreateDirectory(folder.File "made") |> ignore
        File.WriteAllText(folder.File "made/config.json", config)

        use model =
            (HuggingFaceFolder.ReadConfig(folder.File "made")).Build(BuildOptions(InitSeed = Nullable 5UL))

        HuggingFaceFolder.Save(model, folder.File "made")
        folder.File "made"

/// A model's keys, neutral ones too; the type of the weights is told whether or not the source told it.
let private keys (spec: CausalLM) =
    let json = spec.ToHuggingFace()
    json.Remove "torch_dtype" |> ignore
    json.ToJsonString()

[<Theory; MemberData(nameof folders)>]
let ``there and back changes no byte of any tensor and no key of the model, through the module too``
    (name: string)
    =
    use folder = new TemporaryFolder()
    let from = folderOf folder name
    let original = tensors from
    let spec = HuggingFaceFolder.ReadConfig from
    // There, in many files; into the module, which transposes and stacks; out as a checkpoint has it; back, in one file.
    let there = fromHf (small from (folder.File "there"))
    Assert.True(there.Shards > 1)
    Assert.Equal(spec.ParameterCount, there.Parameters)
    use model = (HuggingFaceFolder.ReadConfig there.Output).Build(BuildOptions())
    HuggingFaceFolder.LoadWeights(model, there.Output)
    HuggingFaceFolder.Save(model, folder.File "module")

    for back in
        [
            toHf (options (folder.File "module") (folder.File "back"))
            toHf (options there.Output (folder.File "direct"))
        ] do
        Assert.Equal(1, back.Shards)

        let kept =
            original |> Map.filter (fun name _ -> not (Seq.contains name there.Dropped))

        Assert.Equal<Map<string, string * byte array>>(kept, tensors back.Output)
        Assert.Equal(keys spec, keys (HuggingFaceFolder.ReadConfig back.Output))

        Assert.Equal<string list>(
            [ "config.json"; "model.safetensors" ],
            Directory.GetFiles back.Output
            |> Array.map (fun p -> nonNull (Path.GetFileName p))
            |> Array.sort
            |> List.ofArray
        )

/// A PyTorch file of named float tensors; every matrix is stored turned, so that it is a view that has to be gathered.
let private torchFile (named: (string * string * int64 list * byte[]) list) =
    let turn rows columns (bytes: byte[]) =
        [|
            for c in 0 .. columns - 1 do
                for r in 0 .. rows - 1 do
                    yield! bytes[4 * (r * columns + c) .. 4 * (r * columns + c) + 3]
        |]

    let views, storages =
        [
            for name, key, shape, bytes in named do
                let over = PickleWriter.storage "Float" key (int64 bytes.Length / 4L)

                match shape with
                | [ rows; columns ] ->
                    (name, PickleWriter.tensor over 0L shape [ 1L; rows ]),
                    (key, turn (int rows) (int columns) bytes)
                | _ -> (name, PickleWriter.tensor over 0L shape [ 1L ]), (key, bytes)
        ]
        |> List.unzip

    PickleWriter.torchFile (PickleWriter.stateDict views) (List.distinctBy fst storages)

let private floats name =
    use files = WeightsFolder.Open(source name)

    [
        for i, name in Seq.indexed files.Names do
            let tensor = nonNull (files.Find name)
            let bytes = Array.zeroCreate<byte>(int tensor.ByteCount)
            tensor.Read(0L, bytes.AsSpan())
            name, string i, List.ofSeq tensor.Shape, bytes
    ]

[<Theory>]
[<InlineData "llama2">]
[<InlineData "gpt2">]
let ``PyTorch's files give the same model as safetensors, whole and in shards`` (name: string) =
    use folder = new TemporaryFolder()
    let expected = tensors (source name)
    let whole = withConfig folder name same
    File.WriteAllBytes(Path.Combine(whole, "pytorch_model.bin"), torchFile (floats name))

    Assert.Equal<Map<string, string * byte array>>(
        expected,
        tensors (fromHf (options whole (folder.File "whole"))).Output
    )

    let sharded = withConfig folder name same
    let parts = floats name |> List.splitInto 3 |> List.indexed

    for i, part in parts do
        File.WriteAllBytes(Path.Combine(sharded, $"pytorch_model-{i}.bin"), torchFile part)

    let map = JsonObject()

    for i, part in parts do
        for tensor, _, _, _ in part do
            map[tensor] <- JsonValue.Create $"pytorch_model-{i}.bin"

    File.WriteAllText(
        Path.Combine(sharded, "pytorch_model.bin.index.json"),
        JsonObject([ Collections.Generic.KeyValuePair("weight_map", map :> JsonNode | null) ]).ToJsonString()
    )

    let report = fromHf (options sharded (folder.File "sharded"))
    Assert.Equal<Map<string, string * byte array>>(expected, tensors report.Output)
    Assert.Empty report.LeftOut

[<Fact>]
let ``names without the body's prefix, computed buffers and a head that shares its table's storage are understood``
    ()
    =
    use folder = new TemporaryFolder()
    let bare = withConfig folder "gpt2" same
    let all = floats "gpt2"

    let named =
        [
            for name, key, shape, bytes in all do
                name.Replace("transformer.", ""), key, shape, bytes
            "h.0.attn.bias", "mask", [ 4L ], Array.zeroCreate 16
        ]

    let table = named |> List.find (fun (name, _, _, _) -> name = "wte.weight")
    let _, key, shape, bytes = table

    File.WriteAllBytes(
        Path.Combine(bare, "pytorch_model.bin"),
        torchFile (named @ [ "lm_head.weight", key, shape, bytes ])
    )

    let report = fromHf (options bare (folder.File "out"))
    Assert.Equal<Map<string, string * byte array>>(tensors (source "gpt2"), tensors report.Output)
    Assert.Equal<string>([ "h.0.attn.bias"; "lm_head.weight" ], report.Dropped)

[<Fact>]
let ``weights are cast as torch casts them, and config.json says so`` () =
    use folder = new TemporaryFolder()
    use file = SafeTensors.Open(Path.Combine(source "llama2", "model.safetensors"))

    for kind, name in
        [
            torch.ScalarType.BFloat16, "bfloat16"
            torch.ScalarType.Float16, "float16"
            torch.ScalarType.Float32, "float32"
        ] do
        let report =
            fromHf (
                ConversionOptions(Source = source "llama2", Output = folder.File name, Dtype = Nullable kind)
            )

        Assert.Equal(name, report.Dtype)

        Assert.Contains(
            $"\"torch_dtype\": \"{name}\"",
            File.ReadAllText(Path.Combine(report.Output, "config.json"))
        )

        use cast = SafeTensors.Open(Path.Combine(report.Output, "model.safetensors"))

        for tensor in file.Tensors do
            use expected = TensorFiles.Read(file, tensor.Name, Nullable kind)
            Assert.True(cast.Bytes(cast[tensor.Name]).SequenceEqual(Evo.Torch.TensorBytes.Of expected))

    // Kept: a folder of half numbers stays one.
    let kept = toHf (options (folder.File "bfloat16") (folder.File "kept"))
    Assert.Equal("bfloat16", kept.Dtype)
    Assert.Equal<Map<string, string * byte array>>(tensors (folder.File "bfloat16"), tensors kept.Output)

[<Fact>]
let ``neutral keys, tokenizer and generation files go along, other files do not`` () =
    use folder = new TemporaryFolder()
    let rich = altered folder "llama2" id
    let config = Path.Combine(rich, "config.json")
    let json = (nonNull (JsonNode.Parse(File.ReadAllText config))).AsObject()
    json["bos_token_id"] <- JsonValue.Create 7
    json["transformers_version"] <- JsonValue.Create "4.40.0"
    File.WriteAllText(config, json.ToJsonString())

    let along =
        [
            "LICENSE"
            "generation_config.json"
            "modeling_x.py"
            "special_tokens_map.json"
            "tokenizer.json"
            "tokenizer.model"
            "tokenizer_config.json"
        ]

    for name in
        along
        @ [ "README.md"; "optimizer.safetensors"; "state.json"; "pytorch_model.bin" ] do
        File.WriteAllText(Path.Combine(rich, name), $"this is {name}")

    // Caches of downloads hold links.
    File.Delete(Path.Combine(rich, "tokenizer.json"))
    File.WriteAllText(folder.File "blob", "this is tokenizer.json")

    File.CreateSymbolicLink(Path.Combine(rich, "tokenizer.json"), folder.File "blob")
    |> ignore

    let there = fromHf (options rich (folder.File "there"))
    let back = toHf (options there.Output (folder.File "back"))

    Assert.Equal<string>(
        [ "README.md"; "optimizer.safetensors"; "pytorch_model.bin"; "state.json" ],
        there.LeftOut
    )

    for report in [ there; back ] do
        Assert.Equal<string>(along, report.Copied)

        for name in along do
            let copy = Path.Combine(report.Output, name)
            Assert.Equal($"this is {name}", File.ReadAllText copy)
            Assert.Null(FileInfo(copy).LinkTarget)

        let config = File.ReadAllText(Path.Combine(report.Output, "config.json"))
        Assert.Contains("\"bos_token_id\": 7", config)
        Assert.Contains("\"transformers_version\": \"4.40.0\"", config)

[<Fact>]
let ``a run's newest whole checkpoint is what is taken of it`` () =
    use folder = new TemporaryFolder()
    TinyRuns.writeData folder.Path
    let config = TinyRuns.config folder.Path "GPT2" [ "data.total_steps=10" ]
    TinyRuns.run config |> ignore
    let run = folder.File "run"
    let newest = Path.Combine(run, "checkpoints", "10")

    let report = toHf (options run (folder.File "hf"))
    Assert.Equal(newest, report.Source)
    Assert.Equal<Map<string, string * byte array>>(tensors newest, tensors report.Output)

    Assert.Equal<string>(
        [
            "manifest.json"
            "optimizer-00001-of-00001.safetensors"
            "run.json"
            "state.json"
        ],
        report.LeftOut
    )
    // A damaged one is passed over for the one before it.
    File.AppendAllText(Path.Combine(newest, "model.safetensors"), "x")
    Assert.Equal(Path.Combine(run, "checkpoints", "5"), (toHf (options run (folder.File "older"))).Source)
    // And is refused where it was asked for itself.
    Assert.Throws<CheckpointException>(fun () -> toHf (options newest (folder.File "no")) |> ignore)
    |> ignore
