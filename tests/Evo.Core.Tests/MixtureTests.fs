/// Mixtures keep to their weights after any number of rows, and any row of them is found at once.
module Evo.Core.Tests.MixtureTests

open System
open System.Diagnostics
open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Properties

let private weights =
    gen {
        let! sources = Gen.choose (1, 7)
        return! Gen.arrayOfLength sources (Gen.frequency [ 3, Gen.choose (1, 20); 1, Gen.choose (1, 400) ])
    }

let private smaller (weights: int array) =
    seq {
        if weights.Length > 1 then
            for i in 0 .. weights.Length - 1 do
                Array.removeAt i weights

        for i in 0 .. weights.Length - 1 do
            if weights[i] > 1 then
                Array.updateAt i (weights[i] / 2) weights
    }

[<Fact>]
let ``after any number of rows each source has given its share to within one row`` () =
    forAll weights smaller (fun weights ->
        let mixture = Mixture(Array.map int64 weights)
        let total = Array.sum weights
        let counts = Array.zeroCreate<int64> weights.Length

        Seq.forall
            (fun row ->
                let struct (source, ordinal) = mixture.At(row - 1L)
                let inTurn = ordinal = counts[source]
                counts[source] <- counts[source] + 1L

                inTurn
                && mixture.Before row = counts
                && Array.forall2
                    (fun count weight -> abs (count * int64 total - int64 weight * row) < int64 total)
                    counts
                    weights)
            (seq { 1L .. 2L * int64 total + 3L }))

[<Fact>]
let ``two sources are never more than half a row from their shares`` () =
    forAll (Gen.zip (Gen.choose (1, 300)) (Gen.choose (1, 300))) noShrink (fun (a, b) ->
        let mixture = Mixture [| int64 a; int64 b |]

        Seq.forall
            (fun row ->
                let count = (mixture.Before row)[0]
                abs (2L * (count * int64 (a + b) - int64 a * row)) <= int64 (a + b))
            (seq { 0L .. int64 (a + b) }))

[<Fact>]
let ``a row a million million rows away is found at once`` () =
    let mixture = Mixture [| 70L; 20L; 10L |]
    let clock = Stopwatch.StartNew()
    let struct (source, ordinal) = mixture.At 1_000_000_000_000L
    Assert.True(clock.ElapsedMilliseconds < 100L)
    Assert.Equal((mixture.Before 1_000_000_000_000L)[source], ordinal)
    Assert.Equal<int64 array>([| 7L; 2L; 1L |], mixture.Weights)

[<Fact>]
let ``every source reads all its rows before it reads one again`` () =
    let orders = [| DataOrder(1UL, 5L, 1) :> RowOrder; DataOrder(2UL, 3L, 1) |]
    let order = MixedOrder(Mixture [| 1L; 2L |], orders, [| 0L; 5L |])
    let read = [ for position in 0L .. 44L -> order.RowAt position ]
    let small, large = read |> List.partition (fun row -> row >= 5L)
    Assert.Equal(30, small.Length)

    for epoch in List.chunkBySize 3 small do
        Assert.Equal<int64 list>([ 5L; 6L; 7L ], List.sort epoch)

    for epoch in List.chunkBySize 5 large do
        Assert.Equal<int64 list>([ 0L .. 4L ], List.sort epoch)

[<Fact>]
let ``weights that never repeat, or are none, are refused`` () =
    let refused (weights: int64 array) =
        Assert.Throws<ArgumentException>(fun () -> Mixture weights |> ignore).Message

    Assert.Contains("rounder", refused [| 1L; 10_000_000L |])
    Assert.Contains("above 0", refused [| 1L; 0L |])
    Assert.Contains("needs sources", refused [||])
