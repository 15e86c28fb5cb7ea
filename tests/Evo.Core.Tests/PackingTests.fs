module Evo.Core.Tests.PackingTests

open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Properties

/// Documents of numbered tokens: document d holds 100 d, 100 d + 1, ….
type private World =
    {
        Lengths: int list
        SeqLen: int
        MicroBsz: int
        Boundaries: bool
    }

    member world.RowTokens = world.SeqLen * world.MicroBsz

    /// Documents that are used, with their lengths.
    member world.Kept =
        world.Lengths |> List.indexed |> List.filter (fun (_, length) -> length > 0)

let private shuffled world =
    DocumentStream.Shuffled(List.toArray world.Lengths, 0, world.Lengths.Length, 3UL)

let private packing world =
    CutRows(shuffled world, world.SeqLen, world.RowTokens, world.Boundaries)

/// Documents of these lengths in their own order, cut with boundaries.
let private cut (lengths: int array) seqLen rowTokens =
    CutRows(DocumentStream.InOrder(lengths, 0, lengths.Length), seqLen, rowTokens, true)

let private worlds =
    gen {
        let! lengths = Gen.listOf (Gen.choose (0, 20))
        let! seqLen = Gen.choose (1, 8)
        let! microBsz = Gen.choose (1, 4)
        let! boundaries = Gen.elements [ true; false ]

        return
            {
                Lengths = lengths
                SeqLen = seqLen
                MicroBsz = microBsz
                Boundaries = boundaries
            }
    }

let private smaller world =
    seq {
        for i in 0 .. world.Lengths.Length - 1 do
            { world with
                Lengths = List.removeAt i world.Lengths
            }

        if world.MicroBsz > 1 then
            { world with MicroBsz = 1 }
    }

let private rows (packing: RowPlan) =
    [ for row in 0L .. packing.Rows - 1L -> packing.Row row ]

let private tokens (piece: Piece) =
    [ for i in 0 .. piece.Length - 1 -> 100 * piece.Document + piece.Offset + i ]

/// The labels that a row's pieces mean: the next token of the document inside a piece, and at its end if it continues.
let private labels (row: PackedRow) =
    [
        for piece in row.Pieces do
            yield! List.tail (tokens piece)
            let next = 100 * piece.Document + piece.Offset + piece.Length
            yield (if piece.Continues then next else -100)
    ]

[<Fact>]
let ``every token of every kept document stands in at most one row, and only the tail is dropped`` () =
    forAll worlds smaller (fun world ->
        let packing = packing world

        let all =
            rows packing
            |> List.collect (fun row -> row.Pieces |> List.ofArray |> List.collect tokens)

        let possible =
            set
                [
                    for d, length in world.Kept do
                        for i in 0 .. length - 1 -> 100 * d + i
                ]

        List.distinct all = all
        && all |> List.forall possible.Contains
        && int64 all.Length = packing.Tokens
        && possible.Count - all.Length < packing.RowTokens)

[<Fact>]
let ``rows are full, and segments begin at 0, rise, and are no longer than seq_len`` () =
    forAll worlds smaller (fun world ->
        rows (packing world)
        |> List.forall (fun row ->
            let length = world.SeqLen * world.MicroBsz
            let steps = Array.pairwise row.CuSeqlens |> Array.map (fun (a, b) -> b - a)

            Array.sumBy _.Length row.Pieces = length
            && row.CuSeqlens[0] = 0
            && Array.last row.CuSeqlens = length
            && steps |> Array.forall (fun s -> s >= 1 && s <= world.SeqLen)))

[<Fact>]
let ``positions restart exactly at the segments`` () =
    forAll worlds smaller (fun world ->
        rows (packing world)
        |> List.forall (fun row ->
            let positions = row.Positions()

            [ 0 .. positions.Length - 1 ]
            |> List.forall (fun i ->
                if Array.contains i row.CuSeqlens then
                    positions[i] = 0
                else
                    positions[i] = positions[i - 1] + 1)))

[<Fact>]
let ``with boundaries a segment lies inside one document and only the last token of a document has no label``
    ()
    =
    forAll worlds smaller (fun world ->
        let world = { world with Boundaries = true }
        let lengths = List.toArray world.Lengths

        rows (packing world)
        |> List.forall (fun row ->
            let ends = row.Pieces |> Array.scan (fun at piece -> at + piece.Length) 0

            let lastOfDocument piece =
                piece.Offset + piece.Length = lengths[piece.Document]

            ends |> Array.forall (fun cut -> Array.contains cut row.CuSeqlens)
            && row.Pieces
               |> Array.forall (fun piece -> piece.Continues = not (lastOfDocument piece))))

[<Fact>]
let ``without boundaries segments are whole sequences and the end of every stretch has no label`` () =
    forAll worlds smaller (fun world ->
        let world = { world with Boundaries = false }

        rows (packing world)
        |> List.forall (fun row ->
            row.CuSeqlens = [| for i in 0 .. world.MicroBsz -> i * world.SeqLen |]
            && row.Pieces |> Array.forall (fun piece -> not piece.Continues)))

[<Fact>]
let ``InternEvo's worked example is packed as it documents`` () =
    // Documents of 4, 7, 8 and 5 tokens, seq_len 8, micro_bsz 2, in their own order.
    let row = (cut [| 4; 7; 8; 5 |] 8 16).Row 0L
    Assert.Equal<int array>([| 0; 4; 11; 16 |], row.CuSeqlens)
    Assert.Equal<int array>([| 0; 1; 2; 3; 0; 1; 2; 3; 4; 5; 6; 0; 1; 2; 3; 4 |], row.Positions())

    Assert.Equal<int list>(
        [ 1; 2; 3; -100; 101; 102; 103; 104; 105; 106; -100; 201; 202; 203; 204; 205 ],
        labels row
    )

[<Fact>]
let ``a document longer than seq_len is cut into segments whose ends still learn the next token`` () =
    let row = (cut [| 10 |] 4 8).Row 0L
    Assert.Equal<int array>([| 0; 4; 8 |], row.CuSeqlens)
    Assert.Equal<int list>([ 1; 2; 3; 4; 5; 6; 7; 8 ], labels row)

[<Fact>]
let ``a row outside the data is refused`` () =
    let packing = cut [| 10 |] 4 8
    Assert.Equal(1L, packing.Rows)

    Assert.Throws<System.ArgumentOutOfRangeException>(fun () -> packing.Row 1L |> ignore)
    |> ignore

/// What each row holds, where it is known that every row is right in itself.
let private content (plan: RowPlan) =
    rows plan
    |> List.map (fun row -> row.Pieces |> List.ofArray |> List.collect tokens)

let private everyToken (kept: (int * int) list) =
    [
        for d, length in kept do
            for i in 0 .. length - 1 -> 100 * d + i
    ]

[<Fact>]
let ``best fit holds every token of every kept document once`` () =
    forAll worlds smaller (fun world ->
        let plan = BestFitRows(shuffled world, world.SeqLen, world.RowTokens)
        let all = content plan |> List.concat

        List.sort all = everyToken world.Kept
        && int64 all.Length = plan.Tokens
        && content plan
           |> List.forall (fun row -> row.Length >= 1 && row.Length <= world.RowTokens))

[<Fact>]
let ``best fit cuts no document that fits a row, and longer ones at whole rows only`` () =
    forAll worlds smaller (fun world ->
        let lengths = List.toArray world.Lengths

        rows (BestFitRows(shuffled world, world.SeqLen, world.RowTokens))
        |> List.collect (fun row -> List.ofArray row.Pieces)
        |> List.forall (fun piece ->
            let length = lengths[piece.Document]

            piece.Offset % world.RowTokens = 0
            && piece.Length = min world.RowTokens (length - piece.Offset)
            && piece.Continues = (piece.Offset + piece.Length < length)))

[<Fact>]
let ``best fit leaves no two rows that fit into one`` () =
    forAll worlds smaller (fun world ->
        let filled =
            content (BestFitRows(shuffled world, world.SeqLen, world.RowTokens))
            |> List.map _.Length
            |> List.sort

        match filled with
        | a :: b :: _ -> a + b > world.RowTokens
        | _ -> true)

[<Fact>]
let ``padding has segments of its own`` () =
    forAll worlds smaller (fun world ->
        rows (BestFitRows(shuffled world, world.SeqLen, world.RowTokens))
        @ rows (UnpackedRows(shuffled world, world.SeqLen, world.RowTokens))
        |> List.forall (fun row ->
            let filled = Array.sumBy _.Length row.Pieces
            let steps = Array.pairwise row.CuSeqlens |> Array.map (fun (a, b) -> b - a)

            Array.contains filled row.CuSeqlens
            && row.CuSeqlens[0] = 0
            && Array.last row.CuSeqlens = world.RowTokens
            && steps |> Array.forall (fun s -> s >= 1 && s <= world.SeqLen)))

[<Fact>]
let ``best fit wastes little, and a row of many windows is found in any order`` () =
    let random = System.Random 5
    let lengths = Array.init 50_000 (fun _ -> 1 + random.Next 700)
    let stream = DocumentStream.Shuffled(lengths, 0, lengths.Length, 9UL)
    let plan = BestFitRows(stream, 1024, 2048)
    let waste = 1.0 - float plan.Tokens / float (plan.Rows * 2048L)
    Assert.True(waste < 0.003, $"{waste:P2} of the rows is padding")

    // Row by row, in an order that jumps between windows, each document once.
    let seen = System.Collections.Generic.HashSet<int>()

    for i in 0L .. plan.Rows - 1L do
        for piece in (plan.Row((i * 7919L) % plan.Rows)).Pieces do
            Assert.True(seen.Add piece.Document)

    Assert.Equal(lengths.Length, seen.Count)

[<Fact>]
let ``unpacked rows hold a document for each sequence, cut off after seq_len`` () =
    forAll worlds smaller (fun world ->
        let plan = UnpackedRows(shuffled world, world.SeqLen, world.RowTokens)
        let pieces = rows plan |> List.map _.Pieces
        let ends = pieces |> List.collect List.ofArray

        (ends |> List.map (fun p -> p.Document, p.Length) |> List.sort) =
            (world.Kept |> List.map (fun (d, length) -> d, min length world.SeqLen))
        && ends |> List.forall (fun p -> p.Offset = 0 && not p.Continues)
        && pieces
           |> List.truncate (max 0 (pieces.Length - 1))
           |> List.forall (fun row -> row.Length = world.MicroBsz)
        && plan.Tokens = int64 (ends |> List.sumBy _.Length))

[<Fact>]
let ``InternEvo's order of documents and rows is NumPy's, file by file`` () =
    // As its loader does it, in Python with numpy 1.24: each file's documents that are used are
    // shuffled by RandomState(1024), laid one after the other, and cut every 8 tokens.
    let lengths = [| 3; 9; 0; 5; 7; 2; 6; 4; 4; 11; 2; 8 |]

    let file first count =
        CutRows(DocumentStream.AsInternEvo(lengths, first, count), 4, 8, true) :> RowPlan

    let plan = JoinedRows(4, 8, [| file 0 7; file 7 5 |])

    Assert.Equal<int list list>(
        [
            [ 300; 301; 302; 303; 304; 600; 601; 602 ]
            [ 603; 604; 605; 0; 1; 2; 500; 501 ]
            [ 100; 101; 102; 103; 104; 105; 106; 107 ]
            [ 108; 400; 401; 402; 403; 404; 405; 406 ]
            [ 900; 901; 902; 903; 904; 905; 906; 907 ]
            [ 908; 909; 910; 700; 701; 702; 703; 1100 ]
            [ 1101; 1102; 1103; 1104; 1105; 1106; 1107; 800 ]
        ],
        content plan
    )

    Assert.Equal(4L, plan.FirstRow 1)

[<Fact>]
let ``joined plans keep their rows apart`` () =
    let pair = Gen.zip worlds worlds

    forAll pair noShrink (fun (one, other) ->
        let plan lengths =
            CutRows(
                DocumentStream.InOrder(List.toArray lengths, 0, lengths.Length),
                one.SeqLen,
                one.RowTokens,
                true
            )
            :> RowPlan

        let plans = [| plan one.Lengths; plan []; plan other.Lengths |]
        content (JoinedRows(one.SeqLen, one.RowTokens, plans)) = List.collect content (List.ofArray plans))

[<Fact>]
let ``any place of a stream of documents is found`` () =
    let lengths =
        Gen.listOf (Gen.frequency [ 1, Gen.constant 0; 1, Gen.choose (1, 9) ])
        |> Gen.resize 400

    forAll lengths (fun _ -> Seq.empty) (fun lengths ->
        let stream = DocumentStream.InOrder(List.toArray lengths, 0, lengths.Length)

        let starts =
            List.scan (+) 0 lengths
            |> List.take lengths.Length
            |> List.zip lengths
            |> List.indexed

        let full = starts |> List.filter (fun (_, (length, _)) -> length > 0)

        (full
         |> List.forall (fun (place, (length, start)) ->
             [ start; start + length - 1 ]
             |> List.forall (fun token -> stream.PlaceOf(int64 token) = struct (place, int64 start))))
        && (full
            |> List.indexed
            |> List.forall (fun (number, (place, _)) -> stream.PlaceOfUsed number = place))
        && stream.Documents = full.Length)
