/// `evo inspect`.
module Evo.Cli.InspectVerb

open System
open System.IO
open System.Text.Json
open Argu
open Evo.Core
open Evo.Models
open Evo.Parallel
open Evo.Cli.Refusal

type InspectOptions =
    | [<MainCommand; ExactlyOnce>] Model of model: string
    | Set of assignment: string
    | Batch of sequences: int64
    | Seq_Len of tokens: int64
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
            | Each_Layer -> "show every tensor of every layer; without it the layers are folded into one."
            | Hf_Names -> "show Hugging Face's names."
            | Assembly _ -> Assemblies.usage
            | Json -> "write everything as JSON, for a program."

/// What is inspected: the model, and the size of a step.
let private subject (options: ParseResults<InspectOptions>) : CausalLM * int64 * int64 =
    let path = options.GetResult Model

    let spec, batch, length =
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
            spec, 1L, min 2048L (max 1L (int64 spec.Size.MaxPositions))
        else
            Assemblies.ofOption (options.TryGetResult Assembly)
            let run = ConfigFile.load (options.GetResults Set) path
            ConfigFile.spec run, int64 run.Data.MicroBsz * int64 run.Data.MicroNum, int64 run.Data.SeqLen

    spec, options.GetResult(Batch, batch), options.GetResult(Seq_Len, length)

let private shape (sizes: int64 seq) =
    String.Join(" x ", sizes |> Seq.map string)

/// The rows of the parameter table: names, shape, how many tensors, numbers in them, how they start.
let private rows (options: ParseResults<InspectOptions>) (found: Inspection) =
    let name (logical: string) (huggingFace: string) =
        if options.Contains Hf_Names then huggingFace else logical

    if options.Contains Each_Layer then
        [
            for p in found.Parameters ->
                [
                    name p.Name p.HuggingFaceName
                    shape p.Shape
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
                    shape g.Shape
                    string g.Tensors
                    g.Count.ToString "N0"
                    string g.Init
                ]
        ]

let private show (options: ParseResults<InspectOptions>) (found: Inspection) =
    let header = [ "parameter"; "shape"; "tensors"; "numbers"; "at the start" ]

    Terminal.table (Set.ofList [ 2; 3 ]) (header :: rows options found)
    |> List.iter Terminal.say

    let flops = found.Flops
    let tokens = float (found.Batch * found.Length)

    let operations what (value: float) =
        [
            "  " + what
            (value / 1e9).ToString "F3"
            (value / tokens / 1e6).ToString "F3"
        ]

    Terminal.say ""

    let active =
        if found.ActiveCount = found.ParameterCount then
            ""
        else
            $", {found.ActiveCount:N0} of them active for a token"

    Terminal.say
        $"{found.Family} ({found.Architecture}): {found.ParameterCount:N0} parameters{active}, {found.EmbeddingCount:N0} of them only looked up"

    Terminal.table
        (Set.ofList [ 1; 2 ])
        [
            [
                $"a step of {found.Batch} x {found.Length} tokens"
                "10^9 operations"
                "a token, 10^6"
            ]
            operations "forward" flops.ForwardCausal
            operations "forward and backward" flops.TotalCausal
            operations "forward and backward, full attention squares" flops.TotalFull
        ]
    |> List.iter Terminal.say

    let bytes each = Terminal.bytes (found.Bytes each)

    Terminal.say
        $"memory of weights: {bytes 4} in float32, {bytes 2} in bfloat16; master weights and optimizer state: {bytes 12}"

let private inspect (options: ParseResults<InspectOptions>) =
    let spec, batch, length = subject options
    let found = Inspection.Of(spec, batch, length)

    if options.Contains Json then
        Terminal.say (found.ToJson().ToJsonString(JsonSerializerOptions(WriteIndented = true)))
    else
        show options found

    ExitCode.Done

let verb =
    Verb.make<InspectOptions>
        "inspect"
        "Prints a model's parameter table, its counts and its operations."
        "Nothing is loaded and nothing is trained: it is arithmetic on the model's description. Operations count a multiplication and an addition as two."
        [
            "./evo inspect configs/demo.json"
            "./evo inspect configs/llama2.json --seq-len 1024 --json"
        ]
        inspect
