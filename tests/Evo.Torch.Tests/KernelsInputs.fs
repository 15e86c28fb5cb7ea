/// What a case of an operator is made of: sizes by name, and random inputs.
module Evo.Torch.Tests.KernelsInputs

open System
open TorchSharp
open Evo.Torch

type Tensor = torch.Tensor

/// One call: float64 inputs that are differentiated, and the call itself on inputs of any type.
type Call =
    {
        Inputs: Tensor[]
        Run: Tensor[] -> Tensor
    }

/// An operator with its dimensions named, the largest size tried for each, and how a call is made of sizes.
type Operator =
    {
        Name: string
        Dimensions: string list
        Most: int list
        Call: int list -> Random -> Call
    }

let normal (random: Random) (shape: int list) =
    let one _ =
        sqrt (-2.0 * log (1.0 - random.NextDouble()))
        * cos (2.0 * Math.PI * random.NextDouble())

    let count = List.fold (*) 1 shape

    torch
        .tensor(Array.init count one, dtype = Nullable torch.ScalarType.Float64)
        .reshape(shape |> List.map int64 |> Array.ofList)

/// The same numbers for the same seed.
let seeded (seed: int) shape = normal (Random seed) shape

let integers (random: Random) (count: int) (below: int) =
    torch.tensor (
        Array.init count (fun _ -> int64 (random.Next below)),
        dtype = Nullable torch.ScalarType.Int64
    )

let labels (random: Random) count below =
    torch.tensor (
        Array.init count (fun _ ->
            if random.Next 4 = 0 then
                Ops.IgnoredLabel
            else
                int64 (random.Next below)),
        dtype = Nullable torch.ScalarType.Int64
    )

/// A constant of a call, where its first input is.
let beside (inputs: Tensor[]) (constant: Tensor) = constant.``to`` inputs[0].device

let smoothingOf size = if size % 2 = 0 then 0.1 else 0.0

let zLossOf size = [| 0.0; 0.01; 0.3 |].[size % 3]
