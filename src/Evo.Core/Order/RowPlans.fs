namespace Evo.Core

/// The rows of documents by the name that a configuration gives to a packing.
[<AbstractClass; Sealed>]
type RowPlans private () =

    /// "best_fit", "cut" or "unpacked" rows; boundaries are always kept by the first and the last.
    static member Of
        (packing: string, documents: DocumentStream, seqLen: int, rowTokens: int, boundaries: bool)
        : RowPlan =
        match packing with
        | "best_fit" -> BestFitRows(documents, seqLen, rowTokens)
        | "unpacked" -> UnpackedRows(documents, seqLen, rowTokens)
        | "cut" -> CutRows(documents, seqLen, rowTokens, boundaries)
        | other -> invalidArg (nameof packing) $"\"{other}\" is no way of packing"
