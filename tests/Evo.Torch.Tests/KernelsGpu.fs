/// What the kernels for GPUs obey: they mean what the plain form means on the processor.
namespace Evo.Torch.Tests

open System
open FsCheck.FSharp
open Xunit
open TorchSharp
open Evo.Torch
open Evo.Torch.Tests.KernelsInputs
open Evo.Torch.Tests.KernelsCases
open Evo.Torch.Tests.KernelsAgreement

[<Collection("kernels")>]
type ``Every kernel on a GPU``() =

    static let float64 = torch.ScalarType.Float64

    static let needGpu () =
        Assert.SkipUnless(torch.cuda.is_available (), "libtorch finds no GPU here")

    static let within bound dtype =
        needGpu ()

        check
            150
            (Prop.forAll cases (fun case ->
                agree
                    bound
                    case
                    (outcomeOn torch.CUDA case true dtype dtype)
                    (outcome case false dtype float64)))

    /// Attention as libtorch's flash attention takes it.
    static let flash
        (heads: int)
        (shared: int)
        (size: int)
        (borders: int list)
        (window: int)
        (dtype: torch.ScalarType)
        =
        let tokens = List.last borders
        let random = Random(heads + 10 * size + tokens)

        let call (device: torch.Device) native (dtype: torch.ScalarType) (inputs: Tensor list) =
            withNative native (fun () ->
                let x =
                    [
                        for x in inputs -> x.``to``(dtype).``to``(device).clone().detach().requires_grad_()
                    ]

                let cuSeqlens =
                    if borders.Length = 2 then
                        null
                    else
                        torch.tensor (Array.ofList borders, dtype = Nullable torch.ScalarType.Int32)

                let y = Ops.CausalAttention(x[0], x[1], x[2], 0.3, cuSeqlens, window = int64 window)
                (y * y).sum().backward()
                [ yield y.detach().cpu(); for x in x -> (gradientOf x).cpu() ])

        let inputs =
            [
                for h in [ heads * shared; heads; heads ] ->
                    (normal random [ 1; tokens; h; size ]).``to`` dtype
            ]

        let found, expected =
            call torch.CUDA true dtype inputs, call torch.CPU false float64 inputs

        // Where a query sees one key only, the gradients of both are nothing.
        let floor = 0.1 * (expected |> List.map largest |> List.max)
        List.map2 (differenceAbove floor) found expected |> List.max

    [<Fact>]
    member _.``equals the plain form in float64, with its gradients``() = within 1e-12 float64

    [<Fact>]
    member _.``in float32 is within rounding of the plain form in float64``() =
        within 1e-5 torch.ScalarType.Float32

    [<Fact>]
    member _.``in bfloat16 is within rounding of the plain form in float64``() =
        within 4e-2 torch.ScalarType.BFloat16

    [<Fact>]
    member _.``in float16 is within rounding of the plain form in float64``() =
        within 1e-2 torch.ScalarType.Float16

    [<Fact>]
    member _.``has the same bits on a second run``() =
        needGpu ()

        check
            100
            (Prop.forAll cases (fun case ->
                let run () =
                    outcomeOn torch.CUDA case true torch.ScalarType.Float32 torch.ScalarType.Float32

                Array.forall2 same (run ()) (run ())))

    [<Fact>]
    member _.``of AdamW writes nothing where the factor is not finite``() =
        needGpu ()

        for stored in
            [
                float64
                torch.ScalarType.Float32
                torch.ScalarType.BFloat16
                torch.ScalarType.Float16
            ] do
            for copied in [ stored; torch.ScalarType.BFloat16 ] do
                let wide =
                    if stored = float64 then
                        float64
                    else
                        torch.ScalarType.Float32

                let flat dtype =
                    (normal (Random 1) [ 70_001 ]).``to``(torch.CUDA).to_type(dtype).clone()

                let gradient, state = flat stored, [ flat wide; flat wide; flat wide; flat copied ]
                let before = state |> List.map _.clone()

                for factor in [ nan; infinity ] do
                    use factor = (torch.tensor factor).``to`` torch.CUDA

                    Ops.AdamW(
                        state[0],
                        gradient,
                        state[1],
                        state[2],
                        1e-2,
                        0.9,
                        0.95,
                        1e-8,
                        0.1,
                        1L,
                        1.0,
                        state[3],
                        factor
                    )

                Assert.True(List.forall2 same before state)

    [<Theory; InlineData(1, 1, 8); InlineData(2, 3, 64); InlineData(2, 1, 128); InlineData(1, 4, 256)>]
    member _.``attention in half precision is that of the plain form, packed and in a window``
        (heads: int, shared: int, size: int)
        =
        needGpu ()

        for dtype, bound in [ torch.ScalarType.BFloat16, 4e-2; torch.ScalarType.Float16, 1e-2 ] do
            for borders in
                [
                    [ 0; 1 ]
                    [ 0; 200 ]
                    [ 0; 128 ]
                    [ 0; 128; 256; 384 ]
                    [ 0; 3; 130; 131; 300 ]
                ] do
                for window in [ 0; 1; 70 ] do
                    let error = flash heads shared size borders window dtype
                    Assert.True(error <= bound, $"{dtype}, {borders}, window {window}: {error:g3}")
