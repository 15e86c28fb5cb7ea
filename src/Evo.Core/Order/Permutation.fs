namespace Evo.Core

open System
open System.Numerics

/// A shuffled order of 0 .. count-1 that is never written down: a Feistel network over the next even power of two,
/// walked until it lands inside the range. Any position is found in O(1), whatever the count.
[<Sealed>]
type Permutation(seed: uint64, count: int64) =
    do
        if count < 0L then
            raise (
                ArgumentOutOfRangeException(nameof count, count, "a permutation has no fewer than 0 elements")
            )

    // Half of the bits that number the elements, at least 1; the network then works on fewer than 4 x count numbers,
    // so that a walk takes fewer than 4 steps on average.
    let half =
        let bits = 64 - BitOperations.LeadingZeroCount(uint64 (max 1L (count - 1L)))
        max 1 ((bits + 1) / 2)

    let mask = (1UL <<< half) - 1UL
    // Four rounds are enough for a pseudo-random permutation (Luby and Rackoff); small ranges want a few more.
    let keys = Array.init 8 (fun round -> Seeds.Of(seed, "feistel", int64 round))

    let forward (value: uint64) =
        let mutable left = value >>> half
        let mutable right = value &&& mask

        for key in keys do
            let next = left ^^^ (Seeds.Mix(right ^^^ key) &&& mask)
            left <- right
            right <- next

        (left <<< half) ||| right

    let backward (value: uint64) =
        let mutable left = value >>> half
        let mutable right = value &&& mask

        for round in keys.Length - 1 .. -1 .. 0 do
            let previous = right ^^^ (Seeds.Mix(left ^^^ keys[round]) &&& mask)
            right <- left
            left <- previous

        (left <<< half) ||| right

    let check (value: int64) =
        if value < 0L || value >= count then
            raise (ArgumentOutOfRangeException(nameof value, value, $"must be from 0 to {count - 1L}"))

    /// The number of elements.
    member _.Count = count

    /// The element at a position.
    member _.At(position: int64) =
        check position
        let mutable value = forward (uint64 position)

        while value >= uint64 count do
            value <- forward value

        int64 value

    /// The position of an element: the inverse of `At`.
    member _.PositionOf(element: int64) =
        check element
        let mutable value = backward (uint64 element)

        while value >= uint64 count do
            value <- backward value

        int64 value
