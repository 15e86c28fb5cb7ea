module Evo.Core.Tests.OrderTests

open System.Diagnostics
open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Properties

let private seed = Gen.map uint64 (Gen.choose (0, 1_000_000))

let private smaller (seed: uint64, count: int) =
    seq {
        for count in [ count / 2; count - 1 ] do
            if count > 0 then
                seed, count
    }

[<Fact>]
let ``a permutation holds every element once and its inverse finds it`` () =
    forAll (Gen.zip seed (Gen.choose (1, 700))) smaller (fun (seed, count) ->
        let permutation = Permutation(seed, int64 count)
        let elements = Array.init count (fun i -> permutation.At(int64 i))

        Array.sort elements = Array.init count int64
        && elements
           |> Array.indexed
           |> Array.forall (fun (i, e) -> permutation.PositionOf e = int64 i))

[<Fact>]
let ``another seed gives another order`` () =
    let order seed =
        Array.init 100 (fun i -> Permutation(seed, 100L).At(int64 i))

    Assert.NotEqual<int64 array>(order 1UL, order 2UL)
    Assert.NotEqual<int64 array>(order 1UL, Array.init 100 int64)

[<Fact>]
let ``each element comes to each place about equally often`` () =
    // 2,000 orders of 8: each of the 64 counts is near 250 (standard deviation 15).
    let counts = Array2D.zeroCreate 8 8

    for seed in 1UL .. 2000UL do
        let permutation = Permutation(seed, 8L)

        for i in 0..7 do
            let element = int (permutation.At(int64 i))
            counts[i, element] <- counts[i, element] + 1

    for i in 0..7 do
        for j in 0..7 do
            Assert.InRange(counts[i, j], 175, 325)

[<Fact>]
let ``a batch a million million steps away is found at once`` () =
    let order = DataOrder(7UL, 3_000_000_017L, 1024)
    let clock = Stopwatch.StartNew()
    let rows = order.Batch 1_000_000_000_000L
    Assert.True(clock.ElapsedMilliseconds < 1000L, $"took {clock.ElapsedMilliseconds} ms")
    Assert.Equal(1024, (Array.distinct rows).Length)

[<Fact>]
let ``every epoch reads every row once, though batches straddle epochs`` () =
    let world = Gen.zip3 seed (Gen.choose (1, 60)) (Gen.choose (1, 17))

    forAll world noShrink (fun (seed, rows, perBatch) ->
        let order = DataOrder(seed, int64 rows, perBatch)
        // As many batches as make whole epochs.
        let stream =
            [|
                for batch in 0 .. rows - 1 do
                    yield! order.Batch(int64 batch)
            |]

        Array.chunkBySize rows stream
        |> Array.forall (fun epoch -> Array.sort epoch = Array.init rows int64))

[<Fact>]
let ``the rows of a batch do not depend on how it is split over ranks and micro-batches`` () =
    let world = Gen.zip seed (Gen.elements [ 1, 12; 2, 6; 3, 4; 4, 3; 6, 2; 12, 1 ])

    forAll world noShrink (fun (seed, (ranks, micro)) ->
        let order = DataOrder(seed, 101L, 12)

        [ 0L; 1L; 8L; 1000L ]
        |> List.forall (fun batch ->
            let split =
                [|
                    for rank in 0 .. ranks - 1 do
                        for m in 0 .. micro - 1 -> order.Row(batch, rank, ranks, m)
                |]

            split = order.Batch batch))

[<Fact>]
let ``seeds of different purposes and numbers differ`` () =
    let seeds =
        [
            for seed in [ 0UL; 1UL; 1024UL ] do
                for purpose in [ "initialization"; "data order"; "dropout" ] do
                    Seeds.Of(seed, purpose)

                    for index in 0L .. 20L do
                        Seeds.Of(seed, purpose, index + 1L)
        ]

    Assert.Equal(seeds.Length, (List.distinct seeds).Length)

[<Theory>]
[<InlineData("", "")>]
[<InlineData("1-3,7", "1 2 3 7")>]
[<InlineData(" 5 , 9-9", "5 9")>]
[<InlineData("3-1", "refused")>]
[<InlineData("x", "refused")>]
[<InlineData("-4", "refused")>]
let ``skipped batches are numbers and ranges`` (text: string) (expected: string) =
    match SkippedBatches.TryParse text with
    | None -> Assert.Equal("refused", expected)
    | Some skipped ->
        let inside = [ 0L .. 20L ] |> List.filter skipped.Contains |> List.map string
        Assert.Equal(expected, String.concat " " inside)
