/// Conversion: there and back changes no byte, for every family; what does not fit, or is in the way, is told whole.
module Evo.Parallel.Tests.Conversions

open System
open System.IO
open System.Runtime.CompilerServices
open System.Text.Json.Nodes
open System.Threading
open Evo.Data
open Evo.Data.Tests
open Evo.Models
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open TorchSharp
open Xunit

type private Here =
    static member File([<CallerFilePath>] ?path: string) = defaultArg path ""

let private golden =
    Path.GetFullPath(Path.Combine(nonNull (Path.GetDirectoryName(Here.File())), "..", "golden"))

/// Every model folder among the figures, by its name below tests/golden.
let private models =
    Directory.GetFiles(golden, "config.json", SearchOption.AllDirectories)
    |> Array.map (fun path -> Path.GetRelativePath(golden, nonNull (Path.GetDirectoryName path)))
    |> Array.sort
    |> List.ofArray

let folders =
    let rows = TheoryData<string>()

    for name: string in models do
        rows.Add name

    rows

let private source name = Path.Combine(golden, name)

/// Name to type, shape and bytes of every tensor in a folder.
let private tensors folder =
    use files = WeightsFolder.Open folder

    Map
        [
            for name in files.Names do
                let tensor = nonNull (files.Find name)
                let bytes = Array.zeroCreate<byte> (int tensor.ByteCount)
                tensor.Read(0L, bytes.AsSpan())
                name, (string tensor, bytes)
        ]

let private options source output = ConversionOptions(Source = source, Output = output)

let private fromHf (options: ConversionOptions) = Conversion.FromHuggingFace(options)
let private toHf (options: ConversionOptions) = Conversion.ToHuggingFace(options)

let private small source output =
    ConversionOptions(Source = source, Output = output, ShardBytes = 10_000L)

[<Fact>]
let ``every family has a folder among those that go there and back`` () =
    let covered =
        models |> List.map (fun name -> (HuggingFaceFolder.ReadConfig(source name)).Family.Architecture)

    for family in ModelFamilies.All do
        Assert.Contains(family.Architecture, covered)

/// A model's keys, neutral ones too; the type of the weights is told whether or not the source told it.
let private keys (spec: CausalLM) =
    let json = spec.ToHuggingFace()
    json.Remove "torch_dtype" |> ignore
    json.ToJsonString()

[<Theory; MemberData(nameof folders)>]
let ``there and back changes no byte of any tensor and no key of the model, through the module too`` (name: string) =
    use folder = new TemporaryFolder()
    let original = tensors (source name)
    let spec = HuggingFaceFolder.ReadConfig(source name)
    // There, in many files; into the module, which transposes and stacks; out as a checkpoint has it; back, in one file.
    let there = fromHf (small (source name) (folder.File "there"))
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
        let kept = original |> Map.filter (fun name _ -> not (Seq.contains name there.Dropped))
        Assert.Equal<Map<string, string * byte array>>(kept, tensors back.Output)
        Assert.Equal(keys spec, keys (HuggingFaceFolder.ReadConfig back.Output))
        Assert.Equal<string list>(
            [ "config.json"; "model.safetensors" ],
            Directory.GetFiles back.Output |> Array.map (fun p -> nonNull (Path.GetFileName p)) |> Array.sort |> List.ofArray
        )

/// A copy of a model's configuration in a new folder.
let private withConfig (folder: TemporaryFolder) name (change: JsonObject -> unit) =
    let copy = folder.File(Guid.NewGuid().ToString "N")
    Directory.CreateDirectory copy |> ignore
    let json = (nonNull (JsonNode.Parse(File.ReadAllText(Path.Combine(source name, "config.json"))))).AsObject()
    change json
    File.WriteAllText(Path.Combine(copy, "config.json"), json.ToJsonString())
    copy

let private same (_: JsonObject) = ()

/// A copy of a model folder whose tensors were changed, as safetensors.
let private altered folder name (change: Map<string, SafeTensorType * int64 list * byte[]> -> Map<string, SafeTensorType * int64 list * byte[]>) =
    let copy = withConfig folder name same
    use files = WeightsFolder.Open(source name)

    let changed =
        Map
            [
                for name in files.Names do
                    let tensor = nonNull (files.Find name)
                    let bytes = Array.zeroCreate<byte> (int tensor.ByteCount)
                    tensor.Read(0L, bytes.AsSpan())
                    name, (tensor.Type, List.ofSeq tensor.Shape, bytes)
            ]
        |> change

    use writer =
        new SafeTensorsWriter(
            Path.Combine(copy, "model.safetensors"),
            [ for KeyValue(name, (kind, shape, _)) in changed -> SafeTensorPlan(name, kind, List.toArray shape) ]
        )

    for KeyValue(name, (_, _, bytes)) in changed do
        writer.Write(name, ReadOnlySpan bytes)

    writer.Complete()
    copy

/// A PyTorch file of named float tensors; every matrix is stored turned, so that it is a view that has to be gathered.
let private torchFile (named: (string * string * int64 list * byte[]) list) =
    let turn rows columns (bytes: byte[]) =
        [| for c in 0 .. columns - 1 do for r in 0 .. rows - 1 do yield! bytes[4 * (r * columns + c) .. 4 * (r * columns + c) + 3] |]

    let views, storages =
        [
            for name, key, shape, bytes in named do
                let over = PickleWriter.storage "Float" key (int64 bytes.Length / 4L)

                match shape with
                | [ rows; columns ] ->
                    (name, PickleWriter.tensor over 0L shape [ 1L; rows ]), (key, turn (int rows) (int columns) bytes)
                | _ -> (name, PickleWriter.tensor over 0L shape [ 1L ]), (key, bytes)
        ]
        |> List.unzip

    PickleWriter.torchFile (PickleWriter.stateDict views) (List.distinctBy fst storages)

let private floats name =
    use files = WeightsFolder.Open(source name)

    [
        for i, name in Seq.indexed files.Names do
            let tensor = nonNull (files.Find name)
            let bytes = Array.zeroCreate<byte> (int tensor.ByteCount)
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
    Assert.Equal<Map<string, string * byte array>>(expected, tensors (fromHf (options whole (folder.File "whole"))).Output)

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
let ``names without the body's prefix, computed buffers and a head that shares its table's storage are understood`` () =
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
    File.WriteAllBytes(Path.Combine(bare, "pytorch_model.bin"), torchFile (named @ [ "lm_head.weight", key, shape, bytes ]))
    let report = fromHf (options bare (folder.File "out"))
    Assert.Equal<Map<string, string * byte array>>(tensors (source "gpt2"), tensors report.Output)
    Assert.Equal<string>([ "h.0.attn.bias"; "lm_head.weight" ], report.Dropped)

[<Fact>]
let ``missing, unexpected, misshapen and unfit tensors are all listed in one error, and nothing is written`` () =
    use folder = new TemporaryFolder()

    let wrong =
        altered folder "llama2" (fun t ->
            t
                .Remove("model.norm.weight")
                .Add("model.layers.0.mlp.up_proj.weight", (SafeTensorType.F32, [ 3L; 4L ], Array.zeroCreate 48))
                .Add("model.layers.1.input_layernorm.weight", (SafeTensorType.I64, [ 64L ], Array.zeroCreate 512))
                .Add("model.layers.9.extra", (SafeTensorType.F32, [ 2L ], Array.zeroCreate 8)))

    let error =
        Assert.Throws<DataException>(fun () -> fromHf (options wrong (folder.File "out")) |> ignore)

    for line in
        [
            "4 tensors do not fit"
            "model.norm.weight: missing, must be [64]"
            "model.layers.0.mlp.up_proj.weight: is [3, 4], must be [96, 64]"
            "model.layers.1.input_layernorm.weight: is I64, must be F64, F32, F16 or BF16"
            "model.layers.9.extra: unexpected, the model has no such tensor; it is F32 [2]"
        ] do
        Assert.Contains(line, error.Message)

    Assert.False(Directory.Exists(folder.File "out"))
    Assert.Empty(Directory.GetDirectories(folder.Path, ".*"))

[<Fact>]
let ``a repeated tied tensor is taken where it is equal, and refused by name where it is not`` () =
    use folder = new TemporaryFolder()
    let table = "transformer.wte.weight"
    let equal = altered folder "gpt2" (fun t -> t.Add("lm_head.weight", t[table]))
    let report = fromHf (options equal (folder.File "equal"))
    Assert.Equal<string>([ "lm_head.weight" ], report.Dropped)
    Assert.Equal<Map<string, string * byte array>>(tensors (source "gpt2"), tensors report.Output)
    let only = altered folder "gpt2" (fun t -> (t.Add("lm_head.weight", t[table])).Remove table)

    Assert.Equal<Map<string, string * byte array>>(
        tensors (source "gpt2"),
        tensors (fromHf (options only (folder.File "only"))).Output
    )

    let other =
        altered folder "gpt2" (fun t ->
            let kind, shape, bytes = t[table]
            t.Add("lm_head.weight", (kind, shape, Array.mapi (fun i b -> if i = bytes.Length - 1 then b ^^^ 1uy else b) bytes)))

    let error =
        Assert.Throws<DataException>(fun () -> fromHf (options other (folder.File "other")) |> ignore)

    Assert.Contains("lm_head.weight: differs from transformer.wte.weight", error.Message)

[<Fact>]
let ``weights are cast as torch casts them, and config.json says so`` () =
    use folder = new TemporaryFolder()
    use file = SafeTensors.Open(Path.Combine(source "llama2", "model.safetensors"))

    for kind, name in [ torch.ScalarType.BFloat16, "bfloat16"; torch.ScalarType.Float16, "float16"; torch.ScalarType.Float32, "float32" ] do
        let report =
            fromHf (ConversionOptions(Source = source "llama2", Output = folder.File name, Dtype = Nullable kind))

        Assert.Equal(name, report.Dtype)
        Assert.Contains($"\"torch_dtype\": \"{name}\"", File.ReadAllText(Path.Combine(report.Output, "config.json")))
        use cast = SafeTensors.Open(Path.Combine(report.Output, "model.safetensors"))

        for tensor in file.Tensors do
            use expected = TensorFiles.Read(file, tensor.Name, Nullable kind)
            Assert.True(cast.Bytes(cast[tensor.Name]).SequenceEqual(Evo.Torch.TensorBytes.Of expected))

    // Kept: a folder of half numbers stays one.
    let kept = toHf (options (folder.File "bfloat16") (folder.File "kept"))
    Assert.Equal("bfloat16", kept.Dtype)
    Assert.Equal<Map<string, string * byte array>>(tensors (folder.File "bfloat16"), tensors kept.Output)

[<Fact>]
let ``a number that float16 cannot hold is refused with its tensor's name, and nothing is written`` () =
    use folder = new TemporaryFolder()

    let large =
        altered folder "llama2" (fun t ->
            let kind, shape, bytes = t["model.norm.weight"]
            Array.blit (BitConverter.GetBytes 70000.0f) 0 bytes 8 4
            t.Add("model.norm.weight", (kind, shape, bytes)))

    let error =
        Assert.Throws<DataException>(fun () ->
            fromHf (ConversionOptions(Source = large, Output = folder.File "out", Dtype = Nullable torch.ScalarType.Float16))
            |> ignore)

    Assert.Contains("model.norm.weight: 1 numbers are too large for F16", error.Message)
    Assert.Empty(Directory.GetDirectories(folder.Path, ".*"))
    Assert.False(Directory.Exists(folder.File "out"))

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
        [ "LICENSE"; "generation_config.json"; "modeling_x.py"; "special_tokens_map.json"; "tokenizer.json"; "tokenizer.model"; "tokenizer_config.json" ]

    for name in along @ [ "README.md"; "optimizer.safetensors"; "state.json"; "pytorch_model.bin" ] do
        File.WriteAllText(Path.Combine(rich, name), $"this is {name}")

    // Caches of downloads hold links.
    File.Delete(Path.Combine(rich, "tokenizer.json"))
    File.WriteAllText(folder.File "blob", "this is tokenizer.json")
    File.CreateSymbolicLink(Path.Combine(rich, "tokenizer.json"), folder.File "blob") |> ignore
    let there = fromHf (options rich (folder.File "there"))
    let back = toHf (options there.Output (folder.File "back"))
    Assert.Equal<string>([ "README.md"; "optimizer.safetensors"; "pytorch_model.bin"; "state.json" ], there.LeftOut)

    for report in [ there; back ] do
        Assert.Equal<string>(along, report.Copied)

        for name in along do
            let copy = Path.Combine(report.Output, name)
            Assert.Equal($"this is {name}", File.ReadAllText copy)
            Assert.Null(FileInfo(copy).LinkTarget)

        let config = File.ReadAllText(Path.Combine(report.Output, "config.json"))
        Assert.Contains("\"bos_token_id\": 7", config)
        Assert.Contains("\"transformers_version\": \"4.40.0\"", config)

let private refuses (reason: string) options =
    let error = Assert.Throws<DataException>(fun () -> fromHf options |> ignore)
    Assert.Contains(reason, error.Message)

[<Fact>]
let ``what stands there is kept, unless it is a model folder and replacing was asked for`` () =
    use folder = new TemporaryFolder()
    let out = folder.File "out"
    let forced = ConversionOptions(Source = source "gpt2", Output = out, Force = true)
    Directory.CreateDirectory out |> ignore
    // An empty folder is not in the way.
    fromHf (small (source "llama2") out) |> ignore
    refuses "it is there already and holds config.json and" (options (source "gpt2") out)
    Assert.Contains("llama", File.ReadAllText(Path.Combine(out, "config.json")))
    fromHf forced |> ignore
    Assert.Equal<Map<string, string * byte array>>(tensors (source "gpt2"), tensors out)
    Assert.Equal(2, (Directory.GetFiles out).Length)
    File.WriteAllText(Path.Combine(out, "thesis.txt"), "years of work")
    refuses "it holds thesis.txt, which is no part of a model folder" forced
    File.Delete(Path.Combine(out, "thesis.txt"))
    Directory.CreateDirectory(Path.Combine(out, "checkpoints")) |> ignore
    refuses "it holds checkpoints" forced
    File.WriteAllText(folder.File "file", "")
    refuses "it is a file" (options (source "gpt2") (folder.File "file"))

[<Fact>]
let ``a conversion does not write where it reads`` () =
    use folder = new TemporaryFolder()
    let here = altered folder "llama2" id
    let link = folder.File "link"
    Directory.CreateSymbolicLink(link, here) |> ignore

    for out in [ here; here + "/"; Path.Combine(here, "inside"); folder.Path; link ] do
        refuses "a conversion must not write where it reads" (ConversionOptions(Source = here, Output = out, Force = true))

    refuses "a conversion must not write where it reads" (ConversionOptions(Source = link, Output = here, Force = true))
    Assert.True(File.Exists(Path.Combine(here, "model.safetensors")))

[<Fact>]
let ``stopped in the middle it leaves nothing, and leftovers of a killed one are cleared away`` () =
    use folder = new TemporaryFolder()
    let out = folder.File "out"
    use stop = new CancellationTokenSource()

    let afterTwo =
        { new IProgress<ConversionProgress> with
            member _.Report state =
                if state.Shard = 2 then
                    stop.Cancel()
        }

    Assert.ThrowsAny<OperationCanceledException>(fun () ->
        Conversion.FromHuggingFace(small (source "llama2") out, afterTwo, stop.Token) |> ignore)
    |> ignore

    Assert.Empty(Directory.GetFileSystemEntries folder.Path)
    // Killed while replacing: the old folder is given back before anything else is looked at.
    Directory.CreateDirectory(folder.File ".staging-out/half") |> ignore
    fromHf (options (source "llama2") (folder.File "old")) |> ignore
    Directory.Move(folder.File "old", folder.File ".replaced-out")
    Directory.CreateDirectory(folder.File ".staging-other") |> ignore
    refuses "it is there already" (options (source "gpt2") out)
    Assert.Equal<Map<string, string * byte array>>(tensors (source "llama2"), tensors out)
    Assert.Equal<string list>([ ".staging-other"; "out" ], Directory.GetFileSystemEntries folder.Path |> Array.map (fun p -> nonNull (Path.GetFileName p)) |> Array.sort |> List.ofArray)

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
    Assert.Equal<string>([ "manifest.json"; "optimizer.safetensors"; "run.json"; "state.json" ], report.LeftOut)
    // A damaged one is passed over for the one before it.
    File.AppendAllText(Path.Combine(newest, "model.safetensors"), "x")
    Assert.Equal(Path.Combine(run, "checkpoints", "5"), (toHf (options run (folder.File "older"))).Source)
    // And is refused where it was asked for itself.
    Assert.Throws<CheckpointException>(fun () -> toHf (options newest (folder.File "no")) |> ignore)
    |> ignore
