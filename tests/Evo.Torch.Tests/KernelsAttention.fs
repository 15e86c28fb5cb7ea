/// Attention as cases to compare: with a cache, packed, in a window, leaning, and with weights dropped.
module Evo.Torch.Tests.KernelsAttention

open System
open TorchSharp
open Evo.Torch
open Evo.Torch.Tests.KernelsInputs

/// Queries of T tokens, and keys and values of S, a group of query heads to each of K: q [B, T, K·group, D], k and v [B, S, K, D].
let private attended random (B, T, S) (K, group, D) =
    [|
        normal random [ B; T; K * group; D ]
        normal random [ B; S; K; D ]
        normal random [ B; S; K; D ]
    |]

/// Three weights of ten dropped, by words of H heads of T queries and of S keys, these of each of `rows` rows or of all.
let private dropping (random: Random) (B, T, S) heads rows =
    let words (sizes: int list) =
        let count = List.fold (*) 1 sizes

        torch
            .tensor(
                Array.init count (fun _ -> random.NextInt64(1L <<< 32)),
                dtype = Nullable torch.ScalarType.Int64
            )
            .reshape(sizes |> List.map int64 |> Array.ofList)

    let queries, keys = words [ B; heads; T ], words [ rows; S ]
    fun (x: Tensor[]) -> DropoutMask(0.3, beside x queries, beside x keys)

/// The borders of sequences of these lengths in one row, and its tokens.
let private packed lengths =
    let borders = List.scan (+) 0 lengths
    torch.tensor (Array.ofList borders), List.last borders

/// Attention in a window of one token less than `reach`, and over all where that is none.
let private within reach borders dropout (x: Tensor[]) =
    Ops.CausalAttention(x[0], x[1], x[2], 0.3, borders, dropout, window = int64 (reach - 1))

let operators =
    [
        {
            Name = "CausalAttention"
            Dimensions = [ "B"; "T"; "S-T+1"; "K"; "H/K"; "D" ]
            Most = [ 2; 150; 150; 2; 3; 70 ]
            Call =
                fun sizes random ->
                    let B, T, K, D = sizes[0], sizes[1], sizes[3], sizes[5]
                    let S = T + sizes[2] - 1

                    {
                        Inputs = attended random (B, T, S) (K, sizes[4], D)
                        Run = fun x -> Ops.CausalAttention(x[0], x[1], x[2], 1.0 / sqrt (float D))
                    }
        }
        {
            Name = "CausalAttention, packed"
            Dimensions = [ "first"; "second"; "third+1"; "K"; "H/K"; "D" ]
            Most = [ 70; 140; 9; 2; 2; 20 ]
            Call =
                fun sizes random ->
                    let first, second = sizes[0], sizes[0] + sizes[1]
                    let T = second + sizes[2] - 1
                    // The third sequence may be empty.
                    let borders =
                        torch.tensor ([| 0; first; second; T |], dtype = Nullable torch.ScalarType.Int32)

                    let K, D = sizes[3], sizes[5]

                    {
                        Inputs = attended random (1, T, T) (K, sizes[4], D)
                        Run = fun x -> Ops.CausalAttention(x[0], x[1], x[2], 0.3, borders)
                    }
        }
        {
            Name = "CausalAttention, in a window and leaning"
            Dimensions = [ "B"; "T"; "S-T+1"; "H/K"; "D"; "window+1" ]
            Most = [ 2; 150; 300; 3; 20; 200 ]
            Call =
                fun sizes random ->
                    let B, T, D = sizes[0], sizes[1], sizes[4]
                    let S, K = T + sizes[2] - 1, 2
                    let slopes = (normal random [ K * sizes[3] ]).abs().mul(Scalar.op_Implicit 0.1)

                    {
                        Inputs = attended random (B, T, S) (K, sizes[3], D)
                        Run =
                            fun x ->
                                Ops.CausalAttention(
                                    x[0],
                                    x[1],
                                    x[2],
                                    0.3,
                                    window = int64 (sizes[5] - 1),
                                    alibiSlopes = beside x slopes
                                )
                    }
        }
        {
            Name = "CausalAttention, packed in a window"
            Dimensions = [ "first"; "second"; "H/K"; "D"; "window" ]
            Most = [ 70; 200; 2; 20; 150 ]
            Call =
                fun sizes random ->
                    let first, T = sizes[0], sizes[0] + sizes[1]

                    let borders =
                        torch.tensor ([| 0; first; T |], dtype = Nullable torch.ScalarType.Int32)

                    let K, D = 2, sizes[3]

                    {
                        Inputs = attended random (1, T, T) (K, sizes[2], D)
                        Run =
                            fun x ->
                                Ops.CausalAttention(x[0], x[1], x[2], 0.3, borders, window = int64 sizes[4])
                    }
        }
        {
            // Of many sequences a thread takes each as a whole, of one beyond 512 tokens a block of queries.
            Name = "CausalAttention, packed, many"
            Dimensions = [ "sequences"; "longest"; "H/K"; "D"; "window+1"; "long ones+1" ]
            Most = [ 24; 40; 3; 20; 90; 2 ]
            Call =
                fun sizes random ->
                    let K, D = 4, sizes[3]
                    let short = List.init sizes[0] (fun _ -> random.Next(1, sizes[1] + 1))
                    let lengths = short @ List.replicate (sizes[5] - 1) 520
                    let borders, T = packed lengths

                    {
                        Inputs = attended random (1, T, T) (K, sizes[2], D)
                        Run = within sizes[4] borders null
                    }
        }
        {
            Name = "CausalAttention, dropping"
            Dimensions = [ "B"; "T"; "S-T+1"; "H/K"; "D"; "window+1" ]
            Most = [ 2; 150; 150; 3; 20; 200 ]
            Call =
                fun sizes random ->
                    let B, T, D = sizes[0], sizes[1], sizes[4]
                    let S, K = T + sizes[2] - 1, 2
                    // Words of the keys that all rows share, or each row's own.
                    let mask =
                        dropping random (B, T, S) (K * sizes[3]) (if random.Next 2 = 0 then 1 else B)

                    {
                        Inputs = attended random (B, T, S) (K, sizes[3], D)
                        Run = fun x -> within sizes[5] null (mask x) x
                    }
        }
        {
            Name = "CausalAttention, packed, dropping"
            Dimensions = [ "sequences"; "longest"; "H/K"; "D" ]
            Most = [ 12; 90; 3; 20 ]
            Call =
                fun sizes random ->
                    let K, D = 3, sizes[3]
                    let lengths = List.init sizes[0] (fun _ -> random.Next(1, sizes[1] + 1))
                    let borders, T = packed lengths
                    let mask = dropping random (1, T, T) (K * sizes[2]) 1

                    {
                        Inputs = attended random (1, T, T) (K, sizes[2], D)
                        Run = fun x -> within 1 borders (mask x) x
                    }
        }
    ]
