/// Which layers keep what their backward reads, and which are computed again: the fewest operations that fit a memory.
namespace Evo.Core

open System.Collections.Generic

/// What a layer keeps from its forward to its backward; the rest is computed again.
type LayerKeeps =
    /// All that its backward reads: nothing is computed again.
    | Everything = 0
    /// Its input and what its attention gave.
    | Attention = 1
    /// Its input alone.
    | Input = 2

/// One way to run a unit that can be kept or computed again.
type RecomputeOption =
    {
        /// Bytes that it holds from its forward to its backward, over all passes that are alive at a time.
        Kept: int64
        /// Bytes of these that are free once its backward is done, while units before it still wait for theirs.
        Freed: int64
        /// Bytes beside these while its backward runs: what it computes again, and what comes and goes.
        Beside: int64
        /// Operations that are done a second time.
        Flops: float
    }

/// A way for each unit.
type RecomputeChoice =
    {
        /// Of each unit, the place of its way among those that it was given.
        Options: IReadOnlyList<int>
        /// Bytes at the peak.
        Bytes: int64
        /// Operations that are done a second time.
        Flops: float
    }

/// Some units in a row with a way for each: what they keep, their peak, their operations, and the ways, the last one first.
[<Struct>]
type private Row =
    {
        Held: int64
        Peak: int64
        Again: float
        Places: int list
    }

    /// One more unit behind them. Its backward comes before theirs: then all of them wait, and what it frees is free for them.
    member row.Then(place: int, option: RecomputeOption) =
        let held = row.Held + option.Kept

        {
            Held = held
            Peak = max (row.Peak + option.Kept - option.Freed) (held + option.Beside)
            Again = row.Again + option.Flops
            Places = place :: row.Places
        }

/// Chooses among ways to run units that stand in the order of their forwards. Choices are compared by operations, then by bytes.
[<AbstractClass; Sealed>]
type Recomputation private () =

    static let nothing =
        {
            Held = 0L
            Peak = 0L
            Again = 0.0
            Places = []
        }

    /// The rows of which none is as good as another in all of what they hold, their peak and their operations.
    static let unbeaten (rows: Row array) =
        // Of those that hold no more than the next one: operations, each with a lower peak than all that need fewer.
        let stairs = List<struct (float * int64)>()

        let below again =
            let mutable first, last = 0, stairs.Count

            while first < last do
                let middle = (first + last) / 2
                let struct (other, _) = stairs[middle]

                if other <= again then
                    first <- middle + 1
                else
                    last <- middle

            first

        [|
            for row in rows |> Array.sortBy (fun row -> struct (row.Held, row.Again, row.Peak)) do
                let at = below row.Again

                let isBeaten =
                    at > 0
                    && (let struct (_, peak) = stairs[at - 1]
                        peak <= row.Peak)

                if not isBeaten then
                    let mutable until = at

                    while until < stairs.Count
                          && (let struct (_, peak) = stairs[until]
                              peak >= row.Peak) do
                        until <- until + 1

                    stairs.RemoveRange(at, until - at)
                    stairs.Insert(at, struct (row.Again, row.Peak))
                    row
        |]

    /// Every row of all units within a peak that no other beats.
    static let rows (room: int64) (units: RecomputeOption seq seq) =
        units
        |> Seq.fold
            (fun rows options ->
                unbeaten
                    [|
                        for place, option in Seq.indexed options do
                            for row: Row in rows do
                                let longer = row.Then(place, option)

                                if longer.Peak <= room then
                                    longer
                    |])
            [| nothing |]

    static let peak (units: IReadOnlyList<IReadOnlyList<RecomputeOption>>) (places: int seq) =
        (nothing, Seq.zip units places)
        ||> Seq.fold (fun row (options, place) -> row.Then(place, options[place]))
        |> _.Peak

    /// The same ways, of units that are alike the first computing the most again, where that is no worse: it reads better.
    static let inOrder (units: IReadOnlyList<IReadOnlyList<RecomputeOption>>) (places: int array) =
        let ordered = Array.copy places

        for _, alike in Seq.indexed units |> Seq.groupBy (snd >> List.ofSeq) do
            let alike = [ for at, _ in alike -> at ]

            let chosen =
                [ for at in alike -> places[at] ]
                |> List.sortBy (fun place -> 0.0 - units[alike.Head].[place].Flops, place)

            for at, place in List.zip alike chosen do
                ordered[at] <- place

        if peak units ordered <= peak units places then
            ordered
        else
            places

    /// Bytes at the peak of a way for each unit. Backwards run from the last unit to the first, one at a time.
    static member Bytes(chosen: RecomputeOption seq) : int64 =
        (nothing, chosen) ||> Seq.fold (fun row option -> row.Then(0, option)) |> _.Peak

    /// The fewest bytes that the units can run in.
    static member Least(units: IReadOnlyList<IReadOnlyList<RecomputeOption>>) : int64 =
        let free =
            [
                for options in units -> [ for option in options -> { option with Flops = 0.0 } ]
            ]

        rows System.Int64.MaxValue (Seq.map Seq.ofList free)
        |> Seq.map _.Peak
        |> Seq.min

    /// The choice with the fewest operations that fits a budget of bytes, and of those the one with the fewest bytes; none
    /// where even the smallest does not fit. A knapsack, solved exactly: layers are few and mostly alike, so that few ways
    /// to run the first ones are beaten by no other.
    static member Choose
        (budget: int64, units: IReadOnlyList<IReadOnlyList<RecomputeOption>>)
        : RecomputeChoice option =
        match rows budget (Seq.cast units) with
        | [||] -> None
        | _ when budget < 0L -> None
        | rows ->
            let best = rows |> Array.minBy (fun row -> struct (row.Again, row.Peak))
            let places = best.Places |> List.rev |> Array.ofList |> inOrder units

            Some
                {
                    Options = places
                    Bytes = peak units places
                    Flops = best.Again
                }
