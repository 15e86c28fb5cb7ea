namespace Evo.Core

open System

/// NumPy's `RandomState`, as far as InternEvo draws from it: its shuffles and whole numbers, bit for bit. The generator is
/// the Mersenne twister MT19937 (Matsumoto and Nishimura 1998). Evo's own choices use `Seeds` and `Permutation`, which need
/// no state; this is for runs that shall read what InternEvo reads.
[<Sealed>]
type RandomState(seed: uint32) =

    static let size = 624

    let state =
        let state = Array.zeroCreate<uint32> size
        state[0] <- seed

        for i in 1 .. size - 1 do
            let before = state[i - 1]
            state[i] <- 1812433253u * (before ^^^ (before >>> 30)) + uint32 i

        state

    let mutable next = size

    let twist () =
        for i in 0 .. size - 1 do
            let bits = (state[i] &&& 0x80000000u) ||| (state[(i + 1) % size] &&& 0x7fffffffu)

            let mixed = bits >>> 1
            let mixed = if bits &&& 1u = 0u then mixed else mixed ^^^ 0x9908b0dfu
            state[i] <- state[(i + 397) % size] ^^^ mixed

        next <- 0

    let draw32 () =
        if next = size then
            twist ()

        let y = state[next]
        next <- next + 1
        let y = y ^^^ (y >>> 11)
        let y = y ^^^ ((y <<< 7) &&& 0x9d2c5680u)
        let y = y ^^^ ((y <<< 15) &&& 0xefc60000u)
        y ^^^ (y >>> 18)

    // A number from 0 to `most`: bits are drawn until they fit. 64 bits are two draws, the high half first.
    let upTo (most: uint64) =
        if most = 0UL then
            0UL
        else
            let mask = UInt64.MaxValue >>> Numerics.BitOperations.LeadingZeroCount most

            let draw () =
                if most <= uint64 UInt32.MaxValue then
                    uint64 (draw32 ()) &&& mask
                else
                    let high = uint64 (draw32 ()) <<< 32
                    (high ||| uint64 (draw32 ())) &&& mask

            let mutable value = draw ()

            while value > most do
                value <- draw ()

            value

    /// 32 random bits.
    member _.Next() = draw32 ()

    /// A whole number from `low` up to, without, `high`: `randint`.
    member _.RandInt(low: int64, high: int64) : int64 =
        if low >= high then
            raise (ArgumentOutOfRangeException(nameof high, high, $"must be above {low}"))

        low + int64 (upTo (uint64 (high - low - 1L)))

    /// Puts the elements in a random order: `shuffle`.
    member _.Shuffle(elements: Span<int>) =
        for i in elements.Length - 1 .. -1 .. 1 do
            let j = int (upTo (uint64 i))
            let held = elements[i]
            elements[i] <- elements[j]
            elements[j] <- held

    /// 0 .. count-1 in a random order: `permutation`.
    member random.Permutation(count: int) : int array =
        let elements = Array.init count id
        random.Shuffle(Span elements)
        elements

    /// `count` numbers below `among`: `choice`, each drawn on its own, or all of them different.
    member random.Choice(among: int, count: int, replace: bool) : int array =
        if replace then
            Array.init count (fun _ -> int (random.RandInt(0L, int64 among)))
        else
            Array.truncate count (random.Permutation among)
