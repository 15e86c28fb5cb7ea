/// The steps of a mixture of experts as cases to compare: experts without tokens, choices that were dropped, any number of them.
module Evo.Torch.Tests.KernelsExperts

open System
open TorchSharp
open Evo.Torch
open Evo.Torch.Tests.KernelsInputs

/// Choices [N, K] of so many experts, of which some have no token; one in four is dropped where some are.
let choices (random: Random) (N: int) (K: int) (E: int) drops =
    let named = 1 + random.Next E

    let one _ =
        if drops && random.Next 4 = 0 then
            int64 E
        else
            int64 (random.Next named)

    torch.tensor(Array.init (N * K) one, dtype = Nullable torch.ScalarType.Int64).view(int64 N, int64 K)

/// Rows for each of so many experts; every third has none.
let counts (random: Random) (E: int) most =
    [|
        for _ in 1..E ->
            if random.Next 3 = 0 then
                0L
            else
                int64 (random.Next(most + 1))
    |]

let private order x choices E =
    Ops.OrderByExpert(beside x choices, int64 E)

let private dims = [ "N"; "K"; "E"; "C"; "drops" ]
let private most = [ 60; 5; 6; 70; 2 ]

let private permute =
    {
        Name = "PermuteToExperts"
        Dimensions = dims
        Most = most
        Call =
            fun sizes random ->
                let N, K, E = sizes[0], sizes[1], sizes[2]
                let chosen = choices random N K E (sizes[4] = 2)

                {
                    Inputs = [| normal random [ N; sizes[3] ] |]
                    Run = fun x -> Ops.PermuteToExperts(x[0], order x chosen E, K)
                }
    }

let private combine =
    {
        Name = "CombineExperts"
        Dimensions = dims
        Most = most
        Call =
            fun sizes random ->
                let N, K, E = sizes[0], sizes[1], sizes[2]
                let chosen = choices random N K E (sizes[4] = 2)
                let kept = Ops.OrderByExpert(chosen, int64 E).Kept

                {
                    Inputs = [| normal random [ int kept; sizes[3] ]; normal random [ N; K ] |]
                    Run = fun x -> Ops.CombineExperts(x[0], order x chosen E, x[1])
                }
    }

let private grouped second =
    {
        Name = if second then "GroupedLinear of two" else "GroupedLinear"
        Dimensions = [ "rows of one"; "E"; "C"; "F" ]
        Most = [ 20; 6; 40; 40 ]
        Call =
            fun sizes random ->
                let counts = counts random sizes[1] sizes[0]

                let weight () =
                    normal random [ sizes[1]; sizes[3]; sizes[2] ]

                {
                    Inputs =
                        [|
                            normal random [ int (Array.sum counts); sizes[2] ]
                            weight ()
                            if second then
                                weight ()
                        |]
                    Run =
                        fun x ->
                            if second then
                                Ops.GroupedLinear(x[0], counts, x[1], x[2])
                            else
                                Ops.GroupedLinear(x[0], counts, x[1])
                }
    }

let private mlp =
    {
        Name = "GroupedMlp"
        Dimensions = [ "rows of one"; "E"; "C"; "F"; "gate" ]
        Most = [ 20; 6; 20; 20; 2 ]
        Call =
            fun sizes random ->
                let E, C, F = sizes[1], sizes[2], sizes[3]
                let counts = counts random E sizes[0]
                let weight shape = normal random shape

                {
                    Inputs =
                        [|
                            normal random [ int (Array.sum counts); C ]
                            weight [ E; F; C ]
                            weight [ E; C; F ]
                            if sizes[4] = 2 then
                                weight [ E; F; C ]
                        |]
                    Run =
                        fun x ->
                            let gate: Tensor | null = if x.Length > 3 then x[3] else null
                            Ops.GroupedMlp(x[0], counts, gate, x[1], x[2], "silu")
                }
    }

let operators = [ permute; combine; grouped false; grouped true; mlp ]

/// Those whose arithmetic is a library's matrix products.
let products = [ "GroupedLinear"; "GroupedLinear of two"; "GroupedMlp" ]
