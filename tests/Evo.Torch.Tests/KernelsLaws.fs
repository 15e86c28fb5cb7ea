/// What every kernel obeys: it means what its plain form means, its backward is its derivative, and its bits do not change.
namespace Evo.Torch.Tests

open System
open FsCheck
open FsCheck.FSharp
open Xunit
open TorchSharp
open Evo.Torch
open Evo.Torch.Tests.KernelsInputs
open Evo.Torch.Tests.KernelsCases
open Evo.Torch.Tests.KernelsAgreement

/// Tests that switch the kernels on and off or change the number of threads; nothing else runs beside them.
[<CollectionDefinition("kernels", DisableParallelization = true)>]
type KernelsCollection() = class end

[<Collection("kernels")>]
type ``Every kernel``() =

    [<Fact>]
    member _.``equals its plain form in float64, with its gradients``() =
        check
            300
            (Prop.forAll cases (fun case ->
                let run native =
                    outcome case native torch.ScalarType.Float64 torch.ScalarType.Float64

                agree 1e-12 case (run true) (run false)))

    [<Fact>]
    member _.``in float32 is within rounding of its plain form in float64``() =
        check
            200
            (Prop.forAll cases (fun case ->
                let float32 = torch.ScalarType.Float32

                agree
                    1e-5
                    case
                    (outcome case true float32 float32)
                    (outcome case false float32 torch.ScalarType.Float64)))

    [<Fact>]
    member _.``in bfloat16 is within rounding of its plain form in float64``() =
        check
            100
            (Prop.forAll cases (fun case ->
                let bfloat16 = torch.ScalarType.BFloat16

                agree
                    4e-2
                    case
                    (outcome case true bfloat16 bfloat16)
                    (outcome case false bfloat16 torch.ScalarType.Float64)))

    [<Fact>]
    member _.``has the same bits on a second run and with one thread``() =
        // Matrix products are a library's: how it divides their sums among threads is its own affair.
        let ofOurs (case: Case) =
            not (
                List.contains
                    case.Operator.Name
                    ("Linear" :: "LinearCrossEntropy" :: KernelsFused.products
                     @ KernelsExperts.products)
            )

        let threads = torch.get_num_threads ()

        check
            150
            (Prop.forAll cases (fun case ->
                let run () =
                    outcome case true torch.ScalarType.Float32 torch.ScalarType.Float32

                let first, second = run (), run ()
                torch.set_num_threads 1

                try
                    let third = if ofOurs case then run () else first

                    (Array.forall2 same first second |> Prop.label "second run")
                    .&. (Array.forall2 same first third |> Prop.label "one thread")
                finally
                    torch.set_num_threads threads))

    [<Fact>]
    member _.``has a backward that is its derivative``() =
        check
            100
            (Prop.forAll cases (fun case ->
                let step = 1e-5
                let random = Random case.Seed
                let call = case.Operator.Call case.Sizes random
                let gradients = outcome case true torch.ScalarType.Float64 torch.ScalarType.Float64

                let result = gradients[0]
                let cotangent = normal random (result.shape |> Array.map int |> List.ofArray)

                let direction =
                    call.Inputs
                    |> Array.map (fun x -> normal random (x.shape |> Array.map int |> List.ofArray))

                let at (factor: float) =
                    let moved =
                        Array.map2
                            (fun (x: Tensor) (u: Tensor) -> x + u * Scalar.op_Implicit factor)
                            call.Inputs
                            direction

                    withNative true (fun () -> (call.Run moved * cotangent).sum().item<double>())

                let slope = (at step - at -step) / (2.0 * step)

                let predicted =
                    Array.map2
                        (fun (g: Tensor) (u: Tensor) -> (g * u).sum().item<double>())
                        gradients[1..]
                        direction
                    |> Array.sum

                let size = max 1.0 (abs predicted)

                (abs (slope - predicted) <= 1e-6 * size * 10.0)
                |> Prop.label $"slope {slope:g9}, from the gradients {predicted:g9}"))
