namespace Evo.Core

open System.Collections.Generic

/// Covering arrays: few layouts in which every combination of a few settings occurs that occurs in any legal layout.
module Covering =

    /// All ways to take `count` of the numbers from `first` to `last`.
    let rec private choices count first last =
        if count = 0 then
            [ [] ]
        else
            [
                for chosen in first..last do
                    for rest in choices (count - 1) (chosen + 1) last do
                        chosen :: rest
            ]

    /// The combinations of `strength` settings in each item, as numbers; equal combinations have equal numbers.
    let private combinations strength (items: 'a array) (axes: (string * ('a -> string)) list) =
        let axes = Array.ofList axes

        let values =
            items
            |> Array.map (fun item -> axes |> Array.map (fun (_, value) -> value item))

        // Texts of an axis become numbers, and a choice of axes with their numbers one number.
        let numbers = axes |> Array.map (fun _ -> Dictionary<string, int>())

        let coded =
            values
            |> Array.map (
                Array.mapi (fun axis text ->
                    match numbers[axis].TryGetValue text with
                    | true, number -> number
                    | _ ->
                        let number = numbers[axis].Count
                        numbers[axis].Add(text, number)
                        number)
            )

        let taken =
            choices strength 0 (axes.Length - 1) |> List.map Array.ofList |> Array.ofList

        let starts =
            taken
            |> Array.map (Array.fold (fun size axis -> size * numbers[axis].Count) 1)
            |> Array.scan (+) 0

        let of' (code: int array) =
            taken
            |> Array.mapi (fun i chosen ->
                let mutable place = 0

                for axis in chosen do
                    place <- place * numbers[axis].Count + code[axis]

                starts[i] + place)

        Array.map of' coded, Array.last starts

    /// The items without those that can be spared: the costliest first, each whose combinations all occur in others that
    /// are left.
    let private needed (found: int array array) (count: int) (costs: float array) (taken: int list) =
        let times = Array.zeroCreate<int> count

        let add change item =
            for combination in found[item] do
                times[combination] <- times[combination] + change

        List.iter (add 1) taken

        let spared =
            taken
            |> List.sortByDescending (fun item -> costs[item])
            |> List.filter (fun item ->
                let spare = found[item] |> Array.forall (fun combination -> times[combination] > 1)

                if spare then
                    add -1 item

                spare)
            |> HashSet

        taken |> List.filter (spared.Contains >> not)

    /// Items taken greedily until none is missing: each time the one with the most missing combinations for its price, the
    /// first of equals.
    let private greedy (found: int array array) (count: int) (prices: float array) : int list =
        let covered = Array.zeroCreate<bool> count

        let gain item =
            let mutable missing = 0

            for combination in found[item] do
                if not covered[combination] then
                    missing <- missing + 1

            missing

        // What an item adds only ever falls, so an old figure is an upper bound, and few are counted again.
        let waiting = PriorityQueue<int, struct (float * int)>()

        for item in 0 .. found.Length - 1 do
            waiting.Enqueue(item, struct (-(float found[item].Length / prices[item]), item))

        let taken = ResizeArray()
        let mutable item = 0
        let mutable bound = struct (0.0, 0)

        while waiting.TryDequeue(&item, &bound) do
            let missing = gain item

            if missing > 0 then
                let now = struct (-(float missing / prices[item]), item)

                let best =
                    let mutable other = 0
                    let mutable next = struct (0.0, 0)
                    not (waiting.TryPeek(&other, &next)) || now <= next

                if best then
                    taken.Add item

                    for combination in found[item] do
                        covered[combination] <- true
                else
                    waiting.Enqueue(item, now)

        List.ofSeq taken

    /// A covering array of a strength, 2 for all pairs, at a low cost: the cheapest of three greedy ones, for which the price
    /// of an item is its cost, the root of it, or nothing. No item of it can be spared. The same items give the same array.
    let cheapArray
        (strength: int)
        (cost: 'a -> float)
        (items: 'a list)
        (axes: (string * ('a -> string)) list)
        : 'a list =
        let items = Array.ofList items
        let found, count = combinations strength items axes
        let costs = Array.map cost items

        [ 1.0; 0.5; 0.0 ]
        |> List.map (fun power ->
            let prices = costs |> Array.map (fun cost -> cost ** power)
            needed found count costs (greedy found count prices))
        |> List.minBy (List.sumBy (Array.get costs))
        |> List.map (Array.get items)

    /// A covering array of items that cost the same.
    let array (strength: int) (items: 'a list) (axes: (string * ('a -> string)) list) : 'a list =
        cheapArray strength (fun _ -> 1.0) items axes
