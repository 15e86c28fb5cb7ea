/// `evo inspect`.
module Evo.Cli.InspectVerb

open System
open System.IO
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
    | Hf_Names
    | Json

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Model _ -> "a configuration, a Hugging Face folder, a run or one of its checkpoints."
            | Set _ -> "path=value: set a key of the configuration; may be given several times."
            | Batch _ -> "sequences in a step; those of the configuration without it, or 1."
            | Seq_Len _ ->
                "tokens in a sequence; those of the configuration without it, or the model's positions, at most 2048."
            | Hf_Names -> "show Hugging Face's names."
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

            let spec = HuggingFaceFolder.ReadConfig folder
            spec, 1L, min 2048L (max 1L (int64 spec.Size.MaxPositions))
        else
            let run = ConfigFile.load (options.GetResults Set) path
            ConfigFile.spec run, int64 run.Data.MicroBsz * int64 run.Data.MicroNum, int64 run.Data.SeqLen

    spec, options.GetResult(Batch, batch), options.GetResult(Seq_Len, length)

let private shape (parameter: ParameterInfo) =
    String.Join(" x ", parameter.Shape |> Seq.map string)

let private asJson (spec: CausalLM) (batch: int64) (length: int64) =
    let text value = Json.make (JString value)
    let whole (value: int64) = Json.make (JNumber(string value))
    let real (value: float) = Json.make (JNumber(Json.number value))
    let flops = spec.FlopsPerStep(batch, length)

    Json.makeObject
        [
            "family", text spec.Family.Name
            "architecture", text spec.Family.Architecture
            "parameter_count", whole spec.ParameterCount
            "batch", whole batch
            "seq_len", whole length
            "flops_forward", real flops.ForwardCausal
            "flops_step", real flops.TotalCausal
            "flops_step_full_attention", real flops.TotalFull
            "parameters",
            Json.make (
                JArray
                    [
                        for parameter in spec.Parameters ->
                            Json.makeObject
                                [
                                    "name", text parameter.Name
                                    "huggingface_name", text parameter.HuggingFaceName
                                    "shape", Json.make (JArray [ for size in parameter.Shape -> whole size ])
                                    "count", whole parameter.Count
                                    "initialization", text (string parameter.Init)
                                ]
                    ]
            )
        ]

let private inspect (options: ParseResults<InspectOptions>) =
    let spec, batch, length = subject options

    if options.Contains Json then
        Terminal.say (Json.render (asJson spec batch length))
    else
        let name (parameter: ParameterInfo) =
            if options.Contains Hf_Names then
                parameter.HuggingFaceName
            else
                parameter.Name

        let rows =
            [
                [ "parameter"; "shape"; "count"; "at the start" ]
                for parameter in spec.Parameters do
                    [
                        name parameter
                        shape parameter
                        parameter.Count.ToString "N0"
                        string parameter.Init
                    ]
            ]

        Terminal.table (Set.ofList [ 2 ]) rows |> List.iter Terminal.say
        let flops = spec.FlopsPerStep(batch, length)
        let count = spec.ParameterCount
        let tokens = float (batch * length)

        Terminal.say ""

        Terminal.say
            $"{spec.Family.Name} ({spec.Family.Architecture}): {count:N0} parameters, {Terminal.count count}"

        Terminal.table
            (Set.ofList [ 1; 2 ])
            [
                [ $"a step of {batch} x {length} tokens"; "10^9 operations"; "a token, 10^6" ]
                for what, value in
                    [
                        "forward", flops.ForwardCausal
                        "forward and backward", flops.TotalCausal
                        "forward and backward, full attention squares", flops.TotalFull
                    ] do
                    [
                        "  " + what
                        (value / 1e9).ToString "F3"
                        (value / tokens / 1e6).ToString "F3"
                    ]
            ]
        |> List.iter Terminal.say

        let bytes (each: int64) = Terminal.bytes (count * each)

        Terminal.say
            $"memory of weights: {bytes 4L} in float32, {bytes 2L} in bfloat16; optimizer state and master weights: {bytes 12L}"

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
