/// The update of flat buffers that decides by itself whether it is made.
namespace Evo.Torch.Tests

open System
open Xunit
open TorchSharp
open Evo.Torch
open Evo.Torch.Tests.KernelsInputs
open Evo.Torch.Tests.KernelsCases

[<Collection("kernels")>]
type ``AdamW``() =

    static let float64 = torch.ScalarType.Float64

    [<Theory; InlineData true; InlineData false>]
    member _.``takes a factor that lies where the buffers do, and writes nothing where it is not finite``
        native
        =
        let single, half = torch.ScalarType.Float32, torch.ScalarType.BFloat16

        let states dtype (copyType: torch.ScalarType) scale (factor: float option) =
            withNative native (fun () ->
                let master = (seeded 1 [ 70_001 ]).to_type(dtype).clone()
                let gradient = (seeded 2 [ 70_001 ]).to_type dtype
                let mean, square = torch.zeros_like master, torch.zeros_like master
                // No rounded weights: what must not be written would be seen. One of the old ones is a NaN of its own bits.
                let copy = torch.full_like (master, 7.0, Nullable copyType)
                (master[5L]).fill_(Scalar.op_Implicit Double.NaN) |> ignore
                use factor = factor |> Option.map (fun f -> torch.tensor f) |> Option.toObj

                let all () =
                    [ for t in [ master; mean; square; copy ] -> TensorBytes.Of(t).ToArray() ]

                let before = all ()

                Ops.AdamW(
                    master,
                    gradient,
                    mean,
                    square,
                    1e-2,
                    0.9,
                    0.95,
                    1e-8,
                    0.1,
                    3L,
                    scale,
                    copy,
                    factor
                )

                before, all ())

        for dtype, copyType in [ float64, float64; single, single; single, half; float64, half ] do
            let _, plain = states dtype copyType 0.15625 None
            let before, taken = states dtype copyType 0.625 (Some 0.25)
            Assert.Equal<byte[] list>(plain, taken)
            Assert.NotEqual<byte[] list>(before, taken)

            for broken in [ nan; infinity; -infinity ] do
                let before, left = states dtype copyType 1.0 (Some broken)
                Assert.Equal<byte[] list>(before, left)

    [<Fact>]
    member _.``refuses a factor that is none``() =
        let flat () = torch.zeros [| 4L |]

        for factor in [ torch.ones ([| 2L |], float64); torch.tensor 1.0f ] do
            let error =
                Assert.ThrowsAny<Exception>(fun () ->
                    Ops.AdamW(
                        flat (),
                        flat (),
                        flat (),
                        flat (),
                        0.1,
                        0.9,
                        0.99,
                        1e-8,
                        0.1,
                        1L,
                        1.0,
                        null,
                        factor
                    ))

            Assert.Contains("gradient_factor", error.Message)
