/// `evo verify`: against recorded figures on one device; at layouts, see `VerifyLayouts`.
module Evo.Cli.VerifyVerb

open System.IO
open System.Text.Json
open Argu
open Evo.Core
open Evo.Parallel.Verification
open TorchSharp
open Evo.Cli.Refusal

let private existing (option: string) (path: string) =
    if not (File.Exists path) then
        refuse ExitCode.Data $"{option} {path}: no such file"

    path

/// A figures file, or the one in a recorded case's folder.
let private figures (path: string) =
    if Directory.Exists path then
        existing "--golden" (Path.Combine(path, "golden.safetensors"))
    else
        existing "--golden" path

/// Where the weights of recorded figures are: the folder that is named, or that of the figures.
let private folderOf (options: ParseResults<VerifyOption>) (golden: string) =
    match options.TryGetResult Hf, options.TryGetResult Model with
    | Some _, Some _ -> usage "evo verify: a model and --hf both name what to verify; give one of them" ""
    | Some folder, None
    | None, Some folder -> folder
    | None, None -> Option.defaultValue "." (Option.ofObj (Path.GetDirectoryName golden))

let private recorded (options: ParseResults<VerifyOption>) (golden: string) =
    match options.TryGetResult Hf with
    | Some folder when not (Directory.Exists folder) -> refuse ExitCode.Data $"--hf {folder}: no such folder"
    | _ -> ()

    let golden = figures golden
    let folder = folderOf options golden

    if not (Directory.Exists folder) then
        refuse ExitCode.Data $"--hf {folder}: no such folder"

    Assemblies.ofFolder (options.TryGetResult Assembly) folder

    VerifyOptions(
        Folder = folder,
        GoldenFile = golden,
        PackedFile = (options.TryGetResult Packed |> Option.map (existing "--packed") |> Option.toObj),
        Strict = options.Contains Strict,
        RecomputeFraction = options.GetResult(Recompute, 0.0),
        Device = ComputeDevice.parse (options.GetResult(Device, "cpu")),
        Dtype =
            match options.GetResult(Dtype, "float32") with
            | "float32" -> torch.ScalarType.Float32
            | "float64" -> torch.ScalarType.Float64
            | other -> usage $"--dtype {other}: must be float32 or float64" ""
    )

let private onOneDevice (options: ParseResults<VerifyOption>) (settings: VerifyOptions) =
    let report = Verifier.Run settings

    if options.Contains Json then
        Terminal.say (report.ToJson().ToJsonString(JsonSerializerOptions(WriteIndented = true)))
    else
        Terminal.say (report.ToText().TrimEnd())

    if report.Passed then ExitCode.Done else ExitCode.AnswerIsNo

/// Options that mean nothing where they are given.
let private refuseIdle (options: ParseResults<VerifyOption>) =
    let idle =
        if VerifyLayouts.asked options then
            [
                "--packed", options.Contains Packed, "layouts are compared with unpacked rows"
                if not (options.Contains Golden) then
                    "--strict", options.Contains Strict, "there are no recorded figures (--golden)"
                    "--dtype", options.Contains Dtype, "the law of parity is in float64"
                else
                    "--set", options.Contains Set, "the recorded model is in its folder"
            ]
        else
            [
                "--set", options.Contains Set, "it changes a configuration that is laid out (--layouts)"
            ]

    for option, given, reason in idle do
        if given then
            usage $"evo verify: {option} has no effect: {reason}; leave it out" ""

let private verify (options: ParseResults<VerifyOption>) =
    refuseIdle options

    Evo.Torch.Ops.UseNative <-
        match options.GetResult(Kernels, "native") with
        | "native" -> true
        | "plain" -> false
        | other -> usage $"evo verify: --kernels {other}: must be native or plain" ""

    match options.TryGetResult Golden, VerifyLayouts.asked options with
    | golden, true -> VerifyLayouts.run options (golden |> Option.map (recorded options))
    | Some golden, false -> onOneDevice options (recorded options golden)
    | None, false ->
        usage
            "evo verify: compare with what? There is neither --golden nor --layouts"
            "--golden FILE compares with recorded figures, --layouts all tries the law of parity; evo verify --help shows an example of each."

let verb =
    Verb.make<VerifyOption>
        "verify"
        "Compares a model on many ranks with one device, or a Hugging Face model with figures that were computed elsewhere."
        "With --golden every quantity of the files is compared: logits, loss, hidden states, gradients. It prints the largest error of each
kind beside what is accepted and what is strict. docs/verify.md describes the files.

With --layouts, or the options of one layout, the model is made tiny and trained for three steps on ranks that are threads of this
process, in float64: loss, gradients, norm and updated parameters must be those of one device to 1e-10, and replicas bit-equal.
Layers, rows and tokens grow to what a layout needs. With --golden too, the recorded case runs at the layouts instead.
docs/parity.md states the law.

Exit code 0 when all holds, 1 when one does not, was not compared, or nothing was tried."
        [
            "./evo verify --hf tests/golden/llama2 --golden tests/golden/llama2/golden.safetensors --packed tests/golden/llama2/packed.safetensors"
            "./evo verify llama2 --layouts all --world 2"
            "./evo verify mixtral --mode msp --tp 2 --pp 2 --schedule ZBH1"
            "./evo verify --golden tests/golden/llama2 --layouts all --world 2"
        ]
        verify
