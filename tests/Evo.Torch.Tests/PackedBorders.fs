/// Where sequences of a packed row begin: empty ones at the end change nothing, so rows of few shapes hold any number of them.
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
type ``Borders of packed sequences``() =

    static let float64 = torch.ScalarType.Float64

    static let int32s (values: int list) =
        torch.tensor (Array.ofList values, dtype = Nullable torch.ScalarType.Int32)

    /// Attention and its gradients on a device, of borders that it is sent or that it is given.
    static let outcome
        (device: torch.Device)
        (dtype: torch.ScalarType)
        (sent: SentBorders option)
        (borders: int list)
        =
        let random = Random 5
        let tokens = List.last borders

        let x =
            [
                for heads in [ 4; 2; 2 ] ->
                    (normal random [ 1; tokens; heads; 8 ])
                        .to_type(dtype)
                        .``to``(device)
                        .detach()
                        .requires_grad_()
            ]

        let y =
            Ops.CausalAttention(x[0], x[1], x[2], 0.3, int32s borders, sent = (sent |> Option.toObj))

        (y * y).sum().backward()
        y.detach().cpu() :: [ for x in x -> (gradientOf x).cpu() ]

    static let rows =
        gen {
            let! lengths = Gen.nonEmptyListOf (Gen.choose (1, 90))
            let! empty = Gen.choose (0, 20)
            let borders = List.truncate 6 lengths |> List.scan (+) 0
            return borders, borders @ List.replicate empty (List.last borders)
        }

    [<Theory; InlineData true; InlineData false>]
    member _.``that go on with empty ones at the end give the same bits``(native: bool) =
        check
            100
            (Prop.forAll (Arb.fromGen rows) (fun (borders, padded) ->
                withNative native (fun () ->
                    for dtype in [ float64; torch.ScalarType.BFloat16 ] do
                        let plain = outcome torch.CPU dtype None borders
                        Assert.True(List.forall2 same plain (outcome torch.CPU dtype None padded))

                        // On the processor those that were sent are read where they are, too.
                        let sent = SentBorders(int32s padded, int64 (List.last borders))
                        Assert.True(List.forall2 same plain (outcome torch.CPU dtype (Some sent) borders)))))

    [<Fact>]
    member _.``on a GPU are not looked at where they were sent, and mean the same``() =
        Assert.SkipUnless(torch.cuda.is_available (), "libtorch finds no GPU here")
        let borders = [ 0; 3; 130; 131; 300 ]
        let padded = (int32s (borders @ List.replicate 4 300)).``to`` torch.CUDA

        for longest in [ 169L; 300L ] do
            let expected = outcome torch.CPU float64 None borders
            let before = HostReads.OfThisThread

            let found =
                outcome torch.CUDA torch.ScalarType.BFloat16 (Some(SentBorders(padded, longest))) borders
            // The four that this test itself brings over.
            Assert.Equal(before + 4L, HostReads.OfThisThread)
            let floor = 0.1 * (expected |> List.map largest |> List.max)
            Assert.True(List.max (List.map2 (differenceAbove floor) found expected) <= 4e-2)
