/// InternEvo's .bin and .meta: read as Python wrote them, written as Python would have, refused when damaged.
module Evo.Data.Tests.TokenFiles

open System
open System.IO
open System.Text
open Evo.Data
open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Data.Tests.Scratch

/// What numpy.save makes of a table, byte for byte (numpy 1.24).
let private npy (kind: string) columns (rows: int64 list list) =
    let text =
        $"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({rows.Length}, {columns}), }}"

    let header =
        Encoding.Latin1.GetBytes("\u0093NUMPY\u0001\u0000v\u0000" + text.PadRight 117 + "\n")

    let numbers =
        rows
        |> List.collect id
        |> List.map (fun n ->
            if kind = "<i4" then
                BitConverter.GetBytes(int32 n)
            else
                BitConverter.GetBytes n)

    Array.concat (header :: numbers)

/// What json.dumps makes of documents, and where each begins.
let private json (documents: int list list) =
    let lines =
        [
            for document in documents ->
                "{\"tokens\": [" + String.Join(", ", document |> List.map string) + "]}\n"
        ]

    let offsets = lines |> List.scan (fun at line -> at + int64 line.Length) 0L
    String.Join("", lines), offsets

let private both (path: string) kind columns (documents: int list list) =
    let text, offsets = json documents
    File.WriteAllText(path, text)

    let row (offset: int64) (document: int list) =
        if columns = 2 then
            [ offset; int64 document.Length ]
        else
            [ offset; 7L; int64 document.Length ]

    File.WriteAllBytes(
        path + ".meta",
        npy kind columns (List.map2 row (List.take documents.Length offsets) documents)
    )

let private written path (documents: int list list) =
    use writer = new TokenFileWriter(path)

    for document in documents do
        writer.Write(ReadOnlySpan(Array.ofList document))

    writer.Complete()

let private documents =
    Gen.nonEmptyListOf (Gen.listOf (Gen.choose (-(1 <<< 30), 1 <<< 30)))

[<Fact>]
let ``what is written is what Python writes, byte for byte`` () =
    inFolder (fun folder ->
        let ours, theirs = Path.Combine(folder, "a.bin"), Path.Combine(folder, "b.bin")

        let law (documents: int list list) =
            written ours documents
            both theirs "<i8" 2 documents

            File.ReadAllBytes ours = File.ReadAllBytes theirs
            && File.ReadAllBytes(ours + ".meta") = File.ReadAllBytes(theirs + ".meta")

        Check.One(Config.QuickThrowOnFailure, Prop.forAll (Arb.fromGen documents) law))

[<Fact>]
let ``tables of 32 and 64 bits with two and three columns are read, whole documents and any part of one`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "a.bin")

        let law (documents: int list list, kind, columns, cut: int) =
            both path kind columns documents
            use file = TokenFile.Open path

            file.DocumentCount = documents.Length
            && documents
               |> List.indexed
               |> List.forall (fun (i, document) ->
                   let from = if document.IsEmpty then 0 else cut % document.Length

                   let part =
                       Array.zeroCreate (
                           if document.IsEmpty then
                               0
                           else
                               (document.Length - from + 1) / 2
                       )

                   file.Read(i, from, Span part)

                   file.Length i = document.Length
                   && List.ofArray (file.Read i) = document
                   && List.ofArray part = (document |> List.skip from |> List.take part.Length))

        let alterations =
            gen {
                let! documents = documents
                let! kind = Gen.elements [ "<i4"; "<i8" ]
                let! columns = Gen.elements [ 2; 3 ]
                let! cut = Gen.choose (0, 1000)
                return documents, kind, columns, cut
            }

        Check.One(Config.QuickThrowOnFailure, Prop.forAll (Arb.fromGen alterations) law))

[<Fact>]
let ``other spellings of the same JSON are read`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "a.bin")

        let lines =
            [
                "{\"tokens\":[1,-2,3]}\n"
                "{\"type\": \"en\", \"tokens\": [ 4, 5 ]}\n"
                "{\"tokens\": []}\r\n"
            ]

        File.WriteAllText(path, String.Join("", lines))
        let offsets = lines |> List.scan (fun at line -> at + int64 line.Length) 0L

        File.WriteAllBytes(
            path + ".meta",
            npy "<i8" 2 [ [ 0L; 3L ]; [ offsets[1]; 2L ]; [ offsets[2]; 0L ] ]
        )

        use file = TokenFile.Open path
        Assert.Equal<int>([| 1; -2; 3 |], file.Read 0)
        Assert.Equal<int>([| 4; 5 |], file.Read 1)
        Assert.Empty(file.Read 2)
        let part = [| 0 |]
        file.Read(0, 1, Span part)
        Assert.Equal(-2, part[0]))

[<Fact>]
let ``a table of no documents, as numpy saves an empty list, is read`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "a.bin")
        File.WriteAllText(path, "")
        let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (0,), }"

        File.WriteAllBytes(
            path + ".meta",
            Encoding.Latin1.GetBytes("\u0093NUMPY\u0001\u0000v\u0000" + header.PadRight 117 + "\n")
        )

        use file = TokenFile.Open path
        Assert.Equal(0, file.DocumentCount))

[<Fact>]
let ``damage is refused with its place`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "a.bin")
        let good = [ [ 1; 2; 3 ]; [ 40; 50 ] ]
        let text, _ = json good

        let damaged (altered: string) (reason: string) =
            both path "<i8" 2 good
            File.WriteAllText(path, altered)

            refused path reason (fun () ->
                use file = TokenFile.Open path
                file.Read 1)

        damaged (text.Replace("40", "4x")) "'x' where a comma should be"
        damaged (text.Replace("40, 50", "40; 50")) "at byte 36 in document 1"
        damaged (text.Replace("50]}\n", "50}]\n")) "'}' where"
        damaged (text.Replace("50]}\n", "50]]\n")) "the end of the line"
        damaged (text.Replace("{\"tokens\": [40, 50]}", "{\"tokenz\": [40, 50]}")) "no key 'tokens'"
        damaged (text.Replace("40, 50", "4, 5, 0")) "more than 2 tokens"
        damaged (text.Replace("40, 50", " 40050")) "only 1 tokens"
        damaged (text.Replace("[40, 50]", "99999999999")) "'tokens' is no list"
        damaged (text.Replace("40, 50", "99999999999, 50")) "a whole number"
        damaged (text[..30]) "at byte"
        damaged (text + "junk") "the end of the line"

        both path "<i8" 2 good

        File.WriteAllBytes(path + ".meta", npy "<i8" 2 [ [ 0L; 3L ]; [ 4000L; 2L ] ])
        refused "a.bin.meta" "begins at byte 4000" (fun () -> TokenFile.Open path)
        File.WriteAllBytes(path + ".meta", npy "<i4" 2 [ [ 0L; 3L ]; [ -4L; 2L ] ])
        refused "a.bin.meta" "2 GiB" (fun () -> TokenFile.Open path)
        File.WriteAllBytes(path + ".meta", npy "<i8" 2 [ [ 0L; 3000L ]; [ 22L; 2L ] ])
        refused "a.bin.meta" "3000 tokens in 22 bytes" (fun () -> TokenFile.Open path)
        File.WriteAllBytes(path + ".meta", npy "<f8" 2 [ [ 0L; 3L ]; [ 22L; 2L ] ])
        refused "a.bin.meta" "<f8" (fun () -> TokenFile.Open path)
        File.Delete(path + ".meta")
        refused path "no .meta file" (fun () -> TokenFile.Open path)
        refused "b.bin" "no such file" (fun () -> TokenFile.Open(Path.Combine(folder, "b.bin"))))

[<Fact>]
let ``no altered byte of either file crashes the reader`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "a.bin")
        both path "<i8" 2 [ [ 1; 2; 3 ]; []; [ 40; -50; 600000 ] ]
        let bin, meta = File.ReadAllBytes path, File.ReadAllBytes(path + ".meta")

        let law (inMeta: bool, changes: (int * int) list, cut: int) =
            let bytes = Array.copy (if inMeta then meta else bin)

            for at, value in changes do
                bytes[at % bytes.Length] <- byte value

            let bytes = if cut < bytes.Length then bytes[.. cut - 1] else bytes
            File.WriteAllBytes(path, (if inMeta then bin else bytes))
            File.WriteAllBytes(path + ".meta", (if inMeta then bytes else meta))

            orderly path (fun () ->
                use file = TokenFile.Open(path, 1000000)

                for i in 0 .. file.DocumentCount - 1 do
                    file.Read i |> ignore)

        let alterations =
            gen {
                let! inMeta = Gen.elements [ true; false ]

                let! changes =
                    Gen.resize 4 (Gen.listOf (Gen.zip (Gen.choose (0, 200)) (Gen.choose (0, 255))))

                let! cut = Gen.frequency [ 3, Gen.constant 1000; 1, Gen.choose (0, 180) ]
                return inMeta, changes, cut
            }

        Check.One(cases 5000, Prop.forAll (Arb.fromGen alterations) law))

[<Fact>]
let ``ids outside the vocabulary are refused when the file is opened, by the name of their mistake`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "a.bin")
        written path [ [ 5; -4095 ]; [ 4096 ] ]
        use file = TokenFile.Open(path, 4096)
        refused path "token id 4096 in document 1" (fun () -> file.Read 1)
        refused path "another tokenizer" (fun () -> TokenFile.Open(path, 4095)))

[<Fact>]
let ``a writer that did not complete leaves nothing behind`` () =
    inFolder (fun folder ->
        do
            use writer = new TokenFileWriter(Path.Combine(folder, "sub", "a.bin"))
            writer.Write(ReadOnlySpan [| 1; 2 |])

        Assert.Empty(Directory.GetFiles(folder, "*", SearchOption.AllDirectories)))

[<Fact>]
let ``a full disk is called a full disk`` () =
    let error =
        Assert.ThrowsAny<IOException>(fun () -> File.WriteAllBytes("/dev/full", Array.zeroCreate 100000))

    let told = DataException.FromSystem("a.bin", "write", error)
    Assert.Contains("a.bin", told.Message)
    Assert.Contains("the disk is full", told.Message)
