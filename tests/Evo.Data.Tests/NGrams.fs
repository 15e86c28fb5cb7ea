/// The baselines: proper probabilities, the arithmetic of the formula, and the same labels as the model's validation.
module Evo.Data.Tests.NGrams

open System
open Evo.Data
open FsCheck
open FsCheck.FSharp
open Xunit

/// One row that is one document.
let private row (tokens: int list) =
    let n = tokens.Length

    TokenRow(
        Tokens = Array.ofList tokens,
        Labels = Array.append (Array.ofList tokens.Tail) [| -100 |],
        Positions = [| 0 .. n - 1 |],
        CuSeqlens = [| 0; n |],
        Types = Array.zeroCreate n
    )

let private rows vocab =
    Gen.listOf (Gen.nonEmptyListOf (Gen.choose (0, vocab - 1)) |> Gen.map row)

[<Fact>]
let ``after any context the probabilities of all tokens are positive and sum to one`` () =
    let law (rows: TokenRow list, a, b) =
        let model = NGramBaseline.Count(7, rows)

        [
            [ for token in 0..6 -> model.Bigram(b, token) ]
            [ for token in 0..6 -> model.Trigram(a, b, token) ]
        ]
        |> List.forall (fun p -> List.forall (fun x -> x > 0.0) p && abs (List.sum p - 1.0) < 1e-12)

    let cases =
        gen {
            let! rows = rows 7
            let! a = Gen.choose (0, 6)
            let! b = Gen.choose (0, 6)
            return rows, a, b
        }

    Check.One(Config.QuickThrowOnFailure, Prop.forAll (Arb.fromGen cases) law)

[<Fact>]
let ``a hand count gives the hand's numbers`` () =
    // 0 1 2 0 1 3: labels 1 2 0 1 3; bigrams 01 twice, 12, 20, 13 once.
    let model = NGramBaseline.Count(4, [ row [ 0; 1; 2; 0; 1; 3 ] ])
    // unigrams of labels: 1 twice, 2, 0, 3 once: D = 3 / (3 + 2) = 0.6, 4 different of 5
    let unigram count =
        max (count - 0.6) 0.0 / 5.0 + 0.6 * 4.0 / 5.0 / 4.0
    // bigrams: three once, one twice: D = 3 / 5; after 1: 2 and 3, once each
    let after1 token =
        (if token = 2 || token = 3 then 0.4 else 0.0) / 2.0
        + 0.6 * 2.0 / 2.0 * unigram (if token = 1 then 2.0 else 1.0)

    Assert.Equal(after1 2, model.Bigram(1, 2), 12)
    Assert.Equal(after1 1, model.Bigram(1, 1), 12)
    // trigrams: 012, 120, 201, 013 once each: D is held at 0.75; after 0 1: two of two
    Assert.Equal(0.25 / 2.0 + 0.75 * after1 2, model.Trigram(0, 1, 2), 12)
    // an unseen context is the shorter one
    Assert.Equal(model.Bigram(1, 2), model.Trigram(3, 1, 2), 12)

[<Fact>]
let ``exactly the labels that are not ignored are scored, and no context reaches over a boundary`` () =
    let train = [ row [ 0; 1; 2; 3; 0; 1; 2; 3 ] ]
    let model = NGramBaseline.Count(4, train)

    let packed =
        TokenRow(
            Tokens = [| 2; 3; 0; 1; 2; 3 |],
            Labels = [| 3; 0; -100; 2; -100; -100 |],
            Positions = [| 0; 1; 2; 0; 1; 2 |],
            CuSeqlens = [| 0; 3; 6 |],
            Types = Array.zeroCreate 6
        )

    let loss = model.Loss [ packed ]
    Assert.Equal(3L, loss.Labels)
    let ln (x: float) = -Math.Log x
    let bigrams = [ model.Bigram(2, 3); model.Bigram(3, 0); model.Bigram(1, 2) ]
    Assert.Equal(List.averageBy ln bigrams, loss.Bigram, 12)
    // the fourth token begins a segment: its context is one token, although the training rows know the two
    let trigrams = [ model.Bigram(2, 3); model.Trigram(2, 3, 0); model.Bigram(1, 2) ]
    Assert.NotEqual(model.Bigram(1, 2), model.Trigram(0, 1, 2), 3)
    Assert.Equal(List.averageBy ln trigrams, loss.Trigram, 12)

[<Fact>]
let ``a longer memory predicts text that has one better`` () =
    let random = Random 5
    // the next token depends on the two before it
    let document () =
        let mutable a, b = random.Next 8, random.Next 8

        [
            for _ in 1..400 do
                let next =
                    if random.Next 10 = 0 then
                        random.Next 8
                    else
                        (3 * a + 5 * b + 1) % 8

                yield next
                a <- b
                b <- next
        ]

    let model = NGramBaseline.Count(8, [ for _ in 1..20 -> row (document ()) ])
    let loss = model.Loss [ for _ in 1..5 -> row (document ()) ]
    Assert.True(loss.Trigram < 0.5 * loss.Bigram, string loss)
    Assert.True(loss.Bigram < Math.Log 8.0 + 0.05, string loss)
