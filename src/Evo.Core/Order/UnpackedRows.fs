namespace Evo.Core

/// Each row holds as many documents as it has sequences, each cut off after `seqLen` tokens, and padding behind them: what
/// InternEvo does with `use_packed_dataset = False`. InternEvo puts padding behind each sequence; as padding is in no
/// document's segment, nothing that is computed differs. The last row may hold fewer documents.
[<Sealed>]
type UnpackedRows(documents: DocumentStream, seqLen: int, rowTokens: int) =
    inherit RowPlan(seqLen, rowTokens)
    let each = rowTokens / seqLen

    let tokens =
        let mutable tokens = 0L

        for place in 0 .. documents.Places - 1 do
            let struct (_, length) = documents.At place
            tokens <- tokens + int64 (min seqLen length)

        tokens

    override _.Rows = (int64 documents.Documents + int64 each - 1L) / int64 each
    override _.Tokens = tokens

    override _.Make row =
        let first = int row * each

        let pieces =
            [|
                for number in first .. min documents.Documents (first + each) - 1 do
                    let struct (document, length) = documents.At(documents.PlaceOfUsed number)

                    {
                        Document = document
                        Offset = 0
                        Length = min seqLen length
                        Continues = false
                    }
            |]

        PackedRow.WithBoundaries(pieces, seqLen, rowTokens)
