/// A mixture of experts against loops over tokens: no sorting, no grouping, no drops but those that the definition names.
module Evo.Models.Tests.Experts

open System
open System.Collections.Generic
open Evo.Torch
open FsCheck
open FsCheck.FSharp
open TorchSharp
open Xunit

/// Sizes of one case.
type Case =
    {
        Tokens: int
        Experts: int
        TopK: int
        Normalize: bool
        Gated: bool
        /// A router that never names the last expert.
        Starved: bool
        Factor: float
        Least: int
        Seed: int
    }

let private cases =
    gen {
        let! tokens = Gen.choose (1, 12)
        let! experts = Gen.choose (1, 7)
        let! topK = Gen.choose (1, min 4 experts)

        let! normalize, gated, starved =
            Gen.zip3
                (Gen.elements [ true; false ])
                (Gen.elements [ true; false ])
                (Gen.elements [ true; false ])

        let! factor = Gen.elements [ 0.25; 0.5; 1.0; 1.5 ]
        let! least = Gen.choose (1, 3)
        let! seed = Gen.choose (0, 100000)

        return
            {
                Tokens = tokens
                Experts = experts
                TopK = topK
                Normalize = normalize
                Gated = gated
                Starved = starved && experts > topK
                Factor = factor
                Least = least
                Seed = seed
            }
    }

let private forAll (property: Case -> unit) =
    let config = Config.QuickThrowOnFailure.WithMaxTest(60).WithReplay(17UL, 3UL)
    Check.One(config, Prop.forAll (Arb.fromGen cases) property)

type private Inputs =
    {
        X: torch.Tensor
        Logits: torch.Tensor
        Gate: torch.Tensor | null
        Up: torch.Tensor
        Down: torch.Tensor
    }

    member inputs.All =
        [
            inputs.X
            inputs.Logits
            inputs.Up
            inputs.Down
            match inputs.Gate with
            | null -> ()
            | gate -> gate
        ]

let private width, inner = 5L, 3L

let private inputs (case: Case) =
    torch.manual_seed (int64 case.Seed) |> ignore
    let leaf (t: torch.Tensor) = t.detach().requires_grad_ true

    let normal (shape: int64 list) =
        torch.randn (Array.ofList shape, dtype = torch.ScalarType.Float64)

    let logits = normal [ 1L; int64 case.Tokens; int64 case.Experts ]

    if case.Starved then
        logits.select(-1, int64 case.Experts - 1L).fill_ -50.0 |> ignore

    {
        X = leaf (normal [ 1L; int64 case.Tokens; width ])
        Logits = leaf logits
        Gate =
            if case.Gated then
                leaf (normal [ int64 case.Experts; inner; width ])
            else
                null
        Up = leaf (normal [ int64 case.Experts; inner; width ])
        Down = leaf (normal [ int64 case.Experts; width; inner ])
    }

/// The choices of each token, best first, and each one's probability as a tensor of the graph.
let private choices (case: Case) (probabilities: torch.Tensor) =
    [
        for n in 0 .. case.Tokens - 1 ->
            [ for e in 0 .. case.Experts - 1 -> e, probabilities[int64 n, int64 e] ]
            |> List.sortByDescending (fun (_, p) -> p.item<double>())
            |> List.take case.TopK
    ]

let private mlp (given: Inputs) (e: int) (x: torch.Tensor) =
    let up = given.Up[int64 e].matmul x

    let inside =
        match given.Gate with
        | null -> torch.nn.functional.silu up
        | gate -> torch.nn.functional.silu (gate[int64 e].matmul x) * up

    given.Down[int64 e].matmul inside

/// One token after the other, one choice after the other; `keeps` says which (token, choice) are not dropped.
let private loop (case: Case) (given: Inputs) (keeps: (int * torch.Tensor) list list -> Set<int * int>) =
    let chosen = choices case (given.Logits[0L].softmax(-1L))
    let kept = keeps chosen

    torch.stack
        [|
            for n, choices in List.indexed chosen ->
                let survivors =
                    [
                        for k, (e, p) in List.indexed choices do
                            if kept.Contains(n, k) then
                                e, p
                    ]

                let start = torch.zeros ([| width |], dtype = torch.ScalarType.Float64)

                let total =
                    survivors
                    |> List.fold
                        (fun (sum: torch.Tensor) (_, p) -> sum + p)
                        (torch.zeros ([||], dtype = torch.ScalarType.Float64))

                survivors
                |> List.fold
                    (fun (sum: torch.Tensor) (e, p) ->
                        let weight = if case.Normalize then p / total else p
                        sum + weight * mlp given e given.X[0L, int64 n])
                    start
        |]
    |> _.unsqueeze(0L)

/// Value and gradients of both agree; a weight that nothing reached has no gradient or zeros.
let private agree (given: Inputs) (found: torch.Tensor) (expected: torch.Tensor) =
    let near (a: torch.Tensor) (b: torch.Tensor) =
        (a - b).abs().max().item<double>() < 1e-12 * (1.0 + b.abs().max().item<double>())

    Assert.True(near found expected, $"{found.str ()} is not {expected.str ()}")
    let pull = torch.randn_like found

    let gradients (value: torch.Tensor) =
        for t in given.All do
            t.grad <- null

        if value.requires_grad then
            value.backward ([| pull |], retain_graph = true)

        given.All
        |> List.map (fun t ->
            match t.grad with
            | null -> torch.zeros_like t
            | gradient -> gradient.clone ())

    for a, b in List.zip (gradients found) (gradients expected) do
        Assert.True(near a b, "a gradient differs")

let private mixture (case: Case) (given: Inputs) factor =
    Ops.MixtureOfExperts(
        given.X,
        given.Logits,
        case.TopK,
        case.Normalize,
        "silu",
        given.Gate,
        given.Up,
        given.Down,
        factor,
        int64 case.Least
    )

[<Fact>]
let ``without a capacity every choice counts: value and gradients of a loop over tokens`` () =
    let mutable starved = 0

    forAll (fun case ->
        use _ = torch.NewDisposeScope()
        let given = inputs case
        starved <- starved + (if case.Starved then 1 else 0)

        let all =
            set
                [
                    for n in 0 .. case.Tokens - 1 do
                        for k in 0 .. case.TopK - 1 -> n, k
                ]

        agree given (mixture case given 0.0) (loop case given (fun _ -> all)))

    Assert.True(starved > 5, "experts without tokens must occur")

/// GShard's rule, told as it happens: all first choices in the order of tokens, then all second ones; who finds an expert
/// asked for `capacity` times already is turned away.
let private admitted (case: Case) (chosen: (int * torch.Tensor) list list) =
    let capacity =
        max
            case.Least
            (int (Math.Ceiling(float case.Tokens / float case.Experts * case.Factor * float case.TopK)))

    let asked = Dictionary<int, int>()

    set
        [
            for k in 0 .. case.TopK - 1 do
                for n in 0 .. case.Tokens - 1 do
                    let e, _ = chosen[n][k]
                    let before = asked.GetValueOrDefault(e, 0)
                    asked[e] <- before + 1

                    if before < capacity then
                        n, k
        ]

[<Fact>]
let ``under a capacity first choices come first and what is beyond is dropped`` () =
    let mutable dropped = 0
    let mutable lost = 0
    let seen = HashSet<int>()

    forAll (fun case ->
        use _ = torch.NewDisposeScope()
        let given = inputs case
        seen.Add case.TopK |> ignore

        let keeps chosen =
            let kept = admitted case chosen
            dropped <- dropped + case.Tokens * case.TopK - kept.Count

            for n in 0 .. case.Tokens - 1 do
                if not (Seq.exists (fun k -> kept.Contains(n, k)) [ 0 .. case.TopK - 1 ]) then
                    lost <- lost + 1

            kept

        agree given (mixture case given case.Factor) (loop case given keeps))

    Assert.True(dropped > 50 && lost > 5, $"{dropped} choices and {lost} tokens were dropped")
    Assert.Equal<int list>([ 1; 2; 3; 4 ], List.sort (List.ofSeq seen))

[<Fact>]
let ``the capacity is a share of the tokens, rounded up, and no less than the minimum`` () =
    Assert.Equal(5L, Ops.ExpertCapacity(9L, 2L, 1, 1.0, 4L))
    Assert.Equal(4L, Ops.ExpertCapacity(9L, 8L, 1, 1.0, 4L))
    Assert.Equal(10L, Ops.ExpertCapacity(16L, 4L, 2, 1.25, 4L))

[<Fact>]
let ``logits of another shape are refused with both shapes`` () =
    use _ = torch.NewDisposeScope()

    let error =
        Assert.Throws<ArgumentException>(fun () ->
            Ops.MixtureOfExperts(
                torch.zeros (1L, 2L, 3L),
                torch.zeros (1L, 2L, 5L),
                1,
                false,
                "silu",
                null,
                torch.zeros (4L, 6L, 3L),
                torch.zeros (4L, 3L, 6L)
            )
            |> ignore)

    Assert.Contains("logits [1, 2, 5], up [4, 6, 3]", error.Message)
