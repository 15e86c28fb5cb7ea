/// Where the figures lie, and a verification of one folder of them.
module Evo.Models.Tests.Golden

open System.IO
open System.Runtime.CompilerServices
open Evo.Parallel.Verification
open TorchSharp
open Xunit

// The engine's own threads fill the machine, and live tensors are counted for the whole process.
[<assembly: CollectionBehavior(DisableTestParallelization = true)>]
do ()

type private Here =
    static member File([<CallerFilePath>] ?path: string) = defaultArg path ""

/// The folder tests/golden of the repository.
let root =
    Path.GetFullPath(Path.Combine(nonNull (Path.GetDirectoryName(Here.File())), "..", "golden"))

/// A folder of figures, or the file of that name in one.
let path (parts: string list) =
    Path.Combine(List.toArray (root :: parts))

/// Everything in a folder's figures beside what its model computes, packed row included.
let verify dtype recompute (folder: string list) =
    Verifier.Run(
        VerifyOptions(
            Folder = path folder,
            GoldenFile = path (folder @ [ "golden.safetensors" ]),
            PackedFile = path (folder @ [ "packed.safetensors" ]),
            Dtype = dtype,
            RecomputeFraction = recompute,
            Strict = true
        )
    )

/// Fails with the report where not every figure is within the right-hand column.
let holds dtype recompute folder =
    let report: VerifyReport = verify dtype recompute folder
    Assert.True(report.Passed, report.ToText())

/// The architectures of this room.
let families =
    [
        "llama2"
        "llama3"
        "internlm2"
        "gpt2"
        "internlm"
        "internlm3"
        "qwen2"
        "gemma"
        "baichuan2_7b"
        "baichuan2_13b"
        "mixtral"
        "qwen2_moe"
    ]

/// The configurations that the families' folders do not cover.
let variants =
    Directory.GetDirectories(path [ "variants" ])
    |> Array.map (fun d -> nonNull (Path.GetFileName d))
    |> Array.sort
    |> List.ofArray
