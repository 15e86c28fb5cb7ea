namespace Evo.Core

open System
open System.Collections.Generic

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
        /// The stretches, one after the other; together they are `RowTokens` long.
        Pieces: Piece array
        /// Where each segment of attention begins, from 0, with the row's length at the end: strictly increasing.
        CuSeqlens: int array
    }

    /// The position of each token in its segment: positions restart at every boundary.
    member row.Positions() =
        let positions = Array.zeroCreate row.CuSeqlens[row.CuSeqlens.Length - 1]

        for segment in 0 .. row.CuSeqlens.Length - 2 do
            for i in row.CuSeqlens[segment] .. row.CuSeqlens[segment + 1] - 1 do
                positions[i] <- i - row.CuSeqlens[segment]

        positions

/// How documents become rows of equal length. The documents are put in a shuffled order, one after the other, and cut
/// every `rowTokens` tokens; what is left at the end is dropped. This is InternEvo's packing, with a shuffle that needs
/// no table. A row is found in O(log documents).
///
/// With boundaries, each document's stretch is a segment of its own, cut into segments of at most `seqLen` tokens; the
/// last token of a stretch cut by the row's end still learns the document's next token. Without boundaries, segments
/// are simply `seqLen` tokens long, attention crosses documents, and the last token of every stretch has no label.
[<Sealed>]
type Packing
    (
        lengths: IReadOnlyList<int>,
        seqLen: int,
        rowTokens: int,
        boundaries: bool,
        minLength: int,
        shuffle: bool,
        seed: uint64
    ) =
    do
        if seqLen < 1 || rowTokens < 1 || rowTokens % seqLen <> 0 then
            raise (
                ArgumentException $"a row of {rowTokens} tokens is no whole number of sequences of {seqLen}"
            )

    let kept =
        [|
            for i in 0 .. lengths.Count - 1 do
                if lengths[i] >= max 1 minLength then
                    i
        |]

    /// Documents in the order in which they are laid out.
    let order =
        if shuffle then
            let permutation = Permutation(Seeds.Of(seed, "documents"), int64 kept.Length)
            Array.init kept.Length (fun i -> kept[int (permutation.At(int64 i))])
        else
            kept

    /// starts[i] is the place of document order[i] in the stream; the last entry is the stream's length.
    let starts =
        let starts = Array.zeroCreate (order.Length + 1)

        for i in 0 .. order.Length - 1 do
            starts[i + 1] <- starts[i] + int64 lengths[order[i]]

        starts

    let tokens = starts[order.Length]

    /// Documents that are long enough to be used.
    member _.Documents = kept.Length
    /// Tokens in those documents.
    member _.Tokens: int64 = tokens
    /// Tokens in one row.
    member _.RowTokens = rowTokens
    /// Rows that the documents fill.
    member _.Rows: int64 = tokens / int64 rowTokens

    /// One row, by number from 0.
    member packing.Row(row: int64) : PackedRow =
        if row < 0L || row >= packing.Rows then
            raise (ArgumentOutOfRangeException(nameof row, row, $"must be from 0 to {packing.Rows - 1L}"))

        let first = row * int64 rowTokens
        let last = first + int64 rowTokens
        let pieces = ResizeArray()
        let cuts = ResizeArray [ 0 ]

        let mutable document =
            let found = Array.BinarySearch(starts, 0, order.Length, first)
            if found >= 0 then found else ~~~found - 1

        let mutable at = first

        while at < last do
            let stop = min last starts[document + 1]
            let length = int (stop - at)

            pieces.Add
                {
                    Document = order[document]
                    Offset = int (at - starts[document])
                    Length = length
                    Continues = boundaries && stop < starts[document + 1]
                }

            if boundaries then
                for cut in seqLen..seqLen .. length - 1 do
                    cuts.Add(int (at - first) + cut)

                cuts.Add(int (stop - first))

            at <- stop
            document <- document + 1

        if not boundaries then
            for cut in seqLen..seqLen..rowTokens do
                cuts.Add cut

        {
            Pieces = pieces.ToArray()
            CuSeqlens = cuts.ToArray()
        }
