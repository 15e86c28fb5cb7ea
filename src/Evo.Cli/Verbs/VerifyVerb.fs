/// `evo verify`.
module Evo.Cli.VerifyVerb

open System.IO
open System.Text.Json
open Argu
open Evo.Core
open Evo.Parallel.Verification
open TorchSharp
open Evo.Cli.Refusal

type VerifyOption =
    | [<Mandatory>] Hf of folder: string
    | [<Mandatory>] Golden of file: string
    | Packed of file: string
    | Strict
    | Dtype of dtype: string
    | Recompute of fraction: float
    | Assembly of path: string
    | Json

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Hf _ -> "a Hugging Face folder: config.json and weights."
            | Golden _ ->
                "figures to compare with, a safetensors file: input_ids, labels, and any of logits, loss, hidden states and gradients."
            | Packed _ -> "figures of two sequences packed into one row."
            | Strict -> "take the strict column: what a sound float32 path reaches."
            | Dtype _ -> "float32 (default) or float64."
            | Recompute _ ->
                "part of the layers computed again in the backward pass, to verify that way too; default 0."
            | Assembly _ -> Assemblies.usage
            | Json -> "write every quantity with its error and both bounds as JSON, for a program."

let private existing (option: string) (path: string) =
    if not (File.Exists path) then
        refuse ExitCode.Data $"{option} {path}: no such file"

    path

let private verify (options: ParseResults<VerifyOption>) =
    let folder = options.GetResult Hf

    if not (Directory.Exists folder) then
        refuse ExitCode.Data $"--hf {folder}: no such folder"

    let settings =
        VerifyOptions(
            Folder = folder,
            GoldenFile = existing "--golden" (options.GetResult Golden),
            PackedFile = (options.TryGetResult Packed |> Option.map (existing "--packed") |> Option.toObj),
            Strict = options.Contains Strict,
            RecomputeFraction = options.GetResult(Recompute, 0.0),
            Dtype =
                match options.GetResult(Dtype, "float32") with
                | "float32" -> torch.ScalarType.Float32
                | "float64" -> torch.ScalarType.Float64
                | other -> usage $"--dtype {other}: must be float32 or float64" ""
        )

    Assemblies.ofFolder (options.TryGetResult Assembly) folder
    let report = Verifier.Run settings

    if options.Contains Json then
        Terminal.say (report.ToJson().ToJsonString(JsonSerializerOptions(WriteIndented = true)))
    else
        Terminal.say (report.ToText().TrimEnd())

    if report.Passed then ExitCode.Done else ExitCode.AnswerIsNo

let verb =
    Verb.make<VerifyOption>
        "verify"
        "Compares a Hugging Face model, as Evo computes it, with figures that were computed elsewhere."
        "Every quantity of the files is compared: logits, loss, hidden states, gradients. It prints the largest error of each kind beside
what is accepted and what is strict. Exit code 0 when all are within the column asked for, 1 when one is not, or was not
compared. docs/verify.md describes the files."
        [
            "./evo verify --hf tests/golden/llama2 --golden tests/golden/llama2/golden.safetensors --packed tests/golden/llama2/packed.safetensors"
        ]
        verify
