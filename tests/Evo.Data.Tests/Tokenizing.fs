/// Text files into token files: the same bytes for any number of workers, nothing left behind after an error.
module Evo.Data.Tests.Tokenizing

open System
open System.IO
open System.Text.Json
open System.Threading
open Evo.Data
open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Data.Tests.Scratch

let private options inputs output workers =
    TokenizeOptions(Inputs = inputs, Output = output, Workers = workers)

let private jsonl path (texts: string seq) =
    File.WriteAllLines(
        path,
        texts
        |> Seq.map (fun text -> JsonSerializer.Serialize {| id = 1; text = text |})
    )

let private words = "a bee sees seven foxes; 日本 🦊 \"quoted\" \\ back".Split ' '

/// Some megabytes of lines of very different length, so that chunks end anywhere.
let private many =
    lazy
        (let random = Random 3

         [|
             for _ in 1..6000 ->
                 let count =
                     if random.Next 100 = 0 then
                         random.Next 20000
                     else
                         random.Next 40

                 String.Join(' ', Array.init count (fun _ -> words[random.Next words.Length]))
         |])

[<Fact>]
let ``the output does not depend on the number of workers`` () =
    inFolder (fun folder ->
        use tokenizer = SentencePieces.smallTokenizer ()
        let input = Path.Combine(folder, "a.jsonl")
        jsonl input many.Value

        let outputs =
            [
                for workers in [ 1; 2; 5 ] do
                    let output = Path.Combine(folder, $"{workers}.bin")
                    let state = Tokenize.Run(options [ input ] output workers, tokenizer)
                    Assert.Equal(FileInfo(input).Length, state.Bytes)
                    Assert.Equal(state.TotalBytes, state.Bytes)
                    yield File.ReadAllBytes output, File.ReadAllBytes(output + ".meta"), state.Tokens
            ]

        Assert.All(outputs, (fun output -> Assert.Equal(outputs.Head, output)))
        use file = TokenFile.Open(Path.Combine(folder, "1.bin"), tokenizer.VocabSize)
        let texts = many.Value |> Array.filter (fun text -> text <> "")
        Assert.Equal(texts.Length, file.DocumentCount)

        for i in 0..97 .. texts.Length - 1 do
            let ids = file.Read i
            Assert.Equal((1, 2), (ids[0], ids[ids.Length - 1]))
            Assert.Equal(texts[i], tokenizer.Decode ids[1 .. ids.Length - 2]))

[<Fact>]
let ``a txt file is a document a line, or one document; marks are added as asked`` () =
    inFolder (fun folder ->
        use tokenizer = SentencePieces.smallTokenizer ()
        let input = Path.Combine(folder, "a.txt")
        File.WriteAllBytes(input, Array.append [| 0xEFuy; 0xBBuy; 0xBFuy |] "one fox\r\n\r\n  \ntwo"B)
        Assert.Equal<string>([ "one fox"; "two" ], TextFiles.Documents input)
        Assert.Equal<string>([ "one fox\r\n\r\n  \ntwo" ], TextFiles.Documents(input, unit = TextUnit.File))
        let output = Path.Combine(folder, "a.bin")

        let run bos eos =
            Tokenize.Run(
                TokenizeOptions(Inputs = [ input ], Output = output, AddBos = bos, AddEos = eos),
                tokenizer
            )
            |> ignore

            use file = TokenFile.Open output
            List.ofArray (file.Read 1)

        let two = List.ofSeq (tokenizer.EncodeToIds "two")

        Assert.Equal<int list>(
            [ run false false; run true false; run false true; run true true ],
            [ two; 1 :: two; two @ [ 2 ]; 1 :: two @ [ 2 ] ]
        ))

[<Fact>]
let ``the documents of a jsonl file are the values of the field, whatever stands around it`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "a.jsonl")

        let law (texts: string list, other: string) =
            File.WriteAllLines(
                path,
                texts
                |> List.map (fun text ->
                    JsonSerializer.Serialize
                        {|
                            before = {| text = other |}
                            content = text
                            text = [ 1 ]
                        |})
            )

            List.ofSeq (TextFiles.Documents(path, "content")) = List.filter (fun text -> text <> "") texts

        Check.One(Config.QuickThrowOnFailure, Prop.forAll (Arb.fromGen (Gen.zip (Gen.listOf text) text)) law))

[<Fact>]
let ``a bad line is refused with its number, and nothing is left behind`` () =
    inFolder (fun folder ->
        use tokenizer = SentencePieces.smallTokenizer ()
        let input = Path.Combine(folder, "a.jsonl")

        let bad (line: byte[]) (reason: string) =
            let good = "{\"text\": \"a bee\"}\n"B
            File.WriteAllBytes(input, Array.concat [ for _ in 1..70000 -> good ])
            File.AppendAllText(input, "")
            use stream = File.OpenWrite input
            stream.Seek(0L, SeekOrigin.End) |> ignore
            stream.Write line
            stream.Write "\n{\"text\": \"x\"}\n"B
            stream.Dispose()

            refused $"{input}:70001" reason (fun () ->
                Tokenize.Run(options [ input ] (Path.Combine(folder, "out.bin")) 2, tokenizer))

            Assert.Single(Directory.GetFiles folder) |> ignore

        bad "{\"txt\": \"x\", \"id\": 3}"B "no field 'text' among txt, id"
        bad "{\"text\": 3}"B "is no string"
        bad "{\"text\": \"x\""B "not valid JSON"
        bad "{\"text\": \"x\"} y"B "not valid JSON"
        bad "[1]"B "no JSON object"
        bad [| 0xC3uy; 0x28uy |] "not UTF-8"
        bad "{\"text\": \"\\ud800\"}"B "not valid JSON")

[<Fact>]
let ``inputs that are missing, empty or of another kind are refused`` () =
    inFolder (fun folder ->
        use tokenizer = SentencePieces.smallTokenizer ()

        let run input =
            Tokenize.Run(
                options [ Path.Combine(folder, input) ] (Path.Combine(folder, "out.bin")) 1,
                tokenizer
            )

        refused "none.txt" "no such file" (fun () -> run "none.txt")
        File.WriteAllText(Path.Combine(folder, "empty.txt"), "\n \n")
        refused "empty.txt" "no text at all" (fun () -> run "empty.txt")
        File.WriteAllText(Path.Combine(folder, "a.docx"), "x")
        refused "a.docx" ".txt and .jsonl" (fun () -> run "a.docx"))

[<Fact>]
let ``a stop leaves nothing behind`` () =
    inFolder (fun folder ->
        use tokenizer = SentencePieces.smallTokenizer ()
        let input = Path.Combine(folder, "a.jsonl")
        jsonl input many.Value
        use stop = new CancellationTokenSource()

        let progress =
            { new IProgress<TokenizeProgress> with
                member _.Report _ = stop.Cancel()
            }

        Assert.ThrowsAny<OperationCanceledException>(fun () ->
            Tokenize.Run(
                options [ input ] (Path.Combine(folder, "out.bin")) 2,
                tokenizer,
                progress,
                stop.Token
            )
            |> ignore)
        |> ignore

        Assert.Single(Directory.GetFiles folder) |> ignore)
