/// The end of a gated MLP as one operator: the composition's bits, without keeping what gate and up make.
namespace Evo.Torch.Tests

open System
open Evo.Torch
open Evo.Torch.Tests.KernelsInputs
open Evo.Torch.Tests.KernelsCases
open TorchSharp
open TorchSharp.Modules
open Xunit

[<Collection("kernels")>]
type ``The end of a gated MLP``() =

    let tokens, inner, outer = 37, 45, 29

    let composed (kind: string) (pair: Tensor) (weight: Tensor) (bias: Tensor | null) =
        use product = Ops.GatedPair(kind, pair)
        Ops.Linear(product, weight, bias)

    let drawn (dtype: torch.ScalarType) seed shape =
        (normal (Random seed) shape).``to`` dtype

    /// Result and gradients; null where there is none.
    let outcome dtype (wanted: bool list) biased run =
        let leaf seed shape wants =
            (drawn dtype seed shape).requires_grad_ wants

        let pair, weight =
            leaf 1 [ 1; tokens; 2 * inner ] wanted[0], leaf 2 [ outer; inner ] wanted[1]

        let bias = leaf 3 [ outer ] wanted[2]
        let y: Tensor = run pair weight (if biased then bias else null)
        y.backward (ResizeArray [ drawn dtype 4 [ 1; tokens; outer ] ])

        [
            Some(y.detach ())
            Option.ofObj pair.grad
            Option.ofObj weight.grad
            Option.ofObj bias.grad
        ]

    let alike expected found =
        for one, other in List.zip expected found do
            match one, other with
            | Some one, Some other -> Assert.True(same one other)
            | one, other -> Assert.Equal(one.IsSome, other.IsSome)

    [<Fact>]
    member _.``has the bits of its parts, whoever wants a gradient``() =
        for kind in [ "silu"; "gelu_new"; "relu" ] do
            for dtype in [ torch.float32; torch.float64; torch.bfloat16 ] do
                for wanted in
                    [
                        [ true; true; true ]
                        [ true; false; false ]
                        [ false; true; true ]
                        [ false; true; false ]
                    ] do
                    for biased in [ true; false ] do
                        alike
                            (outcome dtype wanted biased (composed kind))
                            (outcome dtype wanted biased (fun pair weight bias ->
                                Ops.GatedLinear(kind, pair, weight, bias)))

    [<Fact>]
    member _.``keeps gate and up alone``() =
        let kept (run: Tensor -> Tensor -> Tensor) =
            use _ = torch.NewDisposeScope()

            let pair, weight =
                (torch.ones [| 1000L; 512L |]).requires_grad_(), (torch.ones [| 8L; 256L |]).requires_grad_()

            GC.Collect()
            GC.WaitForPendingFinalizers()
            let before = NativeMemory.BytesAllocated
            use y = run pair weight
            NativeMemory.BytesAllocated - before

        let result, product = 4L * 1000L * 8L, 4L * 1000L * 256L
        let ours = kept (fun pair weight -> Ops.GatedLinear("silu", pair, weight))
        Assert.InRange(ours, result, result + 10_000L)
        let parts = kept (fun pair weight -> composed "silu" pair weight null)
        Assert.InRange(parts, result + product, result + product + 10_000L)

    [<Fact>]
    member _.``whose weight's gradient is put off, has the same bits``() =
        for kind in [ "silu"; "gelu_new" ] do
            for dtype in [ torch.float32; torch.float64 ] do
                for biased in [ true; false ] do
                    for inPlace in [ true; false ] do
                        let gradients later =
                            let parameter seed shape =
                                let made = new Parameter(drawn dtype seed shape)
                                made.grad <- torch.zeros (made.shape, dtype)

                                if inPlace then
                                    GradientSums.AddInPlace made

                                later |> Option.iter (fun (later: WeightGradients) -> later.PutOff made)

                                made

                            let pair = (drawn dtype 1 [ tokens; 2 * inner ]).requires_grad_()
                            let weight, bias = parameter 2 [ outer; inner ], parameter 3 [ outer ]

                            let added: Tensor | null = if biased then bias else null

                            for _ in 1..2 do
                                let y = Ops.GatedLinear(kind, pair, weight, added)
                                y.square().sum().backward()

                            later
                            |> Option.iter (fun later ->
                                Assert.Equal(2, later.Count)
                                Assert.Equal(0.0, (gradientOf weight).abs().sum().ToDouble())
                                later.Take().Invoke())

                            [ pair.grad; weight.grad; bias.grad ] |> List.map Option.ofObj

                        alike (gradients None) (gradients (Some(WeightGradients())))

    [<Fact>]
    member _.``takes no tokens, and says what does not meet``() =
        let weight = (torch.ones ([| 3L; 4L |], torch.float64)).requires_grad_()

        let nothing = (torch.zeros ([| 2L; 0L; 8L |], torch.float64)).requires_grad_()

        let y = Ops.GatedLinear("silu", nothing, weight)
        Assert.Equal<int64[]>([| 2L; 0L; 3L |], y.shape)
        y.sum().backward()
        Assert.Equal(0.0, (gradientOf weight).abs().sum().ToDouble())

        let error =
            Assert.ThrowsAny<Exception>(fun () ->
                Ops.GatedLinear("silu", torch.ones ([| 2L; 6L |], torch.float64), weight)
                |> ignore)

        for word in [ "evo::gated_linear"; "[2, 6]"; "[3, 4]" ] do
            Assert.Contains(word, error.Message)
