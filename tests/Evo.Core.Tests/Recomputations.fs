/// Which layers are computed again: the fewest operations that fit, against every choice there is.
module Evo.Core.Tests.Recomputations

open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Properties

let private choose (budget: int64) (units: RecomputeOption list list) =
    Recomputation.Choose(budget, [| for options in units -> List.toArray options :> _ |])

let private least (units: RecomputeOption list list) =
    Recomputation.Least [| for options in units -> List.toArray options :> _ |]

let private option: FsCheck.Gen<RecomputeOption> =
    gen {
        let! kept = Gen.choose (0, 12)
        let! again = Gen.elements [ 0; 0; 3; 7 ]
        let! flops = Gen.choose (0, 9)

        return
            {
                Kept = int64 kept
                Again = int64 again
                Flops = float flops
            }
    }

/// Up to six units of up to three options, among them units that are alike as layers are, and a budget.
let private problem =
    gen {
        let! kinds = Gen.listOfLength 2 (Gen.choose (1, 3) |> Gen.bind (fun n -> Gen.listOfLength n option))
        let! count = Gen.choose (0, 6)
        let! units = Gen.listOfLength count (Gen.elements kinds)
        let! budget = Gen.choose (0, 60)
        return units, int64 budget
    }

let private smaller (units: RecomputeOption list list, budget: int64) =
    seq {
        for at in 0 .. units.Length - 1 do
            List.removeAt at units, budget
    }

/// Every way to run the units.
let rec private ways (units: RecomputeOption list list) : RecomputeOption list list =
    match units with
    | [] -> [ [] ]
    | options :: rest -> List.allPairs options (ways rest) |> List.map List.Cons

/// The fewest operations of all ways that fit.
let private byForce (units, budget) =
    ways units
    |> List.filter (fun way -> Recomputation.Bytes way <= budget)
    |> List.map (List.sumBy (fun (option: RecomputeOption) -> option.Flops))
    |> function
        | [] -> None
        | costs -> Some(List.min costs)

[<Fact>]
let ``what is chosen fits, and says its bytes and operations`` () =
    forAll problem smaller (fun (units, budget) ->
        match choose budget units with
        | None -> true
        | Some choice ->
            let chosen = [ for options, place in Seq.zip units choice.Options -> List.item place options ]

            choice.Options.Count = units.Length
            && choice.Bytes = Recomputation.Bytes chosen
            && choice.Flops = (chosen |> List.sumBy _.Flops)
            && choice.Bytes <= budget)

[<Fact>]
let ``no choice that fits does fewer operations again`` () =
    forAll problem smaller (fun (units, budget) ->
        (choose budget units |> Option.map _.Flops) = byForce (units, budget))

[<Fact>]
let ``more memory never means more operations`` () =
    forAll problem smaller (fun (units, budget) ->
        let cost budget =
            choose budget units |> Option.map _.Flops |> Option.defaultValue infinity

        [ budget .. budget + 8L ]
        |> List.pairwise
        |> List.forall (fun (less, more) -> cost more <= cost less))

[<Fact>]
let ``the least is the smallest budget for which there is a choice`` () =
    forAll problem smaller (fun (units, _) ->
        let least = least units
        (choose least units).IsSome && (choose (least - 1L) units).IsNone)

[<Fact>]
let ``of layers that are alike the first compute the most again`` () =
    forAll problem smaller (fun (units, budget) ->
        match choose budget units with
        | None -> true
        | Some choice ->
            List.zip units (List.ofSeq choice.Options)
            |> List.groupBy fst
            |> List.forall (fun (_, alike) ->
                let costs = [ for options, place in alike -> (List.item place options).Flops ]
                costs = List.sortDescending costs))

/// A layer of 100 bytes and 60 operations, of which attention has 10 bytes and 24 operations: for its bytes it is the
/// dearest to compute again.
let private layer: RecomputeOption list =
    [
        { Kept = 100L; Again = 0L; Flops = 0.0 }
        {
            Kept = 15L
            Again = 90L
            Flops = 36.0
        }
        {
            Kept = 5L
            Again = 100L
            Flops = 60.0
        }
    ]

[<Fact>]
let ``four layers give up first what costs the fewest operations for its bytes`` () =
    let chosen budget =
        choose budget (List.replicate 4 layer)
        |> Option.map (fun choice -> List.ofSeq choice.Options, choice.Bytes, choice.Flops)

    Assert.Equal(Some([ 0; 0; 0; 0 ], 400L, 0.0), chosen 400L)
    // Two layers that keep attention save 170 bytes, and one of them needs 90 while it is computed again.
    Assert.Equal(Some([ 1; 1; 0; 0 ], 320L, 72.0), chosen 399L)
    Assert.Equal(Some([ 1; 1; 1; 1 ], 150L, 144.0), chosen 150L)
    // 120 bytes are the four inputs and one whole layer.
    Assert.Equal(Some([ 2; 2; 2; 2 ], 120L, 240.0), chosen 120L)
    Assert.Equal(None, chosen 119L)

[<Fact>]
let ``a hundred layers of two kinds are chosen for in no time`` () =
    let other =
        layer
        |> List.map (fun option ->
            { option with
                Kept = option.Kept * 3L / 2L
                Flops = option.Flops * 1.25
            })

    let units = [ for at in 0..99 -> if at % 2 = 0 then layer else other ]
    let clock = System.Diagnostics.Stopwatch.StartNew()

    for budget in [ 1500L; 4000L; 8000L ] do
        Assert.True((choose budget units).IsSome)

    Assert.True(clock.Elapsed.TotalSeconds < 30.0, $"{clock.Elapsed.TotalSeconds} s")
