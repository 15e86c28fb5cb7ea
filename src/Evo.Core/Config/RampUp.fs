namespace Evo.Core

open System

/// How the number of micro-batches of a step rises over a run, in InternEvo's words: "start incr every". Every number is a
/// function of the batch's, so that a run can begin anywhere.
type RampUp =
    {
        /// Micro-batches of the first steps.
        Start: int
        /// How many more there are each time.
        Increment: int
        /// Batches between two rises.
        Every: int64
    }

    /// Reads "start incr every"; none where the text says something else.
    static member TryParse(text: string) : RampUp option =
        let read (word: string) =
            match Int32.TryParse word with
            | true, number when number > 0 -> Some number
            | _ -> None

        match text.Split(' ', StringSplitOptions.RemoveEmptyEntries) |> Array.map read with
        | [| Some start; Some increment; Some every |] ->
            Some
                {
                    Start = start
                    Increment = increment
                    Every = int64 every
                }
        | _ -> None

    /// Micro-batches of a batch, numbered from 0, where there are `most` at the end.
    member ramp.MicroBatchesAt(batch: int64, most: int) : int =
        let rises = min (batch / ramp.Every) (int64 most)
        int (min (int64 most) (int64 ramp.Start + rises * int64 ramp.Increment))

    /// Micro-batches of all batches before one, without walking through them.
    member ramp.MicroBatchesBefore(batch: int64, most: int) : int64 =
        let most = int64 most
        let start, increment = int64 ramp.Start, int64 ramp.Increment

        // Levels below the last one, each of `every` batches.
        let below =
            if start >= most then
                0L
            else
                (most - start + increment - 1L) / increment

        let whole = min below (batch / ramp.Every)
        let rest = batch - whole * ramp.Every

        ramp.Every * (whole * start + increment * (whole * (whole - 1L) / 2L))
        + rest * min most (start + whole * increment)

    /// The numbers of micro-batches that occur, from the first to the last.
    member ramp.Levels(most: int) : int list =
        [ ramp.Start .. ramp.Increment .. most - 1 ] @ [ most ] |> List.distinct
