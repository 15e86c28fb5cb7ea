/// NumPy's RandomState and InternEvo's order of rows, against figures that numpy 1.24.2 gives.
module Evo.Core.Tests.RandomStateTests

open System
open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Properties

[<Theory>]
[<InlineData(0u, 10, "2 8 4 9 1 6 7 3 0 5")>]
[<InlineData(1024u, 10, "2 3 7 0 6 8 5 4 9 1")>]
[<InlineData(1234u, 10, "7 2 9 1 0 8 4 5 6 3")>]
[<InlineData(1024u, 17, "8 6 14 4 15 13 7 10 2 3 11 0 16 9 5 12 1")>]
[<InlineData(7u, 1, "0")>]
let ``shuffles are numpy's`` (seed: uint32) (count: int) (expected: string) =
    let shuffled = RandomState(seed).Permutation count
    Assert.Equal(expected, String.Join(" ", shuffled))

[<Fact>]
let ``shuffles go on where the last one stopped`` () =
    let random = RandomState 1024u
    let elements = Array.init 1000 id
    random.Shuffle(Span elements)
    Assert.Equal<int>([| 570; 246; 619; 639; 467; 181; 789; 33; 770; 192 |], elements[..9])
    Assert.Equal<int>([| 613; 492; 609; 913; 955 |], elements[995..])
    random.Shuffle(Span elements)
    Assert.Equal<int>([| 666; 57; 92; 991; 980; 859; 46; 182; 767; 593 |], elements[..9])
    Assert.Equal<int>([| 0; 7; 8; 5; 1; 3; 2; 4; 6 |], random.Permutation 9)

[<Fact>]
let ``whole numbers are numpy's, of one number, of few bits and of many`` () =
    let random = RandomState 1999u

    let draw low high count =
        List.init count (fun _ -> random.RandInt(low, high))

    Assert.Equal<int64>([ 4L; 1L; 1L; 13L; 12L; 24L; 19L; 19L; 12L; 19L; 23L; 5L ], draw 1L 30L 12)

    Assert.Equal<int64>(
        [ 110L; 14L; 163L; 154L; 182L; 187L; 112L; 53L; 112L; 78L; 101L; 151L ],
        draw 10L 200L 12
    )

    Assert.Equal<int64>(
        [ 336968055925L; 609805630682L; 937689222440L; 1009065211463L ],
        draw 0L (1L <<< 40) 4
    )

    Assert.Equal<int64>([ 5L; 5L ], draw 5L 6L 2)
    Assert.Equal<int64>([ 2824311228L; 10659745L; 3441264585L ], draw 0L (1L <<< 32) 3)

[<Fact>]
let ``choices are numpy's, with and without replacement`` () =
    let random = RandomState 0u
    Assert.Equal<int>([| 12; 15; 0; 3; 3; 7 |], random.Choice(20, 6, true))
    Assert.Equal<int>([| 2; 3; 14; 17; 5; 11 |], random.Choice(20, 6, false))

[<Fact>]
let ``the generator is MT19937`` () =
    // The first numbers that Matsumoto and Nishimura's own program gives for its usual seed.
    let random = RandomState 5489u
    Assert.Equal<uint32 list>([ 3499211612u; 581869302u; 3890346734u ], List.init 3 (fun _ -> random.Next()))

/// The steps of a sampler: for each, the rows of each rank.
let private steps (order: RowOrder) ranks counts =
    (0L, counts)
    ||> List.mapFold (fun first count ->
        [
            for rank in 0 .. ranks - 1 ->
                [
                    for m in 0 .. count - 1 ->
                        int (order.RowAt(first + int64 (order.Place(rank, ranks, m, count))))
                ]
        ],
        first + int64 (ranks * count))
    |> fst

[<Fact>]
let ``InternEvo's sampler gives its rows to its ranks, over the end of an epoch`` () =
    // 23 rows, 2 micro-batches on each of 2 ranks: 5 steps an epoch.
    Assert.Equal<int list list list>(
        [
            [ [ 6; 20 ]; [ 4; 10 ] ]
            [ [ 19; 22 ]; [ 14; 18 ] ]
            [ [ 11; 8 ]; [ 9; 7 ] ]
            [ [ 15; 3 ]; [ 2; 0 ] ]
            [ [ 13; 21 ]; [ 16; 5 ] ]
            [ [ 20; 9 ]; [ 14; 10 ] ]
            [ [ 17; 7 ]; [ 3; 2 ] ]
            [ [ 8; 0 ]; [ 18; 1 ] ]
            [ [ 21; 6 ]; [ 4; 11 ] ]
            [ [ 22; 15 ]; [ 12; 13 ] ]
            [ [ 11; 2 ]; [ 10; 14 ] ]
            [ [ 22; 0 ]; [ 20; 17 ] ]
        ],
        steps (InternEvoOrder(1024u, 23, 4, 0L)) 2 (List.replicate 12 2)
    )

[<Fact>]
let ``InternEvo's sampler makes room for a ramp-up in its first epoch`` () =
    // "2 1 2" up to 4: two steps of 2 rows, two of 3, then 4.
    Assert.Equal<int list list list>(
        [
            [ [ 19; 2 ] ]
            [ [ 18; 17 ] ]
            [ [ 20; 22; 13 ] ]
            [ [ 10; 5; 1 ] ]
            [ [ 21; 12; 0; 11 ] ]
            [ [ 7; 4; 8; 9 ] ]
            [ [ 16; 6; 15; 14 ] ]
            [ [ 12; 17; 15; 14 ] ]
            [ [ 3; 16; 8; 6 ] ]
            [ [ 4; 11; 13; 19 ] ]
            [ [ 5; 0; 7; 2 ] ]
            [ [ 1; 21; 22; 10 ] ]
        ],
        steps (InternEvoOrder(5u, 23, 4, 10L)) 1 [ 2; 2; 3; 3; 4; 4; 4; 4; 4; 4; 4; 4 ]
    )

[<Fact>]
let ``the rows of a step are the same for any number of ranks, and from any step on`` () =
    let world =
        Gen.zip3 (Gen.choose (0, 999)) (Gen.choose (12, 60)) (Gen.elements [ 1; 2; 3; 4; 6; 12 ])

    forAll world noShrink (fun (seed, rows, ranks) ->
        let make () =
            InternEvoOrder(uint32 seed, rows, 12, 0L)

        let split =
            steps (make ()) ranks (List.replicate 9 (12 / ranks))
            |> List.map (List.concat >> List.sort)

        let order = make ()

        let step n =
            List.sort [ for i in 0L .. 11L -> int (order.RowAt(12L * int64 n + i)) ]

        split = (List.rev [ 0..8 ] |> List.map step |> List.rev))
