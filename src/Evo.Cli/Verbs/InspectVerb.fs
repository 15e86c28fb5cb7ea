/// `evo inspect`.
module Evo.Cli.InspectVerb

open System
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Argu
open Evo.Core
open Evo.Models
open Evo.Parallel
open TorchSharp
open Evo.Cli.Refusal

type InspectOptions =
    | [<MainCommand; ExactlyOnce>] Model of model: string
    | Set of assignment: string
    | Batch of sequences: int64
    | Seq_Len of tokens: int64
    | Mode of mode: string
    | Tp of ranks: int
    | Wp of ranks: int
    | Dtype of dtype: string
    | Html of file: string
    | Markdown
    | Each_Layer
    | Hf_Names
    | Assembly of path: string
    | Json

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Model _ -> "a configuration, a Hugging Face folder, a run or one of its checkpoints."
            | Set _ -> "path=value: set a key of the configuration; may be given several times."
            | Batch _ -> "sequences in a step; those of the configuration without it, or 1."
            | Seq_Len _ ->
                "tokens in a sequence; those of the configuration without it, or the model's positions, at most 2048."
            | Mode _ -> "how the model is spread: mtp, msp, fsp or isp; one device without it."
            | Tp _ -> "ranks that share a batch: features or tokens are spread over them."
            | Wp _ -> "ranks that share each weight, in mode isp; 1 without it."
            | Dtype _ ->
                "type of parameters and activations: float32, bfloat16, float16 or float64; that of the configuration without it, or bfloat16."
            | Html _ -> "write one page with the data flow drawn and all tables."
            | Markdown -> "print a page of documentation in Markdown, with flowcharts."
            | Each_Layer -> "show every tensor of every layer; without it the layers are folded into one."
            | Hf_Names -> "show Hugging Face's names."
            | Assembly _ -> Assemblies.usage
            | Json -> "write everything as JSON, for a program."

/// What is inspected: the model, the rows of a step, those that pass at once, the tokens of a row, and a type.
let private subject (options: ParseResults<InspectOptions>) : CausalLM * int64 * int64 * int64 * string =
    let path = options.GetResult Model

    let spec, batch, atOnce, length, dtype =
        if Directory.Exists path then
            if options.Contains Set then
                usage "evo inspect: --set changes a configuration, and this is a folder" ""

            let folder =
                if
                    File.Exists(Path.Combine(path, "config.json"))
                    && not (Directory.Exists(Path.Combine(path, "checkpoints")))
                then
                    path
                else
                    LoadedModel.Locate path

            Assemblies.ofFolder (options.TryGetResult Assembly) folder
            let spec = HuggingFaceFolder.ReadConfig folder
            spec, 1L, 1L, min 2048L (max 1L (int64 spec.Size.MaxPositions)), "bfloat16"
        else
            Assemblies.ofOption (options.TryGetResult Assembly)
            let run = ConfigFile.load (options.GetResults Set) path
            let atOnce = int64 run.Data.MicroBsz

            ConfigFile.spec run,
            atOnce * int64 run.Data.MicroNum,
            atOnce,
            int64 run.Data.SeqLen,
            run.Model.Dtype

    let positive name value =
        if value < 1L then
            usage $"evo inspect: {name} = {value}: must be 1 or more" ""

        value

    spec,
    positive "--batch" (options.GetResult(Batch, batch)),
    options.GetResult(Batch, atOnce),
    positive "--seq-len" (options.GetResult(Seq_Len, length)),
    options.GetResult(Dtype, dtype)

let private scalarType (dtype: string) =
    match dtype with
    | "float32" -> torch.ScalarType.Float32
    | "bfloat16" -> torch.ScalarType.BFloat16
    | "float16" -> torch.ScalarType.Float16
    | "float64" -> torch.ScalarType.Float64
    | other -> usage $"evo inspect: --dtype = {other}: must be float32, bfloat16, float16 or float64" ""

/// Mode and degrees of the command line.
let private degrees (options: ParseResults<InspectOptions>) : ModeDegrees =
    let modes = [ "mtp"; "msp"; "fsp"; "isp" ]

    match options.TryGetResult Mode, options.TryGetResult Tp, options.TryGetResult Wp with
    | None, None, None -> ModeDegrees.Single
    | None, _, _ ->
        usage "evo inspect: --tp and --wp are degrees of a mode: give --mode mtp, msp, fsp or isp too" ""
    | Some mode, _, _ when not (List.contains mode modes) ->
        usage $"evo inspect: --mode = {mode}: must be mtp, msp, fsp or isp; leave it out for one device" ""
    | Some mode, None, _ ->
        usage $"evo inspect: --mode {mode} needs --tp, the number of ranks that share a batch" ""
    | Some mode, Some tp, _ when tp < 1 -> usage $"evo inspect: --tp = {tp}: must be 1 or more" ""
    | Some mode, _, Some wp when mode <> "isp" ->
        usage $"evo inspect: --wp = {wp}: only isp shares weights, and the mode is {mode}; leave it out" ""
    | _, _, Some wp when wp < 1 -> usage $"evo inspect: --wp = {wp}: must be 1 or more" ""
    | Some mode, Some tp, wp -> ModeDegrees(Enum.Parse<ParallelMode>(mode, true), tp, defaultArg wp 1)

/// The rows of the parameter table: names, shape, how many tensors, numbers in them, how they start.
let private rows (options: ParseResults<InspectOptions>) (found: Inspection) =
    let name (logical: string) (huggingFace: string) =
        if options.Contains Hf_Names then huggingFace else logical

    if options.Contains Each_Layer then
        [
            for p in found.Parameters ->
                [
                    name p.Name p.HuggingFaceName
                    Tables.shape p.Shape
                    "1"
                    p.Count.ToString "N0"
                    string p.Init
                ]
        ]
    else
        [
            for g in found.Groups ->
                [
                    name g.Name g.HuggingFaceName
                    Tables.shape g.Shape
                    string g.Tensors
                    g.Count.ToString "N0"
                    string g.Init
                ]
        ]

let private print (table: Tables.Table) =
    Terminal.say ""
    Terminal.say table.Title
    Terminal.table table.Numbers table.Rows |> List.iter Terminal.say

let private show (options: ParseResults<InspectOptions>) (model: Inspection) (found: ModeInspection) =
    let header = [ "parameter"; "shape"; "tensors"; "numbers"; "at the start" ]

    Terminal.table (Set.ofList [ 2; 3 ]) (header :: rows options model)
    |> List.iter Terminal.say

    Terminal.say ""

    let active =
        if model.ActiveCount = model.ParameterCount then
            ""
        else
            $", {model.ActiveCount:N0} of them active for a token"

    Terminal.say
        $"{model.Family} ({model.Architecture}): {model.ParameterCount:N0} parameters{active}, {model.EmbeddingCount:N0} of them only looked up"

    let spec = found.Spec

    if found.Degrees.Mode = ParallelMode.Serial then
        [
            Tables.memory found
            Tables.recomputation found
            Tables.operations model
            Tables.legal spec
            Tables.generated found.Plan spec
        ]
        |> List.iter print
    else
        Terminal.say $"in mode {found.Degrees}"
        Tables.ofMode spec model found |> List.iter print
        Terminal.say ""

        Terminal.say
            $"in a pass over {found.Batch} x {found.Length} tokens each rank sends {found.ForwardBytes:N0} bytes forward and {found.BackwardBytes:N0} backward, {found.ForwardBytes + found.BackwardBytes:N0} together"

let private json (model: Inspection) (found: ModeInspection) =
    let all = model.ToJson()
    all["spread"] <- ModeInspectionJson.Of found

    let files = JsonObject()

    for record, file in GeneratedFiles.find found.Plan found.Spec do
        files[record] <- JsonValue.Create file

    all["generated"] <- files
    all.ToJsonString(JsonSerializerOptions(WriteIndented = true))

let private inspect (options: ParseResults<InspectOptions>) =
    let degrees = degrees options
    let spec, batch, atOnce, length, dtype = subject options
    let model = Inspection.Of(spec, batch, length)
    let found = ModeInspection.Of(spec, degrees, atOnce, length, scalarType dtype)

    match options.TryGetResult Html with
    | Some file -> Terminal.writeFile file (Page.write spec model found)
    | None -> ()

    if options.Contains Json then
        Terminal.say (json model found)
    elif options.Contains Markdown then
        Terminal.say (MarkdownPage.write spec model found)
    elif options.Contains Html then
        Terminal.say $"wrote {options.GetResult Html}"
    else
        show options model found

    ExitCode.Done

let verb =
    Verb.make<InspectOptions>
        "inspect"
        "Prints what a model is, and in a mode who holds what, what is sent and what is kept."
        "Nothing is loaded and nothing is trained: it is arithmetic on the model's description. Operations count a multiplication and an addition as two. Bytes sent are those of each rank; formulas are of b rows of s tokens on t ranks of the tensor and w of the weight axis."
        [
            "./evo inspect configs/demo.json"
            "./evo inspect configs/llama2.json --seq-len 1024 --json"
            "./evo inspect configs/llama2.json --mode msp --tp 2"
        ]
        inspect
