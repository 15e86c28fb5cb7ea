/// Choosing a token from logits.
module Evo.Parallel.Tests.Sampling

open System
open Evo.Parallel
open FsCheck
open FsCheck.FSharp
open Xunit

let private choose (options: SamplingOptions) (logits: float32[]) index =
    Sampler(options).Choose(ReadOnlySpan logits, index)

let private some = [| 0.5f; 2.0f; -1.0f; 2.0f; 0.0f |]

let private logits =
    Gen.choose (-40, 40)
    |> Gen.map (fun n -> float32 n / 8.0f)
    |> Gen.arrayOf
    |> Gen.filter (fun values -> values.Length > 0)

[<Fact>]
let ``greedy takes the largest logit, and the lower id of two equal ones`` () =
    Assert.Equal(1, choose SamplingOptions.Greedy some 0L)

[<Fact>]
let ``one kept token is greedy at any temperature`` () =
    Check.One(
        Config.QuickThrowOnFailure,
        Prop.forAll (Arb.fromGen logits) (fun values ->
            choose (SamplingOptions(Temperature = 3.0, TopK = 1)) values 7L =
                choose SamplingOptions.Greedy values 7L)
    )

[<Fact>]
let ``the choice is one of the k most probable tokens`` () =
    let three =
        Arb.fromGen (
            Gen.map3
                (fun values k index -> values, k, index)
                logits
                (Gen.choose (1, 5))
                (Gen.choose (0, 1000))
        )

    Check.One(
        Config.QuickThrowOnFailure,
        Prop.forAll three (fun (values, k, index) ->
            let chosen =
                choose (SamplingOptions(Temperature = 1.0, TopK = k, Seed = 5UL)) values (int64 index)

            let better = values |> Array.filter (fun v -> v > values[chosen]) |> Array.length
            better < k)
    )

[<Fact>]
let ``top-p keeps the fewest most probable tokens that reach it`` () =
    // Probabilities 0.5, 0.3, 0.2.
    let values = [| 0.2; 0.5; 0.3 |] |> Array.map (fun p -> float32 (log p))

    let seen p =
        [ 0L .. 999L ]
        |> List.map (choose (SamplingOptions(Temperature = 1.0, TopP = p, Seed = 3UL)) values)
        |> Set.ofList

    Assert.Equal<Set<int>>(set [ 1 ], seen 0.45)
    Assert.Equal<Set<int>>(set [ 1; 2 ], seen 0.75)
    Assert.Equal<Set<int>>(set [ 0; 1; 2 ], seen 1.0)

[<Fact>]
let ``frequencies of many draws are the probabilities`` () =
    let p = [| 0.05; 0.6; 0.35 |]
    let values = p |> Array.map (fun p -> float32 (log p))
    let sampler = Sampler(SamplingOptions(Temperature = 1.0, Seed = 11UL))
    let draws = 20000

    let counts =
        Array.init draws (fun i -> sampler.Choose(ReadOnlySpan values, int64 i))
        |> Array.countBy id
        |> Map.ofArray

    for id in 0..2 do
        // Five standard deviations of a binomial count.
        let spread = 5.0 * sqrt (p[id] * (1.0 - p[id]) / float draws)
        Assert.InRange(float counts[id] / float draws, p[id] - spread, p[id] + spread)

[<Fact>]
let ``the draw is a function of seed and index`` () =
    let options = SamplingOptions(Temperature = 1.0, Seed = 42UL)
    let once = List.init 50 (fun i -> choose options some (int64 i))
    let again = List.init 50 (fun i -> choose options some (int64 i))

    let other =
        List.init 50 (fun i -> choose (SamplingOptions(Temperature = 1.0, Seed = 43UL)) some (int64 i))

    Assert.Equal<int list>(once, again)
    Assert.NotEqual<int list>(once, other)

[<Fact>]
let ``a token of logit minus infinity is never chosen`` () =
    let values = [| Single.NegativeInfinity; 0.0f; Single.NegativeInfinity; 0.0f |]

    for i in 0L .. 200L do
        Assert.Contains(choose (SamplingOptions(Temperature = 9.0, Seed = 1UL)) values i, [ 1; 3 ])

[<Fact>]
let ``logits that are not numbers are an error that says so`` () =
    let nan =
        Assert.Throws<GenerationException>(fun () ->
            choose SamplingOptions.Greedy [| 1.0f; nanf |] 0L |> ignore)

    Assert.Contains("token 1", nan.Message)

    let none =
        Assert.Throws<GenerationException>(fun () ->
            choose SamplingOptions.Greedy [| Single.NegativeInfinity |] 0L |> ignore)

    Assert.Contains("minus infinity", none.Message)

[<Fact>]
let ``every wrong option is named at once`` () =
    let error =
        Assert.Throws<ArgumentException>(fun () ->
            Sampler(SamplingOptions(Temperature = -1.0, TopK = -2, TopP = 1.5, MaxNewTokens = 0))
            |> ignore)

    for name in [ "temperature"; "top-k"; "top-p"; "max new tokens" ] do
        Assert.Contains(name, error.Message)
