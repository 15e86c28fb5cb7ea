namespace Evo.Core

open System.Collections.Generic

/// Work that is dealt out to ranks which could all do it.
[<AbstractClass; Sealed>]
type Spread private () =

    /// A place for each item, so that the places have as even a load as can be had by giving the largest item that is left
    /// to the place with the least: no place has more than the mean and one item. The same everywhere for the same sizes.
    static member Evenly(sizes: IReadOnlyList<int64>, places: int) : int array =
        let load = Array.zeroCreate<int64> places
        let chosen = Array.zeroCreate<int> sizes.Count

        for i in Array.sortBy (fun i -> -sizes[i], i) [| 0 .. sizes.Count - 1 |] do
            let place = Array.findIndex ((=) (Array.min load)) load
            chosen[i] <- place
            load[place] <- load[place] + sizes[i]

        chosen
