/// Whole numbers modulo the prime 2³¹ - 1, written from -(2³⁰ - 1) to 2³⁰ - 1: sums and products of small numbers look as
/// always, nothing overflows or rounds, and what is not zero can be divided by. Two different polynomials of degree d agree
/// at a random point with probability d / 2³¹ at most, so a law that holds here at random numbers holds.
module Evo.Core.Meaning.Modular

[<Literal>]
let Prime = 2147483647L

/// The number that stands for x.
let reduce (x: int64) : int64 =
    let rest = x % Prime

    if rest > Prime / 2L then rest - Prime
    elif rest < -(Prime / 2L) then rest + Prime
    else rest

let add a b = reduce (a + b)
let subtract a b = reduce (a - b)
let multiply a b = reduce (a * b)

/// The number whose product with x is 1; 0 for 0. By Fermat, x to the power of Prime - 2.
let inverse (x: int64) : int64 =
    let mutable power = x
    let mutable result = 1L
    let mutable exponent = Prime - 2L

    while exponent > 0L do
        if exponent &&& 1L = 1L then
            result <- multiply result power

        power <- multiply power power
        exponent <- exponent >>> 1

    result

/// Numbers from anywhere in the range, the same for the same seed: steps of splitmix64.
let random (seed: uint64) (count: int) : int64 array =
    Array.init count (fun i ->
        let mutable z = seed + uint64 (i + 1) * 0x9E3779B97F4A7C15UL
        z <- (z ^^^ (z >>> 30)) * 0xBF58476D1CE4E5B9UL
        z <- (z ^^^ (z >>> 27)) * 0x94D049BB133111EBUL
        reduce (int64 ((z ^^^ (z >>> 31)) >>> 2)))
