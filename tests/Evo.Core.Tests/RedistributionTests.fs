/// From one placement to another: redistribution composes, costs what it says, and has its gradient.
module Evo.Core.Tests.RedistributionTests

open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Meaning
open Evo.Core.Tests.Properties
open Evo.Core.Tests.AlgebraWorlds

let private plan source target =
    Redistribute.plan algebra source target |> Option.get

[<Fact>]
let ``redistribution composes: by way of any placement the ranks come to hold the same tensor`` () =
    law (placed 3) smallerPlaced (fun (world, choices) ->
        match chosen world choices with
        | [ a; b; c ] ->
            let x = world.Values 9
            let start = Sharding.shard (world.Splitter 10) world.Ranks a x
            let direct = Movement.runAll (plan a c) start
            let around = start |> Movement.runAll (plan a b) |> Movement.runAll (plan b c)

            both
                [
                    Sharding.unshard c direct =? Ok x
                    Sharding.unshard c around =? Ok x
                    // The addends of a sum may differ; what anything else holds may not.
                    if c <> Partial then
                        around =? direct
                ]
            |> Prop.label $"{a} -> {b} -> {c}"
        | _ -> Prop.ofTestable false)

[<Fact>]
let ``the duals of a redistribution, last step first, carry the gradient back as it is`` () =
    law (placed 2) smallerPlaced (fun (world, choices) ->
        match chosen world choices with
        | [ a; b ] ->
            let gradient = world.Values 11
            let back = plan a b |> List.rev |> List.map dual

            Sharding.shard (world.Splitter 12) world.Ranks (algebra.Gradient b) gradient
            |> Movement.runAll back
            |> Sharding.unshard (algebra.Gradient a)
            =? Ok gradient
            |> Prop.label $"{a} -> {b}"
        | _ -> Prop.ofTestable false)

[<Fact>]
let ``nothing is done where nothing is to do, and no detour is cheaper`` () =
    let places = places [ 1; 1; 1 ]

    for a in places do
        Assert.Empty(plan a a)

        for c in places do
            for b in places do
                for n in 2..8 do
                    // A multiple of n² bytes, so that nothing is rounded.
                    let bytes steps =
                        Redistribute.bytes algebra n (int64 (n * n)) steps

                    let direct, around = bytes (plan a c), bytes (plan a b) + bytes (plan b c)

                    Assert.True(
                        direct <= around,
                        $"{a} -> {c} on {n} ranks: {direct}, by way of {b} {around}"
                    )

[<Fact>]
let ``the bytes of an example`` () =
    let bytes a b =
        Redistribute.bytes algebra 4 1600L (plan a b)

    Assert.Equal(2400L, bytes Partial Replicated)
    Assert.Equal(1200L, bytes (Sharded 1) Invariant)
    Assert.Equal(1200L, bytes Partial (Sharded 0))
    Assert.Equal(300L, bytes (Sharded 0) (Sharded 1))
    Assert.Equal(0L, bytes Invariant Replicated)
    // Rounded up: 3 · 4 / 16 of 10 bytes.
    Assert.Equal(8L, Redistribute.bytes algebra 4 10L (plan (Sharded 0) Replicated))

[<Fact>]
let ``the cheapest way is taken, then the shortest; a table without a collective goes around it or has no way``
    ()
    =
    let without names =
        { algebra with
            Collectives = algebra.Collectives |> List.filter (fun c -> not (List.contains c.Name names))
        }

    let text algebra a b =
        Redistribute.plan algebra a b
        |> Option.map (fun steps -> steps |> List.map string |> String.concat "; ")

    Assert.Equal(Some "exchange S(0) -> S(1)", text algebra (Sharded 0) (Sharded 1))

    Assert.Equal(
        Some "gather S(0) -> R; split_replicated R -> S(1)",
        text (without [ "exchange" ]) (Sharded 0) (Sharded 1)
    )

    Assert.Equal(
        Some "reduce_scatter P -> S(0); gather_invariant S(0) -> I",
        text (without [ "reduce"; "reduce_replicated" ]) Partial Invariant
    )

    // Where the direct way costs more than another, the other is taken.
    let dear wire parts =
        { algebra with
            Costs = algebra.Costs.Add(wire, { Parts = parts; Crumbs = 0 })
        }

    Assert.Equal(Some "exchange S(0) -> S(1)", text (dear Wire.AllToAll 1) (Sharded 0) (Sharded 1))

    Assert.Equal(
        Some "gather S(0) -> R; split_replicated R -> S(1)",
        text (dear Wire.AllToAll 2) (Sharded 0) (Sharded 1)
    )

    Assert.Equal(Some "reduce P -> I", text (dear Wire.AllReduce 2) Partial Invariant)

    Assert.Equal(
        Some "reduce_scatter P -> S(0); gather_invariant S(0) -> I",
        text (dear Wire.AllReduce 3) Partial Invariant
    )

    Assert.Equal(None, text (without [ "reduce"; "reduce_replicated"; "reduce_scatter" ]) Partial Invariant)
