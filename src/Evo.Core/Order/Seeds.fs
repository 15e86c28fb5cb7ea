namespace Evo.Core

/// Independent random streams made from one number: each purpose has its own seed, and none depends on how many
/// numbers another has drawn.
[<AbstractClass; Sealed>]
type Seeds private () =

    /// SplitMix64's finalizer: a bijection of 64 bits in which every input bit moves about half of the output bits.
    static member Mix(value: uint64) =
        let a = (value ^^^ (value >>> 30)) * 0xBF58476D1CE4E5B9UL
        let b = (a ^^^ (a >>> 27)) * 0x94D049BB133111EBUL
        b ^^^ (b >>> 31)

    /// The seed of one purpose of a run, such as "initialization" or "data order".
    static member Of(seed: uint64, purpose: string) =
        // FNV-1a over the UTF-8 bytes, then mixed with the run's seed.
        let mutable hash = 0xCBF29CE484222325UL

        for b in System.Text.Encoding.UTF8.GetBytes purpose do
            hash <- (hash ^^^ uint64 b) * 0x100000001B3UL

        Seeds.Mix(Seeds.Mix(seed + 0x9E3779B97F4A7C15UL) ^^^ hash)

    /// The seed of one purpose and one number of it, such as a step or an epoch.
    static member Of(seed: uint64, purpose: string, index: int64) =
        Seeds.Mix(Seeds.Of(seed, purpose) + uint64 index * 0x9E3779B97F4A7C15UL)
