namespace Evo.Core

/// Documents laid one after the other and cut every `rowTokens` tokens: InternEvo's packing. What is left at the end is
/// dropped.
///
/// With boundaries, each document's stretch is a segment of its own, cut into segments of at most `seqLen` tokens; the
/// last token of a stretch cut by the row's end still learns the document's next token. Without boundaries, segments
/// are simply `seqLen` tokens long, attention crosses documents, and the last token of every stretch has no label.
[<Sealed>]
type CutRows(documents: DocumentStream, seqLen: int, rowTokens: int, boundaries: bool) =
    inherit RowPlan(seqLen, rowTokens)

    override _.Rows = documents.Tokens / int64 rowTokens
    override plan.Tokens = plan.Rows * int64 rowTokens

    override _.Make row =
        let last = (row + 1L) * int64 rowTokens
        let pieces = ResizeArray()
        let mutable at = row * int64 rowTokens
        let struct (place, start) = documents.PlaceOf at
        let mutable place, start = place, start

        while at < last do
            let struct (document, length) = documents.At place
            let ends = start + int64 length
            let stop = min last ends

            if stop > at then
                pieces.Add
                    {
                        Document = document
                        Offset = int (at - start)
                        Length = int (stop - at)
                        Continues = boundaries && stop < ends
                    }

            at <- stop
            start <- ends
            place <- place + 1

        if boundaries then
            PackedRow.WithBoundaries(pieces.ToArray(), seqLen, rowTokens)
        else
            PackedRow.WithoutBoundaries(pieces.ToArray(), seqLen, rowTokens)
