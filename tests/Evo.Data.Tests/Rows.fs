/// Data sets and rows: every kept token once, labels that never look across a document's end, any row at any time.
module Evo.Data.Tests.Rows

open System
open System.Collections.Generic
open System.IO
open Evo.Core
open Evo.Data
open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Data.Tests.Scratch

let private write path (documents: int list list) =
    use writer = new TokenFileWriter(path)

    for document in documents do
        writer.Write(ReadOnlySpan(Array.ofList document))

    writer.Complete()

/// Rows of documents spread over two files of two types.
let private withRows seqLen micro boundaries shuffle (documents: int list list) body =
    inFolder (fun folder ->
        let half = documents.Length / 2
        write (Path.Combine(folder, "cn", "a.bin")) (List.take half documents)
        write (Path.Combine(folder, "en", "deep", "b.bin")) (List.skip half documents)
        use data = TokenDataset.Open folder

        let documents =
            if shuffle then
                DocumentStream.Shuffled(data.Lengths, 0, data.DocumentCount, 1024UL)
            else
                DocumentStream.InOrder(data.Lengths, 0, data.DocumentCount)

        let packing = CutRows(documents, seqLen, seqLen * micro, boundaries)
        body data packing (RowReader(data, packing)))

/// Documents whose tokens say where they come from: document d has tokens 1000 d + 1, 1000 d + 2 ...
let private traceable =
    gen {
        let! lengths = Gen.nonEmptyListOf (Gen.choose (0, 40))

        return
            lengths
            |> List.mapi (fun d length -> [ for i in 1..length -> 1000 * (d + 1) + i ])
    }

let private plans =
    gen {
        let! documents = traceable
        let! seqLen = Gen.choose (1, 12)
        let! micro = Gen.choose (1, 3)
        let! boundaries = Gen.elements [ true; false ]
        let! shuffle = Gen.elements [ true; false ]
        return documents, seqLen, micro, boundaries, shuffle
    }

[<Fact>]
let ``every token of the rows stands once, in the documents' order, and only the tail is dropped`` () =
    let law (documents, seqLen, micro, boundaries, shuffle) =
        withRows seqLen micro boundaries shuffle documents (fun data packing reader ->
            let read =
                [|
                    for row in 0L .. reader.Rows - 1L do
                        yield! reader.Read(row).Tokens
                |]

            let all = documents |> List.concat

            data.Tokens = int64 all.Length
            && read.Length = all.Length / (seqLen * micro) * seqLen * micro
            && (Array.distinct read).Length = read.Length
            && (shuffle || List.ofArray read = List.take read.Length all)
            && read |> Array.pairwise |> Array.forall (fun (a, b) -> b = a + 1 || b % 1000 = 1))

    Check.One(Config.QuickThrowOnFailure, Prop.forAll (Arb.fromGen plans) law)

[<Fact>]
let ``boundaries rise strictly from 0 to the row's length, and positions restart exactly there`` () =
    let law (documents, seqLen, micro, boundaries, shuffle) =
        withRows seqLen micro boundaries shuffle documents (fun _ _ reader ->
            seq { 0L .. reader.Rows - 1L }
            |> Seq.forall (fun number ->
                let row = reader.Read number

                row.CuSeqlens[0] = 0
                && Array.last row.CuSeqlens = seqLen * micro
                && row.CuSeqlens
                   |> Array.pairwise
                   |> Array.forall (fun (a, b) -> a < b && b - a <= seqLen)
                && row.Positions
                   |> Array.indexed
                   |> Array.forall (fun (i, position) ->
                       if Array.contains i row.CuSeqlens then
                           position = 0
                       else
                           position = row.Positions[i - 1] + 1)))

    Check.One(Config.QuickThrowOnFailure, Prop.forAll (Arb.fromGen plans) law)

[<Fact>]
let ``a label is the document's next token or nothing, and is lost only at a document's end or at a cut`` () =
    let law (documents: int list list, seqLen, micro, boundaries, shuffle) =
        let length token = documents[token / 1000 - 1].Length

        withRows seqLen micro boundaries shuffle documents (fun data _ reader ->
            seq { 0L .. reader.Rows - 1L }
            |> Seq.forall (fun number ->
                let row = reader.Read number

                row.LabelCount = (row.Labels |> Array.filter (fun label -> label <> -100) |> Array.length)
                && Array.zip3 row.Tokens row.Labels row.Types
                   |> Array.indexed
                   |> Array.forall (fun (i, (token, label, kind)) ->
                       let ends = token % 1000 = length token
                       let cut = not boundaries && i = row.Tokens.Length - 1

                       let file =
                           if token / 1000 - 1 < documents.Length / 2 then
                               "cn"
                           else
                               "en"

                       (if ends || cut then label = -100 else label = token + 1)
                       && data.Types[kind] = file)))

    Check.One(Config.QuickThrowOnFailure, Prop.forAll (Arb.fromGen plans) law)

[<Fact>]
let ``negative ids and id 0 are read and never learned`` () =
    withRows 4 2 true false [ [ 0 ]; [ -5; -6; 7; 0; 8; -9; 10 ] ] (fun _ _ reader ->
        let row = reader.Read 0L
        Assert.Equal<int>([| 0; 5; 6; 7; 0; 8; 9; 10 |], row.Tokens)
        Assert.Equal<int>([| -100; -100; 7; -100; 8; -100; 10; -100 |], row.Labels))

[<Fact>]
let ``InternEvo's worked example comes out as its page says`` () =
    // seq_len 8, micro_bsz 2: packs of 16 tokens
    let documents =
        [
            [ 2323; 442; 252; 341 ]
            [ 233; 3442; 322; 31; 2514; 49731; 51 ]
            [ 4326; 427; 465; 22; 314; 9725; 346; 1343 ]
            [ 24; 2562; 5; 25; 356 ]
        ]

    withRows 8 2 true false documents (fun _ packing reader ->
        Assert.Equal(1L, packing.Rows)
        let row = reader.Read 0L
        Assert.Equal<int>([| 0; 4; 11; 16 |], row.CuSeqlens)

        Assert.Equal<int>(
            [| 0..3 |] |> Array.append <| [| 0..6 |] |> Array.append <| [| 0..4 |],
            row.Positions
        )

        Assert.Equal<int>(
            [|
                442
                252
                341
                -100
                3442
                322
                31
                2514
                49731
                51
                -100
                427
                465
                22
                314
                9725
            |],
            row.Labels
        ))

[<Fact>]
let ``rows may be read in any order and from several threads`` () =
    let documents = [ for d in 1..60 -> [ for i in 1 .. d % 17 + 3 -> 1000 * d + i ] ]

    withRows 4 2 true true documents (fun _ _ reader ->
        let forward = [| for row in 0L .. reader.Rows - 1L -> reader.Read(row).Tokens |]

        let together =
            Array.rev [| 0L .. reader.Rows - 1L |]
            |> Array.Parallel.map (fun row -> reader.Read(row).Tokens)

        Assert.Equal<int array>(forward, Array.rev together)

        Assert.Throws<ArgumentOutOfRangeException>(fun () -> reader.Read reader.Rows |> ignore)
        |> ignore)

[<Fact>]
let ``files come sorted, with the first level of folders as types, and links are followed once`` () =
    inFolder (fun folder ->
        let at (parts: string list) =
            Path.Combine(Array.ofList (folder :: parts))

        write (at [ "a.bin" ]) []
        write (at [ "en"; "b.bin" ]) [ [ 1 ] ]
        write (at [ "en"; "a"; "z.bin" ]) [ [ 2 ] ]
        write (at [ "cn"; "c.bin" ]) [ [ 3 ]; [ 4; 5 ] ]
        write (at [ "cn"; "d.bin" ]) []
        Directory.CreateDirectory(at [ "empty" ]) |> ignore
        File.CreateSymbolicLink(at [ "en"; "zz" ], folder) |> ignore
        File.WriteAllText(at [ "en"; "notes.txt" ], "x")
        use data = TokenDataset.Open folder
        Assert.Equal<string>([ "."; "cn"; "en" ], data.Types)
        Assert.Equal<int>([ 1; 2; 1; 1 ], data.Lengths)
        Assert.Equal<int>([ 1; 1; 2; 2 ], [ for d in 0..3 -> data.TypeOf d ])

        Assert.Equal<DocumentRange>(
            [ DocumentRange(0, 0); DocumentRange(0, 2); DocumentRange(2, 2) ],
            data.Sources
        )

        let ids = Array.zeroCreate 1

        let first =
            [
                for d in 0..3 ->
                    data.Read(d, 0, Span ids)
                    ids[0]
            ]

        Assert.Equal<int>([ 3; 4; 1; 2 ], first)

        Assert.Equal<string>(
            [ "a.bin"; "cn/c.bin"; "cn/d.bin"; "en/b.bin"; "en/a/z.bin" ],
            [ for file in data.Fingerprint.Files -> file.Name ]
        ))

[<Fact>]
let ``documents are found in any mixture of full and empty files`` () =
    let law (counts: int list) =
        inFolder (fun folder ->
            counts
            |> List.iteri (fun i count ->
                write (Path.Combine(folder, $"{i:D3}.bin")) [ for d in 1..count -> [ 1000 * (i + 1) + d ] ])

            use data = TokenDataset.Open folder
            let ids = Array.zeroCreate 1

            [
                for d in 0 .. data.DocumentCount - 1 do
                    data.Read(d, 0, Span ids)
                    ids[0]
            ]
                =
                [
                    for i, count in List.indexed counts do
                        for d in 1..count -> 1000 * (i + 1) + d
                ])

    let counts =
        Gen.nonEmptyListOf (Gen.frequency [ 2, Gen.constant 0; 1, Gen.choose (1, 3) ])

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 30, Prop.forAll (Arb.fromGen counts) law)

[<Fact>]
let ``one file is a data set too, a folder without token files is not`` () =
    inFolder (fun folder ->
        write (Path.Combine(folder, "b.bin")) [ [ 1; 2 ] ]
        use data = TokenDataset.Open(Path.Combine(folder, "b.bin"))
        Assert.Equal<string>([ "." ], data.Types)
        Assert.Equal(1, data.DocumentCount)
        Directory.CreateDirectory(Path.Combine(folder, "none")) |> ignore
        refused "none" "no .bin file" (fun () -> TokenDataset.Open(Path.Combine(folder, "none")))
        refused "nowhere" "no such file" (fun () -> TokenDataset.Open(Path.Combine(folder, "nowhere")))
        refused "b.bin" "another tokenizer" (fun () -> TokenDataset.Open(folder, 2)))

[<Fact>]
let ``changed data is told by the name of the file`` () =
    inFolder (fun folder ->
        let at name = Path.Combine(folder, "en", name)
        write (at "a.bin") [ [ 1; 2; 3 ] ]
        write (at "b.bin") [ [ 11; 2 ]; [ 3; 4; 5 ] ]

        let print () =
            use data = TokenDataset.Open folder
            data.Fingerprint

        let before = print ()
        let restored = DataFingerprint.Parse(before.Serialize())
        Assert.Equal(before, restored)
        Assert.Equal(before.ToString(), restored.ToString())
        Assert.Null(restored.Difference(print ()))
        write (at "b.bin") [ [ 11; 2; 3 ]; [ 4; 5 ] ] // the same size, other documents
        Assert.Contains("en/b.bin has other documents", before.Difference(print ()))
        write (at "b.bin") [ [ 1; 2; 3 ] ]
        Assert.Contains("en/b.bin had", before.Difference(print ()))
        write (at "c.bin") [ [ 1 ] ]
        File.Delete(at "a.bin")
        let difference = before.Difference(print ())
        Assert.Contains("en/a.bin is gone", difference)
        Assert.Contains("en/c.bin is new", difference)
        refused "data fingerprint" "JSON that a run stored" (fun () -> DataFingerprint.Parse "[{}]"))

[<Fact>]
let ``rows that documents do not fill end with padding, of which nothing is learned`` () =
    inFolder (fun folder ->
        write (Path.Combine(folder, "a.bin")) [ [ 1; 2; 3 ]; [ 4; 5 ]; [ 6; 7; 8; 9 ] ]
        use data = TokenDataset.Open folder
        let stream = DocumentStream.InOrder(data.Lengths, 0, 3)
        let packed = RowReader(data, BestFitRows(stream, 6, 6))
        let unpacked = RowReader(data, UnpackedRows(stream, 3, 6))
        let row = packed.Read 0L
        Assert.Equal<int>([| 6; 7; 8; 9; 4; 5 |], row.Tokens)
        Assert.Equal<int>([| 7; 8; 9; -100; 5; -100 |], row.Labels)
        let row = packed.Read 1L
        Assert.Equal<int>([| 1; 2; 3; 0; 0; 0 |], row.Tokens)
        Assert.Equal<int>([| 2; 3; -100; -100; -100; -100 |], row.Labels)
        Assert.Equal<int>([| 0; 3; 6 |], row.CuSeqlens)
        let row = unpacked.Read 1L
        Assert.Equal<int>([| 6; 7; 8; 0; 0; 0 |], row.Tokens)
        Assert.Equal<int>([| 7; 8; -100; -100; -100; -100 |], row.Labels))

[<Fact>]
let ``documents shorter than their file wants are not used`` () =
    inFolder (fun folder ->
        write (Path.Combine(folder, "code", "a.bin")) [ [ 1 ]; [ 2; 3 ]; [ 4; 5; 6 ] ]
        write (Path.Combine(folder, "en", "a.bin")) [ [ 1 ]; [ 2; 3 ] ]
        use data = TokenDataset.Open folder
        let lengths = data.LengthsFrom(fun name -> if name.Contains "code" then 3 else 2)
        Assert.Equal<int>([ 0; 0; 3; 0; 2 ], lengths)
        Assert.Equal<int>([ 1; 2; 3; 1; 2 ], data.Lengths))

[<Fact>]
let ``several sources are one data set, each a type of its own`` () =
    inFolder (fun folder ->
        let at name = Path.Combine(folder, name)
        write (at "web/x/a.bin") [ [ 1; 2 ]; [ 3 ] ]
        write (at "books.bin") [ [ 4; 5; 6 ] ]

        use data =
            TokenDataset.Open(folder, [| DataSource("web", at "web"); DataSource("books", at "books.bin") |])

        Assert.Equal<string>([ "web"; "books" ], data.Types)
        Assert.Equal<DocumentRange>([ DocumentRange(0, 2); DocumentRange(2, 1) ], data.Sources)
        Assert.Equal<int>([ 0; 0; 1 ], [ for d in 0..2 -> data.TypeOf d ])
        Assert.Equal<string>([ "web/x/a.bin"; "books" ], [ for file in data.Fingerprint.Files -> file.Name ]))
