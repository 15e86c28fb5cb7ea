namespace Evo.Core

open System
open System.Collections.Concurrent
open System.Threading.Tasks

/// Rows that have room left, by their room.
type private RoomyRows(most: int) =
    // Room in the high half, the row's number in the low one, rising.
    let keys = Array.zeroCreate<int64> most
    let mutable count = 0

    let insertion key =
        let found = Array.BinarySearch(keys, 0, count, key)
        if found >= 0 then found else ~~~found

    member _.Put(row: int, room: int) =
        if room > 0 then
            let key = (int64 room <<< 32) ||| int64 row
            let at = insertion key
            Array.Copy(keys, at, keys, at + 1, count - at)
            keys[at] <- key
            count <- count + 1

    /// Takes out the row with the least room that is enough, the oldest of several; its number and room, or -1.
    member _.Take(length: int) : struct (int * int) =
        let at = insertion (int64 length <<< 32)

        if at = count then
            struct (-1, 0)
        else
            let key = keys[at]
            count <- count - 1
            Array.Copy(keys, at + 1, keys, at, count - at)
            struct (int (key &&& 0xffffffffL), int (key >>> 32))

/// Documents put whole into rows where they fit best: the longest first, each into the row with the least room that is
/// enough (best fit decreasing; "Fewer Truncations Improve Language Modeling", Ding et al. 2024). Every token stands in one
/// row. Only a document longer than a row is cut, every `rowTokens` tokens; each row's free end is padding.
///
/// The documents are packed in windows of at least 4096 of them and 64 rows, each on its own. So a row is found by packing
/// its window again, and memory holds one number for each window, whatever the size of the data.
[<Sealed>]
type BestFitRows(documents: DocumentStream, seqLen: int, rowTokens: int) =
    inherit RowPlan(seqLen, rowTokens)

    let window =
        let rows = 64L * int64 rowTokens

        if documents.Tokens <= rows then
            max 1 documents.Places
        else
            max 4096L (int64 (float documents.Places * float rows / float documents.Tokens))
            |> int

    let windows = (documents.Places + window - 1) / window

    // Plans of windows that were asked for lately, and how many are kept: those of about 131,072 documents, 2 MB.
    let recent = ConcurrentDictionary<int, Piece array array>()
    let kept = max 2 ((1 <<< 17) / window)

    let pack number =
        let first = number * window

        let inWindow =
            Array.init (min window (documents.Places - first)) (fun i -> documents.At(first + i))

        let rows = ResizeArray<ResizeArray<Piece>>()
        // What is left of each document after whole rows, by falling length, and by place where lengths are equal.
        let remainders = ResizeArray<int64>()

        let piece i offset length =
            let struct (document, whole) = inWindow[i]

            {
                Document = document
                Offset = offset
                Length = length
                Continues = offset + length < whole
            }

        for i in 0 .. inWindow.Length - 1 do
            let struct (_, length) = inWindow[i]

            for offset in 0..rowTokens .. length - rowTokens do
                rows.Add(ResizeArray [ piece i offset rowTokens ])

            if length % rowTokens > 0 then
                remainders.Add((int64 (rowTokens - length % rowTokens) <<< 32) ||| int64 i)

        remainders.Sort()
        let roomy = RoomyRows remainders.Count

        for key in remainders do
            let i = int (key &&& 0xffffffffL)
            let length = rowTokens - int (key >>> 32)

            let row, room =
                match roomy.Take length with
                | struct (-1, _) ->
                    rows.Add(ResizeArray())
                    rows.Count - 1, rowTokens
                | struct (row, room) -> row, room

            let struct (_, whole) = inWindow[i]
            rows[row].Add(piece i (whole - length) length)
            roomy.Put(row, room - length)

        [| for row in rows -> row.ToArray() |]

    // The first row of each window, and the number of all rows.
    let firsts =
        let firsts = Array.zeroCreate<int64>(windows + 1)

        let count number =
            let rows = pack number

            if windows <= kept then
                recent[number] <- rows

            firsts[number + 1] <- int64 rows.Length

        Parallel.For(0, windows, count) |> ignore

        for number in 1..windows do
            firsts[number] <- firsts[number] + firsts[number - 1]

        firsts

    override _.Rows = firsts[windows]
    override _.Tokens = documents.Tokens

    override _.Make row =
        let number =
            let found = Array.BinarySearch(firsts, row)
            let mutable number = if found >= 0 then found else ~~~found - 1

            while firsts[number + 1] = row do // windows without documents have no rows
                number <- number + 1

            number

        let rows =
            match recent.TryGetValue number with
            | true, rows -> rows
            | _ ->
                if recent.Count >= kept then
                    recent.Clear()

                let rows = pack number
                recent[number] <- rows
                rows

        PackedRow.WithBoundaries(rows[int (row - firsts[number])], seqLen, rowTokens)
