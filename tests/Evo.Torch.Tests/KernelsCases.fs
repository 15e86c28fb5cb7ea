/// The operators of Ops as cases to compare: random inputs of random shapes, and one function of them.
module Evo.Torch.Tests.KernelsCases

open System
open FsCheck
open FsCheck.FSharp
open TorchSharp
open Evo.Torch
open Evo.Torch.Tests.KernelsInputs

/// An operator at sizes, with the seed of its numbers, whether its inputs are laid out transposed.
type Case =
    {
        Operator: Operator
        Sizes: int list
        Seed: int
        Strided: bool
    }

    override case.ToString() =
        let sizes = List.map2 (sprintf "%s=%d") case.Operator.Dimensions case.Sizes
        $"""{case.Operator.Name} {String.concat " " sizes} seed={case.Seed} strided={case.Strided}"""

let operators =
    KernelsFused.operators
    @ KernelsAttention.operators
    @ KernelsExperts.operators
    @ [
        {
            Name = "RmsNorm"
            Dimensions = [ "rows"; "C-1" ]
            Most = [ 130; 70 ]
            Call =
                fun sizes random ->
                    // One channel normalised is its sign: its gradient is rounding.
                    let C = sizes[1] + 1

                    {
                        Inputs = [| normal random [ sizes[0]; C ]; normal random [ C ] |]
                        Run = fun x -> Ops.RmsNorm(x[0], x[1], 1e-5)
                    }
        }
        {
            Name = "Rope"
            Dimensions = [ "B"; "T"; "H"; "D/2"; "tables" ]
            Most = [ 3; 9; 3; 35; 2 ]
            Call =
                fun sizes random ->
                    let B, T, H, D = sizes[0], sizes[1], sizes[2], 2 * sizes[3]
                    let tables = if sizes[4] = 1 then 1 else B
                    let cos, sin = normal random [ tables; T; D ], normal random [ tables; T; D ]

                    {
                        Inputs = [| normal random [ B; T; H; D ] |]
                        Run = fun x -> Ops.Rope(x[0], beside x cos, beside x sin)
                    }
        }
        {
            Name = "RmsNorm, offset"
            Dimensions = [ "B"; "H"; "C-1" ]
            Most = [ 6; 5; 70 ]
            Call =
                fun sizes random ->
                    let C = sizes[2] + 1

                    {
                        Inputs = [| normal random [ sizes[0]; sizes[1]; C ]; normal random [ C ] |]
                        Run = fun x -> Ops.RmsNorm(x[0], x[1], 1e-6, offset = true)
                    }
        }
        {
            Name = "Embedding"
            Dimensions = [ "N"; "V"; "C" ]
            Most = [ 90; 40; 40 ]
            Call =
                fun sizes random ->
                    let ids = integers random sizes[0] sizes[1]

                    {
                        Inputs = [| normal random [ sizes[1]; sizes[2] ] |]
                        Run = fun x -> Ops.Embedding(beside x ids, x[0])
                    }
        }
        {
            Name = "Linear"
            Dimensions = [ "rows"; "C"; "O"; "bias" ]
            Most = [ 40; 40; 40; 2 ]
            Call =
                fun sizes random ->
                    let x, weight =
                        normal random [ sizes[0]; sizes[1] ], normal random [ sizes[2]; sizes[1] ]

                    if sizes[3] = 1 then
                        {
                            Inputs = [| x; weight |]
                            Run = fun x -> Ops.Linear(x[0], x[1])
                        }
                    else
                        {
                            Inputs = [| x; weight; normal random [ sizes[2] ] |]
                            Run = fun x -> Ops.Linear(x[0], x[1], x[2])
                        }
        }
        {
            Name = "CrossEntropy"
            Dimensions = [ "N"; "V-1"; "smoothing"; "z" ]
            Most = [ 40; 90; 2; 3 ]
            Call =
                fun sizes random ->
                    // One word leaves nothing to learn: its loss is rounding.
                    let V = sizes[1] + 1
                    let targets = labels random sizes[0] V

                    {
                        Inputs = [| normal random [ sizes[0]; V ] |]
                        Run =
                            fun x ->
                                let struct (loss, _, _, _) =
                                    Ops.CrossEntropy(
                                        x[0],
                                        beside x targets,
                                        smoothingOf sizes[2],
                                        zLossOf sizes[3]
                                    )

                                loss
                    }
        }
        {
            Name = "LinearCrossEntropy"
            Dimensions = [ "N"; "V-1"; "C"; "smoothing"; "z" ]
            Most = [ 150; 90; 20; 2; 3 ]
            Call =
                fun sizes random ->
                    // One word leaves nothing to learn: its loss is rounding.
                    let V = sizes[1] + 1
                    let targets = labels random sizes[0] V

                    {
                        Inputs = [| normal random [ sizes[0]; sizes[2] ]; normal random [ V; sizes[2] ] |]
                        Run =
                            fun x ->
                                let struct (loss, _, _, _) =
                                    Ops.LinearCrossEntropy(
                                        x[0],
                                        x[1],
                                        beside x targets,
                                        smoothingOf sizes[3],
                                        zLossOf sizes[4]
                                    )

                                loss
                    }
        }
    ]

/// Sizes from 1 to the operator's most, half of them small; shrinks each size towards 1.
let cases =
    let sizeUpTo most =
        Gen.oneof [ Gen.choose (1, min most 5); Gen.choose (1, most) ]

    let make =
        gen {
            let! operator = Gen.elements operators
            let! sizes = operator.Most |> List.map sizeUpTo |> Gen.sequenceToList
            let! seed = Gen.choose (0, 1_000_000)
            let! strided = Gen.elements [ true; false ]

            return
                {
                    Operator = operator
                    Sizes = sizes
                    Seed = seed
                    Strided = strided
                }
        }

    let smaller case =
        seq {
            if case.Strided then
                { case with Strided = false }

            for at in 0 .. case.Sizes.Length - 1 do
                let size = case.Sizes[at]

                for less in [ 1; size / 2; size - 1 ] do
                    if less >= 1 && less < size then
                        { case with
                            Sizes = List.updateAt at less case.Sizes
                        }
        }

    Arb.fromGenShrink (make, smaller)

/// The gradient that a backward pass left.
let gradientOf (x: Tensor) = nonNull x.grad

/// The same shape, type and numbers; a NaN differs from everything.
let same (a: Tensor) (b: Tensor) =
    a.dtype = b.dtype && a.shape = b.shape && a.eq(b).all().item<bool>()

/// Runs f with the native kernels on or off. Tests that use it are in the collection "kernels", which runs alone.
let withNative native f =
    let before = Ops.UseNative
    Ops.UseNative <- native

    try
        f ()
    finally
        Ops.UseNative <- before

/// Both ways of an operator, native first.
let both f = (withNative true f, withNative false f)

/// The same numbers in memory where the last two dimensions have changed places.
let private transposed (x: Tensor) =
    if x.dim () < 2L then
        x
    else
        x.transpose(-1L, -2L).contiguous().transpose(-1L, -2L)

/// The operator's result and the gradient of each input, for one cotangent that depends on the seed only.
/// Inputs are rounded to `rounded` first and computed in `dtype` on a device.
let outcomeOn
    (device: torch.Device)
    (case: Case)
    native
    (rounded: torch.ScalarType)
    (dtype: torch.ScalarType)
    : Tensor[] =
    withNative native (fun () ->
        let random = Random case.Seed
        let call = case.Operator.Call case.Sizes random

        let inputs =
            call.Inputs
            |> Array.map (fun x ->
                x.to_type(rounded).to_type(dtype).``to``(device).clone().detach().requires_grad_())

        let result = call.Run(if case.Strided then Array.map transposed inputs else inputs)
        let shape = result.shape |> Array.map int |> List.ofArray

        let cotangent =
            (normal random shape).to_type(rounded).to_type(result.dtype).``to``(device)

        (result * cotangent).sum().backward()

        Array.append [| result.detach () |] (Array.map gradientOf inputs)
        |> Array.map _.cpu())

/// As `outcomeOn` the processor.
let outcome case native rounded dtype =
    outcomeOn torch.CPU case native rounded dtype
