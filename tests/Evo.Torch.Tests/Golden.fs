/// Figures computed by PyTorch, kept as safetensors files beside the tests.
module Evo.Torch.Tests.Golden

open System
open System.IO
open System.Text.Json
open TorchSharp

/// The folder tests/golden of the repository.
let folder =
    let rec above (at: DirectoryInfo | null) =
        match at with
        | null -> raise (DirectoryNotFoundException $"no tests/golden above {AppContext.BaseDirectory}")
        | at when Directory.Exists(Path.Combine(at.FullName, "tests", "golden")) ->
            Path.Combine(at.FullName, "tests", "golden")
        | at -> above at.Parent

    lazy (above (DirectoryInfo AppContext.BaseDirectory))

let text (name: string) =
    File.ReadAllText(Path.Combine(folder.Value, name))

/// The tensors of a file by name: float32 and int64 only.
let tensors (name: string) : Map<string, torch.Tensor> =
    let bytes = File.ReadAllBytes(Path.Combine(folder.Value, name))
    let header = int (BitConverter.ToInt64(bytes, 0))
    use json = JsonDocument.Parse(ReadOnlyMemory(bytes, 8, header))

    [
        for entry in json.RootElement.EnumerateObject() do
            if entry.Name <> "__metadata__" then
                let numbers (key: string) =
                    entry.Value.GetProperty(key).EnumerateArray()
                    |> Seq.map _.GetInt64()
                    |> Array.ofSeq

                let shape, range = numbers "shape", numbers "data_offsets"

                let dtype =
                    match entry.Value.GetProperty("dtype").GetString() with
                    | "F32" -> torch.float32
                    | "I64" -> torch.int64
                    | other -> raise (InvalidDataException $"{entry.Name} is of {other}")

                let tensor = torch.empty (shape, Nullable dtype)
                bytes.AsSpan(8 + header + int range[0], int (range[1] - range[0])).CopyTo tensor.bytes
                entry.Name, tensor
    ]
    |> Map.ofList
