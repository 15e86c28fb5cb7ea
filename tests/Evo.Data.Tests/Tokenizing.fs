/// Text files into token files: the same bytes for any number of workers and however often a run is interrupted.
module Evo.Data.Tests.Tokenizing

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open System.Threading
open Evo.Data
open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Data.Tests.Scratch

let private options inputs output workers =
    TokenizeOptions(
        Inputs = inputs,
        Output = output,
        Workers = workers,
        BlockBytes = (1 <<< (20 - workers)),
        // However slow the machine is, these runs keep nothing.
        KeepEvery = TimeSpan.FromHours 1.0
    )

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

/// Of a token file and its table: equal only where their bytes are.
let private hashes (output: string) =
    let hash (file: string) =
        File.ReadAllBytes file
        |> System.Security.Cryptography.SHA256.HashData
        |> Convert.ToHexString

    hash output + hash (output + ".meta")

[<Fact>]
let ``the output depends neither on the number of workers nor on how much each takes at once`` () =
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
                    yield hashes output, state.Tokens
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
let ``a bad line is refused with its number, and a short run leaves nothing behind`` () =
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

/// Tokenizes with a journal at every block and a stop after some of them; false when it came to its end before.
let private interrupted (input: string list) output (tokenizer: Tokenizer) blocks =
    use stop = new CancellationTokenSource()
    let mutable seen = 0

    let progress =
        { new IProgress<TokenizeProgress> with
            member _.Report _ =
                seen <- seen + 1

                if seen > blocks then
                    stop.Cancel()
        }

    let options =
        TokenizeOptions(
            Inputs = input,
            Output = output,
            Workers = 2,
            BlockBytes = (1 <<< 16),
            KeepEvery = TimeSpan.Zero
        )

    try
        Tokenize.Run(options, tokenizer, progress, stop.Token) |> ignore
        false
    with :? OperationCanceledException ->
        true

[<Fact>]
let ``a run that is stopped again and again goes on where it was, and the output is that of one run`` () =
    inFolder (fun folder ->
        use tokenizer = SentencePieces.smallTokenizer ()
        let file name = Path.Combine(folder, name)
        let some = Array.truncate 700 many.Value
        jsonl (file "a.jsonl") some
        let rows = some |> Array.map (fun text -> text: string | null) |> List.ofArray

        for format in DocumentWriters.formats do
            if format.Name = "parquet, zstd" || format.Name = "jsonl, gzip" then
                format.Write (file ("b" + format.Ending)) rows

        let inputs = [ file "b.parquet"; file "a.jsonl"; file "b.jsonl.gz" ]
        Tokenize.Run(options inputs (file "whole.bin") 1, tokenizer) |> ignore
        let mutable stops = 0

        while interrupted inputs (file "parts.bin") tokenizer 3 do
            stops <- stops + 1
            Assert.False(File.Exists(file "parts.bin"))

        Assert.True(stops > 3, $"{stops} stops")
        Assert.Equal(hashes (file "whole.bin"), hashes (file "parts.bin"))
        Assert.Empty(Directory.GetFiles(folder, "*.partial"))
        Assert.Empty(Directory.GetFiles(folder, "*.progress")))

[<Fact>]
let ``an input that changed is read again, and other settings begin anew`` () =
    inFolder (fun folder ->
        use tokenizer = SentencePieces.smallTokenizer ()
        let file name = Path.Combine(folder, name)
        let some = Array.truncate 700 many.Value
        jsonl (file "a.jsonl") some
        jsonl (file "b.jsonl") (Array.rev some)
        let inputs = [ file "a.jsonl"; file "b.jsonl" ]
        let mutable before = 0L

        let complete output (change: TokenizeOptions -> TokenizeOptions) =
            let result = Tokenize.Run(change (options inputs (file output) 2), tokenizer)
            before <- result.DocumentsBefore
            hashes (file output)

        // Stopped in the second input, of which the first line then changes.
        Assert.True(interrupted inputs (file "parts.bin") tokenizer 12)
        let text = File.ReadAllText(file "b.jsonl")
        File.WriteAllText(file "b.jsonl", "{\"text\": \"a bee\"}\n" + text)
        let parts = complete "parts.bin" id
        Assert.Equal(some |> Array.filter (fun text -> text <> "") |> Array.length, int before)
        Assert.Equal(complete "whole.bin" id, parts)
        Assert.Equal(0L, before)

        // Stopped, then asked for something else.
        Assert.True(interrupted inputs (file "parts.bin") tokenizer 2)

        let other (options: TokenizeOptions) =
            TokenizeOptions(Inputs = options.Inputs, Output = options.Output, AddEos = false)

        let parts = complete "parts.bin" other
        Assert.Equal(0L, before)
        Assert.Equal(complete "other.bin" other, parts))

/// What the child of the test below does until it is killed.
let inChild input output =
    use tokenizer = SentencePieces.smallTokenizer ()

    Tokenize.Run(
        TokenizeOptions(
            Inputs = [ input ],
            Output = output,
            Workers = 2,
            BlockBytes = (1 <<< 16),
            KeepEvery = TimeSpan.FromMilliseconds 20.0
        ),
        tokenizer
    )
    |> ignore

    0

[<Fact>]
let ``a run that is killed at any moment keeps its finished part, and the output is that of one run`` () =
    inFolder (fun folder ->
        use tokenizer = SentencePieces.smallTokenizer ()
        let file name = Path.Combine(folder, name)
        jsonl (file "a.jsonl") many.Value

        let whole = Tokenize.Run(options [ file "a.jsonl" ] (file "whole.bin") 2, tokenizer)

        let random = Random 4
        let mutable goneOn, kill = 0, 0

        // On a busy machine a child may have ended before it is killed.
        while kill < 3 || (goneOn < 2 && kill < 20) do
            kill <- kill + 1
            let output = file $"{kill}.bin"
            let program = nonNull Environment.ProcessPath

            let own =
                if Path.GetFileNameWithoutExtension program = "dotnet" then
                    [ Environment.GetCommandLineArgs()[0] ]
                else
                    []

            let start =
                ProcessStartInfo(program, own @ [ "--child"; "tokenize"; file "a.jsonl"; output ])

            use child = nonNull (Process.Start start)
            let clock = Stopwatch.StartNew()

            while not (File.Exists(output + ".progress"))
                  && not child.HasExited
                  && clock.Elapsed.TotalSeconds < 60.0 do
                Thread.Sleep 5

            Thread.Sleep(random.Next 300)
            child.Kill()
            child.WaitForExit()

            let result = Tokenize.Run(options [ file "a.jsonl" ] output 2, tokenizer)

            if result.DocumentsBefore > 0L then
                goneOn <- goneOn + 1

            Assert.Equal((whole.Documents, whole.Tokens), (result.Documents, result.Tokens))
            Assert.Equal(hashes (file "whole.bin"), hashes output)

        Assert.True(goneOn >= 2, $"{goneOn} of {kill} went on"))

[<Fact>]
let ``one process at a time writes a token file`` () =
    inFolder (fun folder ->
        use tokenizer = SentencePieces.smallTokenizer ()
        let file name = Path.Combine(folder, name)
        jsonl (file "a.jsonl") many.Value

        let second =
            { new IProgress<TokenizeProgress> with
                member _.Report _ =
                    refused "out.bin" "one process at a time" (fun () ->
                        Tokenize.Run(options [ file "a.jsonl" ] (file "out.bin") 1, tokenizer))
            }

        Tokenize.Run(options [ file "a.jsonl" ] (file "out.bin") 1, tokenizer, second)
        |> ignore

        Assert.True(File.Exists(file "out.bin")))

[<Fact>]
let ``a stop within the first seconds leaves nothing behind`` () =
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
