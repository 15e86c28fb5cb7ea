/// Documents of every format: the same texts from all of them, from the start and from any place.
module Evo.Data.Tests.DocumentFormats

open System
open System.IO
open System.Text
open Evo.Data
open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Data.Tests.Scratch
open Evo.Data.Tests.DocumentWriters

let private documents (file: DocumentFile) place =
    [
        for struct (text, next) in file.Documents place -> Encoding.UTF8.GetString text, next
    ]

let private withText (rows: (string | null) list) =
    rows
    |> List.choose (fun text ->
        if String.IsNullOrEmpty text then
            None
        else
            Some(nonNull text))

/// Rows of which some have no text, or an empty one, or the same as another.
let private rows: Gen<(string | null) list> =
    gen {
        let! some = Gen.nonEmptyListOf text

        return!
            Gen.nonEmptyListOf (
                Gen.frequency
                    [
                        1, Gen.constant (null: string | null)
                        1, Gen.constant ("": string | null)
                        3, Gen.elements some |> Gen.map (fun text -> text: string | null)
                        3, text |> Gen.map (fun text -> text: string | null)
                    ]
            )
    }

[<Fact>]
let ``every format gives the texts that were written, and from the place after any of them those that follow``
    ()
    =
    inFolder (fun folder ->
        let law (format: Format, rows: (string | null) list, cut: int) =
            let path = Path.Combine(folder, "a" + format.Ending)
            format.Write path rows
            use file = DocumentFile.Open path
            let all = documents file (DocumentPlace())
            let cut = if all.IsEmpty then 0 else cut % all.Length

            let place = if cut = 0 then DocumentPlace() else snd all[cut - 1]

            (List.map fst all = withText rows && documents file place = List.skip cut all)
            |> Prop.label format.Name

        Check.One(
            cases 300,
            Prop.forAll
                (Arb.fromGen (
                    Gen.map3 (fun a b c -> a, b, c) (Gen.elements formats) rows (Gen.choose (0, 1000))
                ))
                law
        ))

[<Fact>]
let ``documents of more than a block come whole and in order`` () =
    inFolder (fun folder ->
        let random = Random 11

        let rows: (string | null) list =
            [
                for i in 0..400 -> String('a', random.Next(if i % 50 = 7 then 900_000 else 9_000)) + string i
            ]

        for format in formats do
            let path = Path.Combine(folder, "a" + format.Ending)
            format.Write path rows
            use file = DocumentFile.Open path
            let blocks = List.ofSeq (file.Blocks())

            Assert.True(
                blocks.Length > 4 || format.Name.Contains "whole",
                $"{format.Name}: {blocks.Length} blocks"
            )

            Assert.True(blocks |> List.forall (fun block -> block.FileBytes <= file.Bytes), format.Name)
            let all = documents file (DocumentPlace())
            Assert.True(withText rows = List.map fst all, $"{format.Name}: {all.Length} texts")
            let place = snd all[200]
            Assert.Equal<string list>(withText rows |> List.skip 201, documents file place |> List.map fst))

[<Fact>]
let ``pages of both layouts and every encoding of text, as Arrow's C++ library writes them`` () =
    inFolder (fun folder ->
        for name, bytes in golden do
            let path = Path.Combine(folder, name + ".parquet")
            File.WriteAllBytes(path, Convert.FromBase64String bytes)
            Assert.Equal<string>(withText goldenRows, TextFiles.Documents path)
            use file = DocumentFile.Open path
            let all = documents file (DocumentPlace())

            for cut in 1 .. all.Length do
                Assert.Equal<(string * DocumentPlace) list>(
                    List.skip cut all,
                    documents file (snd all[cut - 1])
                ))

[<Fact>]
let ``a text inside a struct is named with the struct`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "a.arrow")
        nested path goldenRows
        Assert.Equal<string>(withText goldenRows, TextFiles.Documents(path, "outer.text"))

        refused path "column 'outer' is a struct" (fun () ->
            DocumentFile.Open(path, DocumentOptions(Field = "outer")))

        refused path "outer.text" (fun () -> DocumentFile.Open(path, DocumentOptions(Field = "outer"))))

[<Fact>]
let ``a column that is missing or no text is refused by its name, with those that are`` () =
    inFolder (fun folder ->
        for format in
            formats
            |> List.filter (fun format -> format.Ending = ".parquet" || format.Ending = ".arrow") do
            let path = Path.Combine(folder, "a" + format.Ending)
            format.Write path goldenRows

            refused path "no column 'txt' among text" (fun () ->
                TextFiles.Documents(path, "txt") |> Seq.length)

            refused path "column 'id' is no text" (fun () -> TextFiles.Documents(path, "id") |> Seq.length)

        let list = Path.Combine(folder, "list.arrow")

        let lists _ : Apache.Arrow.IArrowArray =
            let builder = Apache.Arrow.ListArray.Builder(Apache.Arrow.Types.StringType.Default)
            builder.Append().Build()

        arrow false None lists 1 list [ "x" ]
        refused list "column 'text' is a list" (fun () -> DocumentFile.Open list))

let private isArrow (format: Format) = format.Name.StartsWith "arrow"

/// How many texts there are up to the end of any batch, whatever the size of batches.
let private batchEnds =
    [
        for size in [ 3; 4; 9; 100 ] do
            for rows in 0..size .. goldenRows.Length do
                withText (List.truncate rows goldenRows) |> List.length
    ]
    |> List.distinct

[<Fact>]
let ``a file that is cut is refused, wherever it is cut`` () =
    inFolder (fun folder ->
        for format in formats |> List.filter (fun format -> format.Ending <> ".jsonl") do
            let path = Path.Combine(folder, "a" + format.Ending)
            format.Write path goldenRows
            let bytes = File.ReadAllBytes path

            for length in 0..3 .. bytes.Length - 1 do
                File.WriteAllBytes(path, bytes[.. length - 1])

                try
                    let texts = TextFiles.Documents path |> List.ofSeq
                    // Behind a message an Arrow file may end, and behind a member or frame a compressed one.
                    let whole = withText goldenRows

                    Assert.True(
                        texts = List.truncate texts.Length whole
                        && (texts.Length = whole.Length
                            || isArrow format && batchEnds |> List.contains texts.Length
                            || length = 0),
                        $"{format.Name} cut to {length} of {bytes.Length} bytes gave {texts.Length} texts"
                    )
                with :? DataException as error ->
                    Assert.Contains(path, error.Message))

[<Fact>]
let ``a line or a page that would become too large is refused before it is held`` () =
    inFolder (fun folder ->
        // 200 MB of one letter in a few kilobytes of zstd.
        let path = Path.Combine(folder, "a.txt.zst")

        (use file = File.Create path
         use stream = new ZstdSharp.CompressionStream(file)
         let part = Array.create 1_000_000 (byte 'a')

         for _ in 1..200 do
             stream.Write part)

        refused path "a line of more than" (fun () -> TextFiles.Documents path |> Seq.length))

[<Fact>]
let ``several gzip members and zstd frames in one file are one text`` () =
    inFolder (fun folder ->
        for format in formats |> List.filter (fun format -> format.Name.StartsWith "jsonl, ") do
            let path = Path.Combine(folder, "a" + format.Ending)

            let parts =
                [
                    for part in [ "one"; "two"; "three" ] ->
                        format.Write path [ part ]
                        File.ReadAllBytes path
                ]

            File.WriteAllBytes(path, Array.concat parts)
            Assert.Equal<string>([ "one"; "two"; "three" ], TextFiles.Documents path))
