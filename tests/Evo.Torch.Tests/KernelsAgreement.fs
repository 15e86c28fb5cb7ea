/// How laws of the kernels are checked: many cases, and the distance of two outcomes of one.
module Evo.Torch.Tests.KernelsAgreement

open System
open FsCheck
open FsCheck.FSharp
open Evo.Torch.Tests.KernelsInputs
open Evo.Torch.Tests.KernelsCases
open TorchSharp
open Xunit

/// The largest absolute entry, 0 of an empty tensor.
let largest (x: Tensor) =
    if x.numel () = 0L then
        0.0
    else
        x.to_type(torch.ScalarType.Float64).abs().max().item<double>()

/// The largest difference, relative to the largest entry of what is expected, or to `floor` if that is more.
let differenceAbove floor (actual: Tensor) (expected: Tensor) =
    let wide (x: Tensor) = x.to_type torch.ScalarType.Float64
    largest (wide actual - wide expected) / max (largest expected) floor

/// The largest difference, relative to the largest entry of what is expected.
let difference actual expected = differenceAbove 1e-6 actual expected

let near bound actual expected =
    Assert.InRange(difference actual expected, 0.0, bound)

/// The same cases on every run, since a bound on rounding is a matter of chance; EVO_TEST_SEED=random draws others.
let check (tests: int) property =
    let config = Config.QuickThrowOnFailure.WithMaxTest tests

    let config =
        if Environment.GetEnvironmentVariable "EVO_TEST_SEED" = "random" then
            config
        else
            config.WithReplay(Some { Rnd = Rnd(2026UL, 1UL); Size = None })

    Check.One(config, property)

let private names (case: Case) count =
    [ "result"; yield! List.init (count - 1) (sprintf "gradient %d") ]

/// Each quantity of two outcomes within a bound, with the worst one in the label. Where a gradient is nothing in exact
/// arithmetic (one key to attend to, one channel to normalise), a tenth of the outcome's largest entry is the measure;
/// for a loss and its gradient, which are differences of probabilities and logits, it is 1.
let agree bound case (actual: Tensor[]) (expected: Tensor[]) =
    let floor =
        max
            (if expected[0].dim() = 0L then 1.0 else 1e-6)
            (0.1 * (expected |> Array.map largest |> Array.max))


    let errors =
        Array.map2 (differenceAbove floor) actual expected
        |> Array.zip (names case expected.Length |> Array.ofList)

    let worst, error =
        errors
        |> Array.maxBy (fun (_, error) -> if Double.IsNaN error then infinity else error)

    (error <= bound)
    |> Prop.label $"{worst} differs by {error:g3}, bound {bound:g3}"
