/// Rows of texts that are tokenized while they are read: nothing lost, nothing repeated, and the same from any cursor on.
module Evo.Data.Tests.Streams

open System
open System.Buffers
open System.IO
open System.Text
open Evo.Data
open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Data.Tests.Scratch

/// A token for each byte, from 3 on; 1 begins a document and 2 ends it.
type private Bytes() =
    inherit Tokenizer()
    override _.VocabSize = 259
    override _.BosId = Nullable 1
    override _.EosId = Nullable 2
    override _.PadId = Nullable()
    override _.UnkId = Nullable()

    override _.Encode(text: ReadOnlySpan<byte>, tokens: TokenBuffer, _: EncodeMode) =
        for i in 0 .. text.Length - 1 do
            tokens.Add(int text[i] + 3, i, i + 1)

    override _.DecodeUtf8(_, _, _) = raise (NotSupportedException())
    override _.IdToPiece id = string id
    override _.PieceToId _ = Nullable()
    override _.Dispose() = ()

let private ids (text: string) =
    [ 1; yield! Encoding.UTF8.GetBytes text |> Seq.map (fun b -> int b + 3); 2 ]

let private quoted (text: string) =
    Text.Json.JsonSerializer.Serialize {| text = text |}

/// Files of these texts, one a line.
let private write (folder: string) (files: string list list) =
    files
    |> List.iteri (fun i texts ->
        File.WriteAllLines(Path.Combine(folder, $"{i:D2}.jsonl"), texts |> List.map quoted))

let private stream (folder: string) (packing: string) rowTokens workers blockBytes (cursor: StreamCursor) =
    let options =
        StreamOptions(
            SeqLen = rowTokens,
            RowTokens = rowTokens,
            Packing = packing,
            Workers = workers,
            BlockBytes = blockBytes
        )

    new RowStream(FolderTexts folder, new Bytes(), options, cursor)

let private text = Gen.map (fun n -> String('a', n)) (Gen.choose (1, 30))

/// Files of texts, at least one text in all, and how they are packed.
let private worlds =
    gen {
        let! files = Gen.nonEmptyListOf (Gen.listOf text) |> Gen.resize 6
        let! packing = Gen.elements [ "best_fit"; "cut"; "unpacked" ]
        let! rowTokens = Gen.choose (4, 40)
        let! blockBytes = Gen.choose (40, 400)
        return [ "first" ] :: files, packing, rowTokens, blockBytes
    }

[<Fact>]
let ``the same rows come for any number of workers, and from any cursor on`` () =
    let law (files, packing, rowTokens, blockBytes) =
        inFolder (fun folder ->
            write folder files
            use one = stream folder packing rowTokens 1 blockBytes (StreamCursor())

            let rows =
                [
                    for _ in 1..25 ->
                        let cursor = one.Cursor
                        cursor, one.Next()
                ]

            use many = stream folder packing rowTokens 4 blockBytes (StreamCursor())

            List.forall (fun (_, row: TokenRow) -> many.Next().Tokens = row.Tokens) rows
            && [ 3; 11; 24 ]
               |> List.forall (fun at ->
                   use resumed = stream folder packing rowTokens 2 blockBytes (fst rows[at])

                   rows[at..]
                   |> List.forall (fun (cursor, row) ->
                       let same = resumed.Cursor = cursor
                       let next = resumed.Next()

                       same
                       && next.Tokens = row.Tokens
                       && next.Labels = row.Labels
                       && next.CuSeqlens = row.CuSeqlens)))

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 60, Prop.forAll (Arb.fromGen worlds) law)

[<Fact>]
let ``cut rows are the texts one after the other, over files, blocks and epochs, with nothing lost`` () =
    let law (files: string list list, _, rowTokens, blockBytes) =
        inFolder (fun folder ->
            write folder files
            use stream = stream folder "cut" rowTokens 2 blockBytes (StreamCursor())

            let read =
                [
                    for _ in 1..25 do
                        yield! stream.Next().Tokens
                ]

            let once = files |> List.concat |> List.collect ids

            let endless =
                seq {
                    while true do
                        yield! once
                }

            read = (endless |> Seq.take read.Length |> List.ofSeq))

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 60, Prop.forAll (Arb.fromGen worlds) law)

[<Fact>]
let ``best fit gives every text of a block once and whole`` () =
    inFolder (fun folder ->
        let texts =
            [ for i in 1..200 -> String(char (97 + i % 26), 1 + i * 7 % 60) + string i ]

        write folder [ texts[..99]; texts[100..] ]
        let bytes = texts |> List.sumBy _.Length
        use stream = stream folder "best_fit" 80 2 bytes (StreamCursor())
        let mutable rows = [ stream.Next() ]

        while stream.Cursor.Row > 0 do
            rows <- stream.Next() :: rows

        let found =
            [
                for row in rows do
                    for first, next in Array.pairwise row.CuSeqlens do
                        if row.Tokens[first] <> 0 then
                            List.ofArray row.Tokens[first .. next - 1]
            ]

        Assert.Equal<int list list>(texts |> List.map ids |> List.sort, List.sort found))

[<Fact>]
let ``texts are read from any place on, lines longer than a block too`` () =
    inFolder (fun folder ->
        let long = String('x', 3_000_000)
        File.WriteAllText(Path.Combine(folder, "a.txt"), $"one\n\n{long}\r\n  \nthree")
        let source = FolderTexts folder

        let read =
            [
                for item in source.Read(0, DocumentPlace()) ->
                    Encoding.UTF8.GetString item.Utf8.Span, item.Next
            ]

        Assert.Equal<string list>([ "one"; long; "three" ], List.map fst read)

        for i in 0..1 do
            let rest =
                [
                    for item in source.Read(0, snd read[i]) -> Encoding.UTF8.GetString item.Utf8.Span
                ]

            Assert.Equal<string list>((List.map fst read)[i + 1 ..], rest))

[<Fact>]
let ``what is wrong with texts is told with its place`` () =
    inFolder (fun folder ->
        refused folder "no file of documents" (fun () -> FolderTexts folder)
        let path = Path.Combine(folder, "a.jsonl")

        let next () =
            use stream = stream folder "cut" 8 1 100 (StreamCursor())
            stream.Next()

        File.WriteAllText(path, "")
        refused folder "no text in 1 files" next
        File.WriteAllText(path, quoted "fine" + "\n{\"txt\": 1}\n")
        refused "a.jsonl:2" "no field 'text'" next
        File.WriteAllBytes(path, [| 0xffuy; 0xfeuy; 10uy |])
        refused path "UTF-8" next
        File.WriteAllText(path, quoted "short" + "\n")
        let options = StreamOptions(SeqLen = 8, RowTokens = 8, MinLength = 9)
        use none = new RowStream(FolderTexts folder, new Bytes(), options)
        refused folder "data.min_length" (fun () -> none.Next())
        write folder [ [ "abc" ] ]
        File.Delete path

        use stream =
            stream folder "best_fit" 8 1 1 (StreamCursor(0L, 0, DocumentPlace(), 0, 7))

        refused folder "not those that the run began with" (fun () -> stream.Next()))

[<Fact>]
let ``other texts are told by the name of the file`` () =
    inFolder (fun folder ->
        write folder [ [ "abc" ]; [ "def" ] ]

        let print () =
            DataFingerprint(FolderTexts(folder).Files)

        let before = print ()
        Assert.Null(before.Difference(print ()))
        File.WriteAllText(Path.Combine(folder, "01.jsonl"), quoted "deg" + "\n")
        Assert.Contains("01.jsonl", before.Difference(print ())))

[<Fact>]
let ``5,000 altered files are read or refused in good order`` () =
    inFolder (fun folder ->
        let random = Random 3
        let path = Path.Combine(folder, "a.jsonl")

        let sound =
            [ "one"; "zwei ü"; "三\n" ]
            |> List.map quoted
            |> String.concat "\n"
            |> Encoding.UTF8.GetBytes

        for case in 1..5_000 do
            let bytes = Array.copy sound

            for _ in 1 .. random.Next(1, 4) do
                bytes[random.Next bytes.Length] <- byte (random.Next 256)

            File.WriteAllBytes(
                path,
                (if case % 5 = 0 then
                     bytes[.. random.Next bytes.Length]
                 else
                     bytes)
            )

            Assert.True(
                orderly path (fun () ->
                    for item in FolderTexts(path).Read(0, DocumentPlace()) do
                        Assert.NotEqual(0, item.Utf8.Length)),
                $"case {case}"
            ))
