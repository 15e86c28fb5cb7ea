/// `evo generate`.
module Evo.Cli.GenerateVerb

open System
open System.Diagnostics
open System.Text
open Argu
open TorchSharp
open Evo.Core
open Evo.Parallel
open Evo.Cli.Refusal

type GenerateOptions =
    | [<Mandatory; AltCommandLine("-c")>] Checkpoint of folder: string
    | [<Mandatory; AltCommandLine("-p")>] Prompt of text: string
    | Max_Tokens of count: int
    | Temperature of temperature: float
    | Top_K of k: int
    | Top_P of p: float
    | Seed of seed: uint64
    | Ignore_Eos
    | No_Cache
    | Tokenizer of model: string
    | Dtype of dtype: string
    | Device of device: string
    | Assembly of path: string
    | Json

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Checkpoint _ ->
                "a run's folder (its newest checkpoint is taken), a checkpoint, or a Hugging Face folder."
            | Prompt _ -> "beginning of the text."
            | Max_Tokens _ -> "most tokens written; default 128."
            | Temperature _ ->
                "logits are divided by it; 0 always takes the most probable token; default 0.8."
            | Top_K _ -> "only the K most probable tokens are kept; default 0: all."
            | Top_P _ ->
                "only the most probable tokens whose probabilities reach P are kept; default 0.95; 1 keeps all."
            | Seed _ -> "seed of the draws; default 0. The same seed gives the same text."
            | Ignore_Eos -> "write on after the token that ends a text."
            | No_Cache -> "compute the whole text anew for every token: slower, the same tokens."
            | Tokenizer _ ->
                "the tokenizer: a .model file, a tokenizer.json, a tiktoken file or a folder; the one in the checkpoint without it."
            | Dtype _ -> "float32 (default), bfloat16 or float64."
            | Device _ -> ComputeDevice.words
            | Assembly _ -> Assemblies.usage
            | Json -> "write text and figures as JSON, for a program."

let private dtype name =
    match name with
    | "float32" -> torch.ScalarType.Float32
    | "bfloat16" -> torch.ScalarType.BFloat16
    | "float64" -> torch.ScalarType.Float64
    | other -> usage $"--dtype {other}: must be float32, bfloat16 or float64" ""

let private settings (options: ParseResults<GenerateOptions>) =
    let settings =
        SamplingOptions(
            MaxNewTokens = options.GetResult(Max_Tokens, 128),
            Temperature = options.GetResult(Temperature, 0.8),
            TopK = options.GetResult(Top_K, 0),
            TopP = options.GetResult(Top_P, 0.95),
            Seed = options.GetResult(Seed, 0UL),
            StopAtEos = not (options.Contains Ignore_Eos)
        )

    match List.ofSeq (settings.Problems()) with
    | [] -> settings
    | problems -> usage (String.Join("\n", problems)) ""

let private generate (options: ParseResults<GenerateOptions>) =
    let settings = settings options
    let dtype = dtype (options.GetResult(Dtype, "float32"))
    let device = ComputeDevice.parse (options.GetResult(Device, "cpu"))
    let tokenizer = options.TryGetResult Tokenizer |> Option.toObj
    use stop = new Stop()
    Assemblies.ofFolder (options.TryGetResult Assembly) (options.GetResult Checkpoint)

    use loaded =
        LoadedModel.Open(options.GetResult Checkpoint, tokenizer, dtype, device)

    let generator = Generator(loaded.Module, loaded.Tokenizer)
    let prompt = options.GetResult Prompt
    let ids = generator.PromptIds prompt
    let text = TextStream(fun tokens -> loaded.Tokenizer.Decode tokens)
    text.Prime ids
    let json = options.Contains Json
    let clock = Stopwatch.StartNew()
    let written = StringBuilder()
    let mutable tokens = 0

    let emit (piece: string) =
        written.Append piece |> ignore

        if not json then
            Console.Out.Write piece
            Console.Out.Flush()

    if not json then
        emit prompt
        written.Clear() |> ignore

    for token in generator.Tokens(ids, settings, not (options.Contains No_Cache), stop.Token) do
        tokens <- tokens + 1
        emit (text.Add token)

    emit (text.Finish())
    let seconds = clock.Elapsed.TotalSeconds

    if json then
        Json.makeObject
            [
                "checkpoint", Json.make (JString loaded.Folder)
                "prompt", Json.make (JString prompt)
                "text", Json.make (JString(written.ToString()))
                "prompt_tokens", Json.make (JNumber(string ids.Count))
                "tokens", Json.make (JNumber(string tokens))
                "seconds", Json.make (JNumber(Json.number seconds))
            ]
        |> Json.compact
        |> Terminal.say
    else
        Terminal.say ""

        Terminal.tell
            $"{tokens} tokens in {Terminal.duration seconds}, {float tokens / max 1e-9 seconds:F1} a second, from {loaded.Folder}"

    if stop.Token.IsCancellationRequested then
        ExitCode.Stopped
    else
        ExitCode.Done

let verb =
    Verb.make<GenerateOptions>
        "generate"
        "Continues a text with a trained model, piece by piece as it is written."
        "The same checkpoint, prompt, options and seed give the same text. The text goes to standard output, its speed to standard error."
        [
            "./evo generate --checkpoint runs/demo --prompt \"Gets the number of\" --max-tokens 64"
        ]
        generate
