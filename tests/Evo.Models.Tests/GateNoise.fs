/// GShard's random options against loops in whole numbers: jitter, noise for the last choice, lots for the places.
module Evo.Models.Tests.GateNoise

open System
open Evo.Models
open Evo.Torch
open TorchSharp
open Xunit

/// The definition of docs/random.md, number by number.
let private mix (x: uint32) =
    let a = (x ^^^ (x >>> 16)) * 0x21f0aaadu
    let b = (a ^^^ (a >>> 15)) * 0x735a2d97u
    b ^^^ (b >>> 15)

let private word (key: RandomKey) (n: int) =
    mix (mix (uint32 n ^^^ uint32 key.Value) ^^^ uint32 (key.Value >>> 32))

let private next (w: uint32) (i: int) = mix (w ^^^ (uint32 i * 0x61c88647u))
let private uniform (w: uint32) = (float w + 0.5) / 4294967296.0

let private values (t: torch.Tensor) = t.data<float>().ToArray()
let private whole (t: torch.Tensor) = t.data<int64>().ToArray()

[<Fact>]
let ``jitter, noise and lots of a block are those of token, feature and expert`` () =
    use _ = torch.NewDisposeScope()
    let step = RandomKey.Of(11UL, "random choices").At 6L
    let rows, length, width, experts = 2, 5, 3, 4

    use at =
        Positions.Sequential(rows, length, random = Nullable(PassRandom(step, 40L)))

    let block = BlockRandom(fun () -> true)
    block.Begin(at, 3L)

    let x =
        torch.randn ([| int64 rows; int64 length; int64 width |], dtype = torch.float64)

    let jittered = block.Jitter(x, 0.01)
    let noise = nonNull (block.Noise(true, int64 experts))
    let lots = nonNull (block.Lots true)
    let tokens = [| for i in 0 .. rows * length - 1 -> 40 + i |]
    let key choice = (step.At 3L).At choice

    let factors =
        [|
            for token in tokens do
                for c in 0 .. width - 1 -> 0.99 + 0.02 * uniform (next (word (key 1L) token) c)
        |]

    for found, x, factor in Array.zip3 (values jittered) (values x) factors do
        Assert.Equal(x * factor, found, 1e-14)

    let gumbel =
        [|
            for token in tokens do
                for e in 0 .. experts - 1 -> -log(-log(uniform (next (word (key 2L) token) e)))
        |]

    for expected, found in Array.zip gumbel (values noise) do
        Assert.Equal(expected, found, 1e-12)

    Assert.Equal<int64[]>([| for token in tokens -> int64 (word (key 3L) token) |], whole lots)
    // Nobody asked, and each was a choice all the same.
    Assert.Null(block.Noise(false, 4L))

    Assert.Equal<int64[]>(
        [| for token in tokens -> int64 (word (key 5L) token) |],
        whole (nonNull (block.Lots true))
    )

let private draw (seed: int) (rows: int) (columns: int) =
    let random = Random seed
    Array2D.init rows columns (fun _ _ -> random.NextDouble() * 4.0 - 2.0)

let private best (scores: float list) =
    scores |> List.indexed |> List.maxBy snd |> fst

[<Theory; InlineData(1); InlineData(2)>]
let ``noise decides the first of one choice and the second of two, and no weight`` (topK: int) =
    use _ = torch.NewDisposeScope()
    let tokens, experts = 40, 6
    let logits, noise = draw 1 tokens experts, draw 2 tokens experts

    let struct (chosen, weights) =
        Ops.ChooseExperts(torch.tensor logits, topK, false, torch.tensor noise)

    for n in 0 .. tokens - 1 do
        let row = [ for e in 0 .. experts - 1 -> logits[n, e] ]
        let noisy = [ for e in 0 .. experts - 1 -> logits[n, e] + noise[n, e] ]

        let expected =
            if topK = 1 then
                [ best noisy ]
            else
                let first = best row

                [
                    first
                    best (noisy |> List.mapi (fun e v -> if e = first then -infinity else v))
                ]

        let mass = row |> List.sumBy exp

        for k in 0 .. topK - 1 do
            Assert.Equal(int64 expected[k], chosen[n, k].item<int64>())
            Assert.Equal(exp row[expected[k]] / mass, weights[n, k].item<float>(), 1e-12)

[<Fact>]
let ``an expert takes the tokens with the highest lots, as many as it has room for`` () =
    use _ = torch.NewDisposeScope()
    let tokens, experts, capacity = 50, 4, 7
    let random = Random 5
    let logits = draw 3 tokens experts
    // Some lots are equal: then the earlier token has the place.
    let lots = [| for _ in 1..tokens -> int64 (random.Next 20) |]

    let struct (chosen, _) =
        Ops.ChooseExpertsWithin(torch.tensor logits, 1, false, int64 capacity, lots = torch.tensor lots)

    let wish =
        [
            for n in 0 .. tokens - 1 -> best [ for e in 0 .. experts - 1 -> logits[n, e] ]
        ]

    let kept =
        set
            [
                for e in 0 .. experts - 1 do
                    yield!
                        [ 0 .. tokens - 1 ]
                        |> List.filter (fun n -> wish[n] = e)
                        |> List.sortBy (fun n -> -lots[n])
                        |> List.truncate capacity
            ]

    Assert.True(kept.Count < tokens)

    for n in 0 .. tokens - 1 do
        Assert.Equal(int64 (if kept.Contains n then wish[n] else experts), chosen[n, 0].item<int64>())
