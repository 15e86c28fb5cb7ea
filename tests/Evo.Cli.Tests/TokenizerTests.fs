/// Verbs take a tokenizer of any kind; a run's checkpoints carry all of its files.
module Evo.Cli.Tests.TokenizerTests

open System
open System.IO
open System.Text.Json
open Xunit
open Evo.Cli.Tests.Command
open Evo.Cli.Tests.TrainTests

/// A byte-level tokenizer.json of the printable characters, a space, a line break and an end mark, with its config.
let private write (folder: Folder) =
    let texts =
        [ for code in 0x21..0x7E -> string (char code) ]
        @ [ "\u0120"; "\u010A"; "th"; "the" ]

    let vocab =
        String.Join(",", texts |> List.mapi (fun id text -> $"{JsonSerializer.Serialize text}:{id}"))

    let tokenizer =
        $"""{{"version":"1.0","added_tokens":[{{"id":{texts.Length},"content":"<|end|>","special":true}}],
             "pre_tokenizer":{{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}},
             "decoder":{{"type":"ByteLevel"}},
             "model":{{"type":"BPE","vocab":{{{vocab}}},"merges":["t h","th e"]}}}}"""

    folder.Write("tok/tokenizer.json", tokenizer) |> ignore

    folder.Write("tok/tokenizer_config.json", """{"eos_token":"<|end|>"}""")
    |> ignore

[<Fact>]
let ``a folder with a tokenizer.json tokenizes, trains and generates`` () =
    use folder = world ()
    Directory.CreateDirectory(Path.Combine(folder.Path, "tok")) |> ignore
    write folder

    let ok arguments =
        let answer = runIn folder.Path arguments
        Assert.True((answer.Code = 0), answer.Errors)
        answer

    let tokenized =
        ok [ "tokenize"; "-t"; "tok"; "-o"; "out.bin"; "--no-bos"; "--json"; "text.txt" ]

    let result = JsonDocument.Parse(tokenized.Output).RootElement
    Assert.Equal(2000, result.GetProperty("documents").GetInt32())
    Assert.Contains("[97", File.ReadAllText(Path.Combine(folder.Path, "out.bin"))) // "the" is one token

    ok
        [
            "train"
            "run.json"
            "--set"
            "data.tokenizer_path=tok"
            "--set"
            "data.total_steps=2"
        ]
    |> ignore

    let kept =
        Directory.GetFiles(Path.Combine(folder.Path, "runs"), "tokenizer*", SearchOption.AllDirectories)
        |> Array.map (fun path -> nonNull (Path.GetFileName path))
        |> Array.distinct
        |> Array.sort

    Assert.Equal<string array>([| "tokenizer.json"; "tokenizer_config.json" |], kept)

    ok
        [
            "generate"
            "--checkpoint"
            "runs/small"
            "--prompt"
            "the model"
            "--max-tokens"
            "4"
            "--temperature"
            "0"
        ]
    |> ignore
