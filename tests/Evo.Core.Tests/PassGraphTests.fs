/// Which passes are recorded, and which replayed.
module Evo.Core.Tests.PassGraphTests

open System
open System.Text.RegularExpressions
open Evo.Core
open FsCheck
open FsCheck.FSharp
open Xunit

let private free =
    {
        OnGpu = true
        Built = true
        Kernels = true
        Experts = false
        Stages = 1
        Tensor = 1
        Weight = 1
        Fsdp = 1
        Gloo = false
        Announced = true
    }

/// Each fact that stands against graphs alone, with what its reason must name.
let private against =
    [
        { free with OnGpu = false }, "train.device"
        { free with Built = false }, "libevo_torch.so"
        { free with Kernels = false }, "kernels"
        { free with Experts = true }, "experts"
        { free with Stages = 2 }, "parallel.pipeline.size = 2"
        { free with
            Tensor = 4
            Announced = false
        },
        "parallel.tensor.size = 4"
        { free with Weight = 8 }, "parallel.weight.size = 8"
        { free with Fsdp = 2 }, "parallel.fsdp.size = 2"
        { free with Gloo = true }, "train.backend = gloo"
    ]

[<Fact>]
let ``graphs are refused for every reason there is, by its key, and for none where there is none`` () =
    Assert.Empty free.Refusals

    for facts, named in against do
        Assert.Contains(named, Assert.Single facts.Refusals)

    let all =
        {
            OnGpu = true
            Built = false
            Kernels = false
            Experts = true
            Stages = 2
            Tensor = 2
            Weight = 2
            Fsdp = 2
            Gloo = true
            Announced = false
        }

    Assert.Equal(against.Length - 1, all.Refusals.Length)

[<Fact>]
let ``the key says never, where possible, or required`` () =
    Assert.Equal<GraphChoice list>(
        [ Never; WherePossible; Required ],
        [ "false"; "auto"; "true" ] |> List.map GraphChoice.Parse
    )

let private keyGen =
    gen {
        let! tokens = Gen.choose (1, 5000)
        let! longest = Gen.choose (1, tokens)
        let! sequences = Gen.choose (1, min tokens 300)
        let! usual = Gen.choose (1, 6000)
        return tokens, longest, sequences, usual
    }

[<Fact>]
let ``rows with one key fit one graph: its sequences are as many as theirs, none longer, and the borders go on at the end``
    ()
    =
    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest 500,
        Prop.forAll (Arb.fromGen keyGen) (fun (tokens, longest, sequences, usual) ->
            let key = GraphKey.Of(tokens, longest, sequences, usual)
            let borders = [| 0; yield! [| 1 .. sequences - 1 |]; tokens |]
            let padded = key.Padded borders

            key.Tokens = tokens
            && key.Longest >= longest
            && key.Longest <= tokens
            && (key.Longest = tokens || key.Longest = usual)
            && key.Sequences >= sequences
            && key.Sequences < max 9 (2 * sequences)
            && padded.Length = key.Sequences + 1
            && padded[..sequences] = borders
            && Array.forall ((=) tokens) padded[sequences..]
            // The same bucket holds all rows between: a key of itself.
            && GraphKey.Of(tokens, key.Longest, key.Sequences, usual) = key)
    )

/// What a pass may turn out to be.
type private Seen =
    | Fine
    | Reads
    | Fails

/// Runs keys one after the other, and says what was done with each and what was said.
let private run most warm stableUpTo (passes: (GraphKey * Seen) list) =
    let step (graphs: PassGraphs, told) (key, seen) =
        let struct (step, why, graphs) = graphs.Next key

        let graphs =
            match step, seen with
            | GraphStep.Warm, Reads -> graphs.Warmed(key, 3L)
            | GraphStep.Warm, _ -> graphs.Warmed(key, 0L)
            | GraphStep.Capture, Fails -> graphs.Failed(key, "out of luck")
            | _ -> graphs

        (key, step, why), (graphs, told)

    passes
    |> List.mapFold step (PassGraphs.Start(most, warm, stableUpTo), [])
    |> fst

let private keys =
    [
        for tokens in [ 16; 64 ] do
            for sequences in [ 1; 9; 17 ] do
                for sums in [ false; true ] -> GraphKey.Of(tokens, 8, sequences, 8).Summing sums
    ]

let private runs =
    gen {
        let! most = Gen.choose (0, 4)
        let! warm = Gen.choose (1, 3)

        // What a pass is like is its key's, as it is in a run.
        let! nature =
            Gen.listOfLength
                keys.Length
                (Gen.frequency [ 5, Gen.constant Fine; 3, Gen.elements [ Reads; Fails ] ])

        let! order = Gen.listOf (Gen.choose (0, keys.Length - 1))
        return most, warm, [ for i in order -> keys[i], nature[i] ]
    }

let private holds law =
    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest 500,
        Prop.forAll (Arb.fromGen runs) (fun (most, warm, passes) ->
            law most warm passes (run most warm Int64.MaxValue passes))
    )

let private ofKey key (steps: (GraphKey * GraphStep * string) list) =
    steps |> List.choose (fun (k, step, _) -> if k = key then Some step else None)

[<Fact>]
let ``a key is warm as often as asked, then recorded once, then replayed; nothing is replayed that was not recorded``
    ()
    =
    holds (fun _ warm passes steps ->
        keys
        |> List.forall (fun key ->
            let own = ofKey key steps

            let expected =
                List.replicate warm GraphStep.Warm
                @ [ GraphStep.Capture ]
                @ List.replicate own.Length GraphStep.Replay

            // Eager from some pass on, and before it as expected.
            let before = own |> List.takeWhile ((<>) GraphStep.Eager)
            let after = own |> List.skipWhile ((<>) GraphStep.Eager)

            let natural = passes |> List.tryFind (fun (k, _) -> k = key) |> Option.map snd

            List.truncate before.Length expected = before
            && List.forall ((=) GraphStep.Eager) after
            && (before.IsEmpty || after.IsEmpty || natural <> Some Fine)))

[<Fact>]
let ``no more shapes of rows have graphs than are allowed, those for the last passes of steps too`` () =
    holds (fun most _ passes steps ->
        let nature = Map.ofList passes

        let kept =
            steps
            |> List.filter (fun (key, step, _) -> step = GraphStep.Capture && nature[key] <> Fails)
            |> List.map (fun (key, _, _) -> key.Summing false)
            |> List.distinct

        kept.Length <= most)

[<Fact>]
let ``a shape that has a graph has room for the one in which ranks sum gradients, whatever else is kept`` () =
    let row = GraphKey.Of(64, 8, 1, 8)
    let last = row.Summing true
    Assert.NotEqual(row, last)

    let steps =
        run
            1
            1
            Int64.MaxValue
            [
                for _ in 1..3 do
                    yield! [ row, Fine; row, Fine; last, Fine ]
            ]

    Assert.Equal<GraphStep list>([ GraphStep.Warm; GraphStep.Capture; GraphStep.Replay ], ofKey last steps)
    Assert.All(steps, fun (_, _, why) -> Assert.Equal("", why))

[<Fact>]
let ``every reason is said once, and no row is eager without one`` () =
    holds (fun _ _ _ steps ->
        let said =
            steps |> List.choose (fun (_, _, why) -> if why = "" then None else Some why)

        let silent =
            steps |> List.forall (fun (_, step, why) -> step = GraphStep.Eager || why = "")

        let first = steps |> List.tryFind (fun (_, step, _) -> step = GraphStep.Eager)

        silent
        && List.distinct said = said
        && (match first with
            | Some(_, _, why) -> why <> ""
            | None -> true))

[<Fact>]
let ``what was seen in a pass is why its rows are eager`` () =
    let key = keys[0]

    for seen, words in [ Reads, "reads 3 values"; Fails, "out of luck" ] do
        let steps = run 4 1 Int64.MaxValue (List.replicate 4 (key, seen))
        let reasons = [ for _, _, why in steps -> why ] |> List.filter ((<>) "")
        Assert.Contains(words, Assert.Single reasons)

[<Fact>]
let ``rows whose angles depend on their longest sequence are eager, shorter ones are not`` () =
    let short, long = GraphKey.Of(64, 16, 4, 16), GraphKey.Of(64, 40, 4, 16)

    let steps =
        run
            4
            1
            32L
            [
                for _ in 1..3 do
                    yield! [ short, Fine; long, Fine ]
            ]

    Assert.Equal<GraphStep list>([ GraphStep.Warm; GraphStep.Capture; GraphStep.Replay ], ofKey short steps)
    Assert.Equal<GraphStep list>(List.replicate 3 GraphStep.Eager, ofKey long steps)

    let reason =
        steps |> List.pick (fun (_, _, why) -> if why = "" then None else Some why)

    Assert.Matches(Regex "beyond 32 tokens .dynamic rotary scaling.", reason)
