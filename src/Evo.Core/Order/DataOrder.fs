namespace Evo.Core

open System

/// Which row stands at each place of the endless line of rows that a run reads, from its first step on.
[<AbstractClass>]
type RowOrder() =
    /// The row at a position of the line.
    abstract RowAt: position: int64 -> int64

    /// The place in a step's rows of one micro-batch of a data-parallel rank, where each rank has `microBatches` of them.
    /// The ranks' shares stand one after the other unless said otherwise.
    abstract Place: rank: int * ranks: int * microBatch: int * microBatches: int -> int
    default _.Place(rank, _, microBatch, microBatches) = rank * microBatches + microBatch

/// Which rows each batch of a run reads: a function of (seed, batch) alone. Every epoch is its own permutation of all
/// rows, epochs follow each other without a gap, and any batch is found in O(1): resuming is arithmetic, and the order
/// does not change with the number of ranks or micro-batches.
[<Sealed>]
type DataOrder(seed: uint64, rows: int64, rowsPerBatch: int) =
    inherit RowOrder()

    do
        if rows < 1L then
            raise (ArgumentOutOfRangeException(nameof rows, rows, "there must be at least one row of data"))

        if rowsPerBatch < 1 then
            raise (
                ArgumentOutOfRangeException(nameof rowsPerBatch, rowsPerBatch, "a batch has at least one row")
            )

    // Keys of a permutation are worth keeping while batches stay in its epoch.
    let mutable current = struct (-1L, Permutation(0UL, 0L))

    let permutation epoch =
        let struct (known, permutation) = current

        if known = epoch then
            permutation
        else
            let fresh = Permutation(Seeds.Of(seed, "data order", epoch), rows)
            current <- struct (epoch, fresh)
            fresh

    /// Rows of one epoch.
    member _.Rows = rows
    /// Rows of one batch, over all ranks and micro-batches.
    member _.RowsPerBatch = rowsPerBatch

    /// The row at a position of the endless stream of rows.
    override _.RowAt(position: int64) =
        permutation(position / rows).At(position % rows)

    /// All rows of a batch; batches count from 0. A batch may end one epoch and begin the next.
    member order.Batch(batch: int64) =
        Array.init rowsPerBatch (fun i -> order.RowAt(batch * int64 rowsPerBatch + int64 i))

    /// The row of one micro-batch on one data-parallel rank: the ranks' shares stand one after the other in the batch.
    member order.Row(batch: int64, rank: int, ranks: int, microBatch: int) =
        if rowsPerBatch % ranks <> 0 then
            raise (ArgumentException($"a batch of {rowsPerBatch} rows does not split over {ranks} ranks"))

        let share = rowsPerBatch / ranks
        order.RowAt(batch * int64 rowsPerBatch + int64 (rank * share + microBatch))

    /// The epoch, from 0, in which a batch begins.
    member _.Epoch(batch: int64) = batch * int64 rowsPerBatch / rows

/// The rows of several sources, each in an order of its own, taken turn by turn as a mixture says.
[<Sealed>]
type MixedOrder(mixture: Mixture, orders: RowOrder array, firstRows: int64 array) =
    inherit RowOrder()

    override _.RowAt(position: int64) =
        let struct (source, ordinal) = mixture.At position
        firstRows[source] + orders[source].RowAt ordinal

/// The batches that a run reads past without training on them.
type SkippedBatches =
    {
        /// Inclusive ranges, in the order written.
        Ranges: (int64 * int64) list
    }

    /// Whether a batch is skipped.
    member skipped.Contains(batch: int64) =
        skipped.Ranges
        |> List.exists (fun (first, last) -> batch >= first && batch <= last)

    /// Reads "1-3,7"; None where the text is no such list.
    static member TryParse(text: string) : SkippedBatches option =
        let range (part: string) =
            match part.Trim().Split '-' |> Array.map Int64.TryParse with
            | [| (true, one) |] when one >= 0L -> Some(one, one)
            | [| (true, first); (true, last) |] when first >= 0L && first <= last -> Some(first, last)
            | _ -> None

        if String.IsNullOrWhiteSpace text then
            Some { Ranges = [] }
        else
            let ranges = text.Split ',' |> Array.map range |> List.ofArray

            if ranges |> List.forall Option.isSome then
                Some { Ranges = List.choose id ranges }
            else
                None
