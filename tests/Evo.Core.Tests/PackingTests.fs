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
        MinLength: int
    }

let private packing world =
    Packing(
        List.toArray world.Lengths,
        world.SeqLen,
        world.SeqLen * world.MicroBsz,
        world.Boundaries,
        world.MinLength,
        true,
        3UL
    )

let private worlds =
    gen {
        let! lengths = Gen.listOf (Gen.choose (0, 20))
        let! seqLen = Gen.choose (1, 8)
        let! microBsz = Gen.choose (1, 4)
        let! boundaries = Gen.elements [ true; false ]
        let! minLength = Gen.choose (0, 4)

        return
            {
                Lengths = lengths
                SeqLen = seqLen
                MicroBsz = microBsz
                Boundaries = boundaries
                MinLength = minLength
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

let private rows (packing: Packing) =
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

        let kept =
            world.Lengths
            |> List.indexed
            |> List.filter (fun (_, length) -> length >= max 1 world.MinLength)

        let all =
            rows packing
            |> List.collect (fun row -> row.Pieces |> List.ofArray |> List.collect tokens)

        let possible =
            set
                [
                    for d, length in kept do
                        for i in 0 .. length - 1 -> 100 * d + i
                ]

        List.distinct all = all
        && all |> List.forall possible.Contains
        && int64 possible.Count = packing.Tokens
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
    let row = Packing([| 4; 7; 8; 5 |], 8, 16, true, 0, false, 0UL).Row 0L
    Assert.Equal<int array>([| 0; 4; 11; 16 |], row.CuSeqlens)
    Assert.Equal<int array>([| 0; 1; 2; 3; 0; 1; 2; 3; 4; 5; 6; 0; 1; 2; 3; 4 |], row.Positions())

    Assert.Equal<int list>(
        [ 1; 2; 3; -100; 101; 102; 103; 104; 105; 106; -100; 201; 202; 203; 204; 205 ],
        labels row
    )

[<Fact>]
let ``a document longer than seq_len is cut into segments whose ends still learn the next token`` () =
    let row = Packing([| 10 |], 4, 8, true, 0, false, 0UL).Row 0L
    Assert.Equal<int array>([| 0; 4; 8 |], row.CuSeqlens)
    Assert.Equal<int list>([ 1; 2; 3; 4; 5; 6; 7; 8 ], labels row)

[<Fact>]
let ``a row outside the data is refused`` () =
    let packing = Packing([| 10 |], 4, 8, true, 0, false, 0UL)
    Assert.Equal(1L, packing.Rows)

    Assert.Throws<System.ArgumentOutOfRangeException>(fun () -> packing.Row 1L |> ignore)
    |> ignore
