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
        /// Bytes more while its backward computes it again: units do so one after the other.
        Again: int64
        /// Operations that are done a second time.
        Flops: float
    }

/// A way for each unit.
type RecomputeChoice =
    {
        /// Of each unit, the place of its way among those that it was given.
        Options: IReadOnlyList<int>
        /// Bytes at the peak: what all units keep, and the most that one of them has beside it.
        Bytes: int64
        /// Operations that are done a second time.
        Flops: float
    }

/// Chooses among ways to run units. Choices are compared by operations, then by bytes.
[<AbstractClass; Sealed>]
type Recomputation private () =

    /// Ways to run some units of which none needs fewer bytes and fewer operations than another, the fewest bytes first;
    /// each with the places of the options, the last unit's first.
    static let frontier (room: int64) (units: (int * RecomputeOption) list list) =
        let step (states: (int64 * float * int list) array) (options: (int * RecomputeOption) list) =
            let longer =
                [|
                    for place, option in options do
                        for kept, flops, places in states do
                            if kept + option.Kept <= room then
                                kept + option.Kept, flops + option.Flops, place :: places
                |]

            let unbeaten = List()
            let mutable fewest = infinity

            for kept, flops, places in longer |> Array.sortBy (fun (kept, flops, _) -> kept, flops) do
                if flops < fewest then
                    fewest <- flops
                    unbeaten.Add((kept, flops, places))

            unbeaten.ToArray()

        units |> List.fold step [| 0L, 0.0, [] |]

    /// What may be beside the units at the peak: each bound that makes a difference.
    static let bounds (units: RecomputeOption seq seq) =
        Seq.append [ 0L ] (units |> Seq.collect (Seq.map _.Again)) |> Seq.distinct

    /// Of units that are alike, the first ones compute the most again: a choice that reads well, at the same costs.
    static let inOrder (units: IReadOnlyList<IReadOnlyList<RecomputeOption>>) (places: int array) =
        let ordered = Array.copy places

        for _, alike in Seq.indexed units |> Seq.groupBy (snd >> List.ofSeq) do
            let alike = [ for at, _ in alike -> at ]

            let chosen =
                [ for at in alike -> places[at] ]
                |> List.sortBy (fun place -> 0.0 - units[alike.Head].[place].Flops, place)

            for at, place in List.zip alike chosen do
                ordered[at] <- place

        ordered

    /// Bytes at the peak of a way for each unit.
    static member Bytes(chosen: RecomputeOption seq) : int64 =
        Seq.sumBy _.Kept chosen + Seq.fold max 0L (Seq.map _.Again chosen)

    /// The fewest bytes that the units can run in.
    static member Least(units: IReadOnlyList<IReadOnlyList<RecomputeOption>>) : int64 =
        seq {
            for bound in bounds (Seq.cast units) do
                let within =
                    [
                        for options in units -> [ for o in options do if o.Again <= bound then o.Kept ]
                    ]

                if not (List.exists List.isEmpty within) then
                    bound + List.sumBy List.min within
        }
        |> Seq.min

    /// The choice with the fewest operations that fits a budget of bytes, and of those the one with the fewest bytes; none
    /// where even the smallest does not fit. A knapsack, solved exactly: layers are few and mostly alike, so that few ways
    /// to run the first ones are beaten by no other.
    static member Choose
        (budget: int64, units: IReadOnlyList<IReadOnlyList<RecomputeOption>>)
        : RecomputeChoice option =
        let choices =
            [
                // What is beside the units is a largest, not a sum: under a bound for it the rest is a sum.
                for bound in bounds (Seq.cast units) |> Seq.filter (fun bound -> bound <= budget) do
                    let within =
                        [
                            for options in units ->
                                [
                                    for place, option in Seq.indexed options do
                                        if option.Again <= bound then
                                            place, option
                                ]
                        ]

                    match frontier (budget - bound) within with
                    | [||] -> ()
                    | states ->
                        let _, _, places = Array.last states
                        let places = places |> List.rev |> Array.ofList |> inOrder units
                        let chosen = [ for unit, place in Seq.zip units places -> unit[place] ]

                        {
                            Options = places
                            Bytes = Recomputation.Bytes chosen
                            Flops = chosen |> List.sumBy _.Flops
                        }
            ]

        match choices with
        | [] -> None
        | _ -> Some(choices |> List.minBy (fun choice -> choice.Flops, choice.Bytes))
