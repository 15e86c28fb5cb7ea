/// Checkpoints in pieces: what ranks hold covers a tensor once, and what is read by the plan is what a slice of the whole is.
module Evo.Core.Tests.CheckpointPieces

open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Properties

/// How a tensor is spread: cuts over axes of ranks, one inside of the other, then stretches of each share.
type private Spreading =
    {
        /// Dim, outer blocks, inner rows, ranks; the dim's length decides the count.
        Cuts: (int * int64 * int64 * int) list
        /// Ranks that share each share, a stretch each.
        Owners: int
    }

type private Case =
    {
        Shape: int64 list
        From: Spreading
        To: Spreading
        Transposed: bool
    }

let private check (cases: FsCheck.Gen<'a>) (body: 'a -> unit) =
    forAll cases noShrink (fun case ->
        body case
        true)

let private count (shape: int64 seq) = Seq.fold (*) 1L shape

/// The cuts that a shape allows: of each, the dim at hand must be outer x count x inner long.
let private cutsOf (shape: int64 list) (spreading: Spreading) (places: int list) =
    let mutable lengths = Array.ofList shape

    [
        for (dim, outer, inner, ranks), place in List.zip spreading.Cuts places do
            if lengths[dim] % (outer * inner) = 0L then
                let cut =
                    {
                        Dim = dim
                        Outer = outer
                        Count = lengths[dim] / (outer * inner)
                        Inner = inner
                        Places = ranks
                        Place = place
                    }

                lengths[dim] <- outer * cut.Block * inner
                cut
    ]

let rec private choices sizes =
    match sizes with
    | [] -> [ [] ]
    | size :: rest ->
        [
            for i in 0 .. size - 1 do
                for more in choices rest -> i :: more
        ]

/// Every rank's cuts and stretch.
let private ranks (shape: int64 list) (spreading: Spreading) =
    [
        for places in choices [ for _, _, _, ranks in spreading.Cuts -> ranks ] do
            // A cut that does not fit is left out, and with it all places of its axis but the first.
            let cuts = cutsOf shape spreading places

            if
                List.forall2
                    (fun (dim, outer, inner, _) place ->
                        place = 0
                        || cuts
                           |> List.exists (fun c ->
                               (c.Dim, c.Outer, c.Inner, c.Place) = (dim, outer, inner, place)))
                    spreading.Cuts
                    places
            then
                let total = count (Held.Shape(shape, cuts))
                let each = (total + int64 spreading.Owners - 1L) / int64 spreading.Owners

                for owner in 0 .. spreading.Owners - 1 do
                    let start = min total (int64 owner * each)
                    cuts, start, min each (total - start)
    ]

/// A share by definition: one list of the whole tensor's element numbers, -1 for padding, cut after cut.
let private share (shape: int64 list) (cuts: AxisCut list) =
    let take (sizes: int64 array, values: int64 array) (cut: AxisCut) =
        let before = count sizes[.. cut.Dim - 1]
        let after = count sizes[cut.Dim + 1 ..]
        let length = sizes[cut.Dim]

        let picked =
            [|
                for outer in 0L .. cut.Outer - 1L do
                    for unit in int64 cut.Place * cut.Block .. (int64 cut.Place + 1L) * cut.Block - 1L do
                        for row in 0L .. cut.Inner - 1L do
                            if unit < cut.Count then
                                (outer * cut.Count + unit) * cut.Inner + row
                            else
                                -1L
            |]

        Array.updateAt cut.Dim (int64 picked.Length) sizes,
        [|
            for b in 0L .. before - 1L do
                for i in picked do
                    for a in 0L .. after - 1L do
                        if i < 0L then
                            -1L
                        else
                            values[int ((b * length + i) * after + a)]
        |]

    List.fold take (Array.ofList shape, [| 0L .. count shape - 1L |]) cuts

/// The element numbers of a box of a tensor, row-major.
let private elements (shape: int64 seq) (box: Box) =
    let shape = Array.ofSeq shape

    let rec walk dim number =
        [
            if dim = shape.Length then
                yield number
            else
                for i in box.Offset[dim] .. box.Offset[dim] + box.Length[dim] - 1L do
                    yield! walk (dim + 1) (number * shape[dim] + i)
        ]

    walk 0 0L

let private spreading dims =
    gen {
        let cut =
            gen {
                let! dim = Gen.choose (0, max 0 (dims - 1))
                let! outer = Gen.elements [ 1L; 1L; 2L; 3L ]
                let! inner = Gen.elements [ 1L; 1L; 2L ]
                let! ranks = Gen.choose (1, 4)
                return dim, outer, inner, ranks
            }

        let! cuts = Gen.choose (0, (if dims = 0 then 0 else 2))
        let! cuts = Gen.listOfLength cuts cut
        let! owners = Gen.choose (1, 4)
        return { Cuts = cuts; Owners = owners }
    }

let private cases =
    gen {
        let! dims = Gen.choose (0, 3)

        let! shape =
            Gen.listOfLength dims (Gen.frequency [ 1, Gen.constant 1; 8, Gen.choose (2, 12) ])

        let! from = spreading dims
        let! into = spreading dims
        let! transposed = Gen.elements [ true; false ]

        return
            {
                Shape = List.map int64 shape
                From = from
                To = into
                Transposed = transposed && dims >= 2
            }
    }

/// The pieces that all ranks write, each box under a key of its own.
let private pieces (case: Case) =
    [
        for rank, (cuts, start, count) in List.indexed (ranks case.Shape case.From) do
            for i, held in List.indexed (Held.Boxes(case.Shape, cuts, start, count)) do
                {
                    File = $"{rank}"
                    Key = $"{i}"
                    Box = held.Box
                    Transposed = case.Transposed
                    Sha256 = ""
                }
    ]

[<Fact>]
let ``what a rank holds of a tensor is the same elements as cutting it, in the same places`` () =
    check cases (fun case ->
        for cuts, start, count in ranks case.Shape case.From do
            let shape, all = share case.Shape cuts
            Assert.Equal<int64 array>(shape, Held.Shape(case.Shape, cuts))
            let expected = all[int start .. int (start + count) - 1]
            let found = Array.create (int count) -1L

            for held in Held.Boxes(case.Shape, cuts, start, count) do
                let inside =
                    {
                        Offset = held.At
                        Length = held.Box.Length
                    }

                for at, element in List.zip (elements held.Shape inside) (elements case.Shape held.Box) do
                    let at = int (held.Start + at)
                    Assert.Equal(-1L, found[at])
                    found[at] <- element

            Assert.Equal<int64 array>(expected, found))

[<Fact>]
let ``a stretch of a tensor is at most 2n - 1 boxes, in its order`` () =
    check cases (fun case ->
        let shape = Array.ofList case.Shape
        let total = count shape
        let start = total / 3L
        let boxes = Box.OfRange(shape, start, total - start - total / 4L)
        Assert.True(boxes.Length <= max 1 (2 * shape.Length - 1))
        Assert.Equal<int64 list>([ start .. total - total / 4L - 1L ], List.collect (elements shape) boxes))

[<Fact>]
let ``what all ranks write holds every element once; without a piece, or with one twice, that is said`` () =
    check cases (fun case ->
        let pieces = pieces case
        Assert.Empty(Coverage.Problems(case.Shape, pieces))
        Assert.Contains("of", Assert.Single(Coverage.Problems(case.Shape, List.tail pieces)))

        Assert.Contains(
            "same elements",
            Assert.Single(Coverage.Problems(case.Shape, pieces @ [ List.last pieces ]))
        ))

[<Fact>]
let ``read by the plan from any spreading, a rank of any other has its part of the whole, and reads nothing else``
    ()
    =
    check cases (fun case ->
        let pieces = pieces case

        // The files: each piece's elements in the order of its file.
        let stored (piece: ManifestPiece) =
            let own = elements case.Shape piece.Box |> Array.ofList
            let n = piece.Box.Length.Length

            if piece.Transposed then
                let rows, columns = piece.Box.Length[n - 2], piece.Box.Length[n - 1]

                [|
                    for matrix in Array.chunkBySize (int (rows * columns)) own do
                        for c in 0L .. columns - 1L do
                            for r in 0L .. rows - 1L do
                                matrix[int (r * columns + c)]
                |]
            else
                own

        for cuts, start, count in ranks case.Shape case.To do
            let _, all = share case.Shape cuts

            for held in Held.Boxes(case.Shape, cuts, start, count) do
                let reads = LoadPlan.Of(held.Box, pieces)
                Assert.Equal(held.Box.Volume, reads |> List.sumBy _.Common.Volume)

                for read in reads do
                    let file = stored read.Piece

                    let got =
                        [
                            for struct (first, count) in read.Runs do
                                yield! file[int first .. int (first + count) - 1]
                        ]

                    let n = read.FileShape.Length

                    let inOrder =
                        if read.Piece.Transposed then
                            let columns, rows = read.FileShape[n - 2], read.FileShape[n - 1]

                            [
                                for matrix in List.chunkBySize (int (rows * columns)) got do
                                    let matrix = Array.ofList matrix

                                    for r in 0L .. rows - 1L do
                                        for c in 0L .. columns - 1L do
                                            matrix[int (c * rows + r)]
                            ]
                        else
                            got

                    Assert.Equal<int64 list>(elements case.Shape read.Common, inOrder)

            Assert.Equal(
                all[int start .. int (start + count) - 1]
                |> Seq.filter (fun e -> e >= 0L)
                |> Seq.length
                |> int64,
                Held.Boxes(case.Shape, cuts, start, count) |> List.sumBy _.Box.Volume
            ))

[<Fact>]
let ``work is dealt out evenly, the same way everywhere`` () =
    let sizes = Gen.listOf (Gen.choose (0, 1000)) |> Gen.map (List.map int64)

    check (Gen.zip sizes (Gen.choose (1, 8))) (fun (sizes, places) ->
        let chosen = Spread.Evenly(Array.ofList sizes, places)

        for place in 0 .. places - 1 do
            let load =
                Seq.zip sizes chosen |> Seq.filter (fun (_, p) -> p = place) |> Seq.sumBy fst

            let most = if sizes.IsEmpty then 0L else List.max sizes
            Assert.True(load <= List.sum sizes / int64 places + most))
