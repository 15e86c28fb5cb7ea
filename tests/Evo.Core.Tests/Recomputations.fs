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
        let! freed = Gen.choose (0, kept)
        let! beside = Gen.elements [ 0; 0; 3; 7 ]
        let! flops = Gen.choose (0, 9)

        return
            {
                Kept = int64 kept
                Freed = int64 freed
                Beside = int64 beside
                Flops = float flops
            }
    }

/// Up to six units of up to three options, among them units that are alike as layers are, and a budget.
let private problem =
    gen {
        let! kinds =
            Gen.listOfLength 2 (Gen.choose (1, 3) |> Gen.bind (fun n -> Gen.listOfLength n option))

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
            let chosen =
                [
                    for options, place in Seq.zip units choice.Options -> List.item place options
                ]

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

/// What is alive, moment by moment: forwards from the first unit to the last, then backwards from the last to the first.
let private moments (chosen: RecomputeOption list) =
    let forwards = chosen |> List.scan (fun held option -> held + option.Kept) 0L

    let backwards =
        List.rev chosen
        |> List.mapFold (fun held option -> held + option.Beside, held - option.Freed) (List.last forwards)
        |> fst

    forwards @ backwards

[<Fact>]
let ``the peak is the most that is alive when every unit goes forward and then every unit backward`` () =
    forAll problem smaller (fun (units, _) ->
        ways units
        |> List.truncate 50
        |> List.forall (fun way -> Recomputation.Bytes way = List.max (moments way)))

/// A layer of 100 bytes and 60 operations, of which attention has 10 bytes and 24 operations: for its bytes it is the
/// dearest to compute again. `alive` passes wait at a time.
let private layer alive : RecomputeOption list =
    [
        for kept, again, flops in [ 100L, 0L, 0.0; 15L, 85L, 36.0; 5L, 95L, 60.0 ] ->
            {
                Kept = alive * kept
                Freed = kept
                Beside = again
                Flops = flops
            }
    ]

let private chosen alive budget =
    choose budget (List.replicate 4 (layer alive))
    |> Option.map (fun choice -> List.ofSeq choice.Options, choice.Bytes, choice.Flops)

[<Fact>]
let ``four layers give up first what costs the fewest operations for its bytes`` () =
    Assert.Equal(Some([ 0; 0; 0; 0 ], 400L, 0.0), chosen 1L 400L)
    // The first layer is computed again when what the others kept is free.
    Assert.Equal(Some([ 1; 0; 0; 0 ], 315L, 36.0), chosen 1L 399L)
    Assert.Equal(Some([ 1; 1; 1; 0 ], 145L, 108.0), chosen 1L 150L)
    // While the last layer is computed again, the inputs of the first three wait.
    Assert.Equal(Some([ 2; 2; 2; 0 ], 115L, 180.0), chosen 1L 115L)
    Assert.Equal(None, chosen 1L 114L)

[<Fact>]
let ``a stage on which more passes wait gives up more`` () =
    let budget = 800L

    let costs =
        [ 1L .. 4L ]
        |> List.map (fun alive -> chosen alive budget |> Option.map (fun (_, _, flops) -> flops))

    Assert.Equal<float option list>([ Some 0.0; Some 0.0; Some 72.0; Some 108.0 ], costs)

[<Fact>]
let ``a hundred layers of two kinds are chosen for in no time`` () =
    let other =
        layer 2L
        |> List.map (fun option ->
            { option with
                Kept = option.Kept * 3L / 2L
                Freed = option.Freed * 3L / 2L
                Flops = option.Flops * 1.25
            })

    let units = [ for at in 0..99 -> if at % 2 = 0 then layer 2L else other ]
    let clock = System.Diagnostics.Stopwatch.StartNew()

    for budget in [ 2500L; 8000L; 16000L ] do
        Assert.True((choose budget units).IsSome)

    Assert.True(clock.Elapsed.TotalSeconds < 30.0, $"{clock.Elapsed.TotalSeconds} s")
