/// `evo convert`.
module Evo.Cli.ConvertVerb

open System
open System.Globalization
open System.IO
open System.Text.RegularExpressions
open Argu
open Evo.Core
open Evo.Parallel
open TorchSharp
open Evo.Cli.Refusal

type ConvertOption =
    | From_Hf of folder: string
    | To_Hf of folder: string
    | From_Internevo of folder: string
    | Config of config: string
    | Qk_Interleaved of interleaved: bool
    | [<Mandatory; AltCommandLine("-o")>] Out of folder: string
    | Dtype of dtype: string
    | Shard_Size of size: string
    | Force
    | Assembly of path: string
    | Json

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | From_Hf _ ->
                "a Hugging Face folder: config.json, and weights as safetensors or as PyTorch's .bin, in one file or in shards."
            | To_Hf _ ->
                "a run's folder (its newest whole checkpoint is taken), a checkpoint, or a model folder."
            | From_Internevo _ ->
                "the folder of one step that InternEvo saved, on any number of ranks: model_tp0_pp0.pt and so on."
            | Config _ ->
                "with --from-internevo: the configuration of the run, InternEvo's in Python or Evo's, which describes the model."
            | Qk_Interleaved _ ->
                "with --from-internevo: whether rows of queries and keys lie in pairs. Without it InternEvo's configuration says so, or model_config.pt in the folder."
            | Out _ -> "folder that is written; it appears when it is complete."
            | Dtype _ ->
                "float32, bfloat16, float16, or keep (default): every tensor in the type that it has."
            | Shard_Size _ ->
                "largest size of one weights file, such as 500MB or 2GiB; default 5GB. A larger tensor has a file to itself."
            | Force -> "replace the model folder that is there already."
            | Assembly _ -> Assemblies.usage
            | Json -> "write the result as JSON, for a program."

/// Bytes of a size as people write it: 5GB is 5 * 10^9, 5GiB is 5 * 2^30.
let private shardBytes (text: string) : int64 =
    let found =
        Regex.Match(text.Trim(), @"^(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?$", RegexOptions.IgnoreCase)

    let wrong () =
        usage $"--shard-size {text}: must be a size of at least 1 byte, such as 500MB, 5GB or 2GiB" ""

    if not found.Success then
        wrong ()
    else
        let unit = if found.Groups[3].Value = "" then 1000.0 else 1024.0

        let power =
            match found.Groups[2].Value.ToUpperInvariant() with
            | "K" -> 1.0
            | "M" -> 2.0
            | "G" -> 3.0
            | "T" -> 4.0
            | _ -> 0.0

        let value =
            Double.Parse(found.Groups[1].Value, CultureInfo.InvariantCulture)
            * Math.Pow(unit, power)

        if value >= 1.0 && value < 9e18 then
            int64 value
        else
            wrong ()

let private dtype (text: string) : Nullable<torch.ScalarType> =
    match text with
    | "keep" -> Nullable()
    | "float32" -> Nullable torch.ScalarType.Float32
    | "bfloat16" -> Nullable torch.ScalarType.BFloat16
    | "float16" -> Nullable torch.ScalarType.Float16
    | other -> usage $"--dtype {other}: must be float32, bfloat16, float16 or keep" ""

let private text value = Evo.Core.Json.make (JString value)

let private whole (value: int64) =
    Evo.Core.Json.make (JNumber(string value))

let private texts (values: string seq) =
    Evo.Core.Json.make (JArray [ for value in values -> text value ])

let private asJson (seconds: float) (report: ConversionReport) =
    Evo.Core.Json.makeObject
        [
            "source", text report.Source
            "output", text report.Output
            "family", text report.Family
            "architecture", text report.Architecture
            "parameters", whole report.Parameters
            "tensors", whole report.Tensors
            "bytes", whole report.Bytes
            "shards", whole report.Shards
            "dtype", text report.Dtype
            "dropped", texts report.Dropped
            "copied", texts report.Copied
            "left_out", texts report.LeftOut
            "seconds", Evo.Core.Json.make (JNumber(Evo.Core.Json.number seconds))
        ]
    |> Evo.Core.Json.compact

/// The first few of many names.
let private some (names: string seq) =
    let first = names |> Seq.truncate 5 |> String.concat ", "
    let more = Seq.length names - 5
    if more > 0 then $"{first} and {more} more" else first

let private say (report: ConversionReport) =
    let files =
        if report.Shards = 1 then
            "1 file"
        else
            $"{report.Shards} files"

    Terminal.say
        $"wrote {report.Output}: {report.Architecture}, {report.Parameters:N0} parameters, {report.Tensors} tensors in {files}, {Terminal.bytes report.Bytes}, {report.Dtype}"

    for what, names in
        [
            "copied along", report.Copied
            "left out, no part of a model folder", report.LeftOut
            "tensors dropped, computed by the model or tied to another", report.Dropped
        ] do
        if names.Count > 0 then
            Terminal.say $"{what}: {some names}"

/// What is done with the folder that an option names.
let private conversion (options: ParseResults<ConvertOption>) (name: string) =
    match name, options.TryGetResult Config with
    | "--from-internevo", None ->
        usage
            "evo convert: --from-internevo needs --config, the configuration that the checkpoint was trained with"
            "Its files do not say what family the model is of, nor how many heads it has."
    | "--from-internevo", Some config ->
        Assemblies.ofOption (options.TryGetResult Assembly)
        let spec, said = ConfigFile.model config

        let interleaved =
            options.TryGetResult Qk_Interleaved |> Option.orElse said |> Option.toNullable

        fun (o: ConversionOptions, progress, stop) ->
            Conversion.FromInternEvo(o, spec, interleaved, progress, stop)
    | _, config ->
        if config.IsSome || options.Contains Qk_Interleaved then
            usage $"evo convert: --config and --qk-interleaved belong to --from-internevo, not to {name}" ""

        fun (o, progress, stop) ->
            if name = "--from-hf" then
                Conversion.FromHuggingFace(o, progress, stop)
            else
                Conversion.ToHuggingFace(o, progress, stop)

let private convert (options: ParseResults<ConvertOption>) =
    let sources =
        [
            for name, given in
                [
                    "--from-hf", options.TryGetResult From_Hf
                    "--to-hf", options.TryGetResult To_Hf
                    "--from-internevo", options.TryGetResult From_Internevo
                ] do
                match given with
                | Some folder -> name, folder
                | None -> ()
        ]

    let name, source =
        match sources with
        | [ only ] -> only
        | [] ->
            usage
                "evo convert: give --from-hf, --to-hf or --from-internevo, with the folder that is read"
                "evo convert --help shows the options and an example."
        | (one, _) :: (other, _) :: _ ->
            usage $"evo convert: {one} and {other} contradict each other" "Give one of them."

    let convert = conversion options name

    let settings =
        ConversionOptions(
            Source = source,
            Output = options.GetResult Out,
            Dtype = dtype (options.GetResult(Dtype, "keep")),
            ShardBytes = shardBytes (options.GetResult(Shard_Size, "5GB")),
            Force = options.Contains Force
        )

    if
        options.Contains From_Hf
        && Directory.Exists(Path.Combine(source, "checkpoints"))
    then
        usage $"--from-hf {source}: this is the folder of a run" "Use --to-hf to take its newest checkpoint."

    if name <> "--from-internevo" then
        Assemblies.ofFolder (options.TryGetResult Assembly) source

    let progress = Progress "converting"

    let show (state: ConversionProgress) =
        let speed = float state.Bytes / 1e6 / max 0.001 progress.Seconds

        progress.Report(
            float state.Bytes / float (max 1L state.TotalBytes),
            $"{Terminal.bytes state.Bytes} of {Terminal.bytes state.TotalBytes}, {speed:F0} MB/s, file {state.Shard} of {state.Shards}"
        )

    use stop = new Stop()
    let report = convert (settings, Each show, stop.Token)
    progress.Finish(Terminal.bytes report.Bytes)

    if options.Contains Json then
        Terminal.say (asJson progress.Seconds report)
    else
        say report

    ExitCode.Done

let verb =
    Verb.make<ConvertOption>
        "convert"
        "Converts a model: from a Hugging Face folder to Evo's form, from a run back to a Hugging Face folder, or from InternEvo's checkpoint."
        "Names, shapes and config.json are checked as a whole before anything is written, and everything that does not fit is listed.
Tensors are streamed, so a model may be larger than memory. PyTorch's .bin files are read as data: nothing of them is
executed. The folder appears by one rename when it is complete. InternEvo's checkpoints are read as they were saved, whatever the mode
and the number of ranks. docs/conversion.md says what is read, written and copied."
        [
            "./evo convert --from-hf tests/golden/gpt2 --out runs/gpt2-bfloat16 --dtype bfloat16 --force"
            "./evo convert --to-hf runs/gpt2-bfloat16 --out runs/gpt2-hf --shard-size 50kB --force"
            "./evo convert --from-internevo llm_ckpts/50000 --config tests/internevo/configs/7B_internlm2.py --out runs/internlm2-hf"
        ]
        convert
