namespace Evo.Core

open System

/// A stretch of one document inside a row.
[<Struct>]
type Piece =
    {
        /// The document's number in the data set.
        Document: int
        /// The stretch's first token, counted from the document's first.
        Offset: int
        /// Tokens in the stretch, at least 1.
        Length: int
        /// Whether the label of the stretch's last token is the document's next token; otherwise it has none (-100).
        Continues: bool
    }

/// One row of training data: which tokens it is made of, and where attention may look.
type PackedRow =
    {
        /// The stretches, one after the other from the row's begin on. What they leave free is padding at the row's end.
        Pieces: Piece array
        /// Where each segment of attention begins, from 0, with the row's length at the end: strictly increasing. Padding
        /// has segments of its own.
        CuSeqlens: int array
    }

    /// The position of each token in its segment: positions restart at every boundary.
    member row.Positions() =
        let positions = Array.zeroCreate row.CuSeqlens[row.CuSeqlens.Length - 1]

        for segment in 0 .. row.CuSeqlens.Length - 2 do
            for i in row.CuSeqlens[segment] .. row.CuSeqlens[segment + 1] - 1 do
                positions[i] <- i - row.CuSeqlens[segment]

        positions

    /// A row whose pieces are segments of their own, cut into segments of at most `seqLen` tokens.
    static member internal WithBoundaries(pieces: Piece array, seqLen: int, rowTokens: int) =
        let cuts = ResizeArray [ 0 ]

        let segment length =
            let first = cuts[cuts.Count - 1]

            for cut in seqLen..seqLen .. length - 1 do
                cuts.Add(first + cut)

            if length > 0 then
                cuts.Add(first + length)

        for piece in pieces do
            segment piece.Length

        segment (rowTokens - cuts[cuts.Count - 1])

        {
            Pieces = pieces
            CuSeqlens = cuts.ToArray()
        }

    /// A row whose segments are `seqLen` tokens long, whatever it is made of.
    static member internal WithoutBoundaries(pieces: Piece array, seqLen: int, rowTokens: int) =
        {
            Pieces = pieces
            CuSeqlens = [| 0..seqLen..rowTokens |]
        }

/// How the documents of a data set become rows of equal length: any row is found by its number, alike on every machine.
[<AbstractClass>]
type RowPlan(seqLen: int, rowTokens: int) =
    do
        if seqLen < 1 || rowTokens < 1 || rowTokens % seqLen <> 0 then
            raise (
                ArgumentException $"a row of {rowTokens} tokens is no whole number of sequences of {seqLen}"
            )

    /// Tokens in one row, padding included.
    member _.RowTokens = rowTokens
    /// Rows in one pass over the data.
    abstract Rows: int64
    /// Tokens of documents in those rows; the rest of them is padding.
    abstract Tokens: int64
    /// The row of a number that is known to be right.
    abstract Make: row: int64 -> PackedRow

    /// One row, by number from 0.
    member plan.Row(row: int64) : PackedRow =
        if row < 0L || row >= plan.Rows then
            raise (ArgumentOutOfRangeException(nameof row, row, $"must be from 0 to {plan.Rows - 1L}"))

        plan.Make row

/// Plans one after the other: the rows of the second follow those of the first. No row holds documents of two.
[<Sealed>]
type JoinedRows(seqLen: int, rowTokens: int, plans: RowPlan array) =
    inherit RowPlan(seqLen, rowTokens)
    let firsts = plans |> Array.scan (fun at plan -> at + plan.Rows) 0L

    /// The number of a plan's first row.
    member _.FirstRow(plan: int) = firsts[plan]
    override _.Rows = Array.last firsts
    override _.Tokens = plans |> Array.sumBy _.Tokens

    override _.Make row =
        let found = Array.BinarySearch(firsts, row)
        let mutable plan = if found >= 0 then found else ~~~found - 1

        while firsts[plan + 1] = row do // plans without rows begin where the next one does
            plan <- plan + 1

        plans[plan].Row(row - firsts[plan])
