/// Model folders for tests of conversion: those of the figures, and altered copies of them.
module Evo.Parallel.Tests.ModelFolders

open System
open System.IO
open System.Runtime.CompilerServices
open System.Text.Json.Nodes
open Evo.Data
open Evo.Models
open Evo.Parallel
open Evo.Parallel.Tests.Folders

type private Here =
    static member File([<CallerFilePath>] ?path: string) = defaultArg path ""

let private golden =
    Path.GetFullPath(Path.Combine(nonNull (Path.GetDirectoryName(Here.File())), "..", "golden"))

/// Every model folder among the figures, by its name below tests/golden.
let models =
    Directory.GetFiles(golden, "config.json", SearchOption.AllDirectories)
    |> Array.map (fun path -> Path.GetRelativePath(golden, nonNull (Path.GetDirectoryName path)))
    |> Array.sort
    |> List.ofArray

let source name = Path.Combine(golden, name)

/// Name to type, shape and bytes of every tensor in a folder.
let tensors folder =
    use files = WeightsFolder.Open folder

    Map
        [
            for name in files.Names do
                let tensor = nonNull (files.Find name)
                let bytes = Array.zeroCreate<byte>(int tensor.ByteCount)
                tensor.Read(0L, bytes.AsSpan())
                name, (string tensor, bytes)
        ]

let options source output =
    ConversionOptions(Source = source, Output = output)

let fromHf (options: ConversionOptions) = Conversion.FromHuggingFace(options)
let toHf (options: ConversionOptions) = Conversion.ToHuggingFace(options)

let small source output =
    ConversionOptions(Source = source, Output = output, ShardBytes = 10_000L)

/// A copy of a model's configuration in a new folder.
let withConfig (folder: TemporaryFolder) name (change: JsonObject -> unit) =
    let copy = folder.File(Guid.NewGuid().ToString "N")
    Directory.CreateDirectory copy |> ignore

    let json =
        (nonNull (JsonNode.Parse(File.ReadAllText(Path.Combine(source name, "config.json"))))).AsObject()

    change json
    File.WriteAllText(Path.Combine(copy, "config.json"), json.ToJsonString())
    copy

let same (_: JsonObject) = ()

/// A copy of a model folder whose tensors were changed, as safetensors.
let altered
    folder
    name
    (change:
        Map<string, SafeTensorType * int64 list * byte[]> -> Map<string, SafeTensorType * int64 list * byte[]>)
    =
    let copy = withConfig folder name same
    use files = WeightsFolder.Open(source name)

    let changed =
        Map
            [
                for name in files.Names do
                    let tensor = nonNull (files.Find name)
                    let bytes = Array.zeroCreate<byte>(int tensor.ByteCount)
                    tensor.Read(0L, bytes.AsSpan())
                    name, (tensor.Type, List.ofSeq tensor.Shape, bytes)
            ]
        |> change

    use writer =
        new SafeTensorsWriter(
            Path.Combine(copy, "model.safetensors"),
            [
                for KeyValue(name, (kind, shape, _)) in changed ->
                    SafeTensorPlan(name, kind, List.toArray shape)
            ]
        )

    for KeyValue(name, (_, _, bytes)) in changed do
        writer.Write(name, ReadOnlySpan bytes)

    writer.Complete()
    copy
