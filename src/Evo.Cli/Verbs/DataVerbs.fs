/// `evo tokenizer train`, `evo tokenize` and `evo data sdk-docs`: from text to token files.
module Evo.Cli.DataVerbs

open System
open System.IO
open Argu
open Evo.Core
open Evo.Data
open Evo.Cli.Refusal

/// The files of documents that words on the command line name: files themselves, or all of a folder.
let private textFiles (split: string option) (paths: string list) =
    [
        for path in paths do
            yield! DocumentFolder.Files(path, Option.toObj split)
    ]

let private text value = Json.make (JString value)
let private whole (value: int64) = Json.make (JNumber(string value))
let private real (value: float) = Json.make (JNumber(Json.number value))

type TokenizerOptions =
    | [<MainCommand; ExactlyOnce>] Input of file: string list
    | [<Mandatory; AltCommandLine("-o")>] Output of prefix: string
    | Vocab_Size of pieces: int
    | Algorithm of algorithm: string
    | Character_Coverage of part: float
    | Max_Lines of lines: int
    | Field of field: string
    | Seed of seed: int
    | Json

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Input _ ->
                "files of text, or folders of them: .txt, .jsonl (also .gz and .zst), .arrow, .parquet."
            | Output _ -> "prefix of the two files that are written, PREFIX.model and PREFIX.vocab."
            | Vocab_Size _ -> "number of pieces, marks and byte pieces included; default 4096."
            | Algorithm _ -> "bpe (default) or unigram."
            | Character_Coverage _ ->
                "part of the text's characters that get pieces of their own; default 0.9995."
            | Max_Lines _ -> "most lines used, drawn at random; default 0: all."
            | Field _ -> "field that holds the text of a .jsonl line; default text."
            | Seed _ -> "seed of the draw of lines; default 1024."
            | Json -> "write the result as JSON, for a program."

let private trainTokenizer (options: ParseResults<TokenizerOptions>) =
    let files = textFiles None (options.GetResult TokenizerOptions.Input)
    let field = options.GetResult(TokenizerOptions.Field, "text")
    let algorithm = options.GetResult(Algorithm, "bpe")

    if algorithm <> "bpe" && algorithm <> "unigram" then
        usage $"--algorithm {algorithm}: must be bpe or unigram" ""

    let settings =
        SentencePieceOptions(
            VocabSize = options.GetResult(Vocab_Size, 4096),
            Algorithm = algorithm,
            CharacterCoverage = options.GetResult(Character_Coverage, 0.9995),
            MaxLines = options.GetResult(Max_Lines, 0),
            Seed = options.GetResult(Seed, 1024)
        )

    let total = files |> List.sumBy (fun file -> FileInfo(file).Length) |> max 1L
    let progress = Progress "training the tokenizer"

    let show (state: SentencePieceProgress) =
        let speed = float state.Bytes / 1e6 / max 0.001 state.Elapsed.TotalSeconds

        let detail =
            if state.Reading then
                $"read {Terminal.bytes state.Bytes} of {Terminal.bytes total}, {speed:F1} MB/s"
            else
                $"making pieces from {Terminal.count state.Lines} lines"

        // Reading is about a third of the work.
        let fraction =
            if state.Reading then
                min 0.33 (float state.Bytes / float total / 3.0)
            else
                0.33

        progress.Report(fraction, detail)

    let texts = files |> Seq.collect (fun file -> TextFiles.Documents(file, field))

    let model =
        SentencePieceTrainer.Train(settings, texts, options.GetResult TokenizerOptions.Output, Each show)

    progress.Finish $"{settings.VocabSize} pieces"

    if options.Contains TokenizerOptions.Json then
        Json.makeObject
            [
                "model", text model
                "vocab_size", whole (int64 settings.VocabSize)
                "seconds", real progress.Seconds
            ]
        |> Json.compact
        |> Terminal.say
    else
        Terminal.say $"wrote {model}"

    ExitCode.Done

type TokenizeOption =
    | [<MainCommand; ExactlyOnce>] Input of file: string list
    | [<Mandatory; AltCommandLine("-t")>] Tokenizer of model: string
    | [<Mandatory; AltCommandLine("-o")>] Output of bin: string
    | Field of field: string
    | Split of split: string
    | Whole_Files
    | Conversations of template: string
    | Max_Tokens of tokens: int
    | No_Bos
    | No_Eos
    | Threads of threads: int
    | Json

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Input _ ->
                "files, or folders of them, read one after the other: .txt, .jsonl (also .gz and .zst), .json lists, .arrow, .parquet, folders of Hugging Face data sets."
            | Tokenizer _ ->
                "the tokenizer: a .model file, a tokenizer.json, a tiktoken file, or a folder with one."
            | Output _ ->
                "the .bin file to write; its .meta is written beside it. A training folder has one folder of such files for each kind of text, as data/train/en/text.bin."
            | Field _ ->
                "field of a JSON object, or column of an .arrow or .parquet file, that holds the text; default text. A column in a struct is named outer.inner."
            | Split _ -> "part of a Hugging Face data set, such as train."
            | Whole_Files -> "a .txt file is one document; without it every line that is not empty is one."
            | Conversations _ ->
                "the inputs hold conversations, one a JSON object, of which what the assistant says is learned: Alpaca's, ShareGPT's or messages. The template is internlm or chatml."
            | Max_Tokens _ ->
                "with --conversations, most tokens of one; what is longer is cut. Default 0: any number."
            | No_Bos -> "do not begin each document with the begin token."
            | No_Eos -> "do not end each document with the end token."
            | Threads _ -> "threads that encode; default 0: every core. The output does not depend on it."
            | Json -> "write the result as JSON, for a program."

let private tokenize (options: ParseResults<TokenizeOption>) =
    let output = options.GetResult TokenizeOption.Output

    if not (output.EndsWith ".bin") then
        usage $"--output {output}: must end in .bin" $"Try {output}.bin"

    let template = options.TryGetResult Conversations

    match template with
    | Some name when not (Seq.contains name ChatTemplate.Names) ->
        let names = String.Join(", ", ChatTemplate.Names)
        usage $"--conversations {name}: there is no such template" $"There are {names}."
    | None when options.Contains Max_Tokens ->
        usage "--max-tokens: is for conversations" "Give --conversations too."
    | _ -> ()

    use tokenizer = TokenizerFiles.Open(options.GetResult Tokenizer)

    let settings =
        TokenizeOptions(
            Inputs = textFiles (options.TryGetResult Split) (options.GetResult TokenizeOption.Input),
            Output = output,
            Field = options.GetResult(TokenizeOption.Field, "text"),
            Unit =
                (if options.Contains Whole_Files then
                     TextUnit.File
                 else
                     TextUnit.Line),
            Template = Option.toObj template,
            MaxTokens = options.GetResult(Max_Tokens, 0),
            AddBos = not (options.Contains No_Bos),
            AddEos = not (options.Contains No_Eos),
            Workers = options.GetResult(Threads, 0)
        )

    let progress = Progress "tokenizing"

    let show (state: TokenizeProgress) =
        progress.Report(
            float state.Bytes / float (max 1L state.TotalBytes),
            $"{Terminal.bytes state.Bytes} of {Terminal.bytes state.TotalBytes}, {state.MegabytesPerSecond:F1} MB/s"
        )

    use stop = new Stop()
    let result = Tokenize.Run(settings, tokenizer, Each show, stop.Token)

    if result.DocumentsBefore > 0L then
        Terminal.tell $"went on after {result.DocumentsBefore} documents that an earlier run had finished"

    progress.Finish $"{Terminal.count result.Tokens} tokens"

    if options.Contains TokenizeOption.Json then
        Json.makeObject
            [
                "output", text output
                "documents", whole result.Documents
                "tokens", whole result.Tokens
                "documents_before", whole result.DocumentsBefore
                "bytes", whole result.TotalBytes
                "seconds", real result.Elapsed.TotalSeconds
                "megabytes_per_second", real result.MegabytesPerSecond
            ]
        |> Json.compact
        |> Terminal.say
    else
        Terminal.say
            $"wrote {output} and {output}.meta: {result.Documents} documents, {result.Tokens} tokens, {result.MegabytesPerSecond:F1} MB/s"

    ExitCode.Done

type SdkDocsOption =
    | [<Mandatory; AltCommandLine("-o")>] Output of folder: string
    | Held_Out of part: float
    | Sdk of folder: string
    | Json

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Output _ -> "folder that receives train.jsonl and valid.jsonl."
            | Held_Out _ -> "part of the documents held out into valid.jsonl; default 0.01."
            | Sdk _ -> "folder of the .NET SDK (the one with packs in it); found without it."
            | Json -> "write the result as JSON, for a program."

let private sdkDocs (options: ParseResults<SdkDocsOption>) =
    let folder = options.GetResult SdkDocsOption.Output
    let train = Path.Combine(folder, "train.jsonl")
    let valid = Path.Combine(folder, "valid.jsonl")

    let settings =
        SdkDocsOptions(
            HeldOut = options.GetResult(Held_Out, 0.01),
            Root = (options.TryGetResult Sdk |> Option.toObj)
        )

    let progress = Progress "extracting"

    let show (state: SdkDocsProgress) =
        let speed = float state.Bytes / 1e6 / max 0.001 progress.Seconds

        progress.Report(
            float state.Bytes / float (max 1L state.TotalBytes),
            $"{state.Files} of {state.TotalFiles} files, {speed:F1} MB/s"
        )

    let result = SdkDocs.Extract(settings, train, valid, Each show)
    progress.Finish $"{result.Distinct} texts"

    if options.Contains SdkDocsOption.Json then
        Json.makeObject
            [
                "train", text train
                "valid", text valid
                "files", whole result.Files
                "texts", whole result.Texts
                "distinct", whole result.Distinct
                "train_documents", whole result.Train
                "valid_documents", whole result.Valid
                "text_bytes", whole result.TextBytes
                "seconds", real result.Elapsed.TotalSeconds
            ]
        |> Json.compact
        |> Terminal.say
    else
        Terminal.say
            $"{result.Files} files of {result.Root}: {result.Texts} texts, {result.Distinct} of them different, {Terminal.bytes result.TextBytes}"

        Terminal.say $"wrote {train} ({result.Train} documents) and {valid} ({result.Valid} documents)"

    ExitCode.Done

let verbs =
    [
        Verb.make<TokenizerOptions>
            "tokenizer train"
            "Trains a sentencepiece tokenizer on text."
            "The same text and options give the same file. Text is taken line by line: a line break is never part of a piece."
            [
                "./evo data sdk-docs --output data/docs"
                "./evo tokenizer train --output data/docs/tokenizer --vocab-size 4096 data/docs/train.jsonl"
            ]
            trainTokenizer
        Verb.make<TokenizeOption>
            "tokenize"
            "Turns text and data sets into token files (.bin and .meta)."
            "The layout is InternEvo's; docs/data.md describes it. A run that is stopped, killed or fails keeps what it has finished: the same command goes on from there."
            [
                "./evo tokenize --tokenizer data/docs/tokenizer.model --output data/docs/train/en/text.bin data/docs/train.jsonl"
            ]
            tokenize
        Verb.make<SdkDocsOption>
            "data sdk-docs"
            "Extracts the text of the documentation that every .NET SDK carries."
            "Texts that occur twice are taken once, before a part is held out. Which part depends on the text alone."
            [ "./evo data sdk-docs --output data/docs" ]
            sdkDocs
    ]
