/// The end of an MLP as one operator: the composition's bits, without keeping what stands inside.
namespace Evo.Torch.Tests

open System
open Evo.Torch
open Evo.Torch.Tests.KernelsInputs
open Evo.Torch.Tests.KernelsCases
open TorchSharp
open TorchSharp.Modules
open Xunit

/// What an end reads: the product before it, of which each number inside takes so many, and what is added to that.
type MlpEnd =
    {
        Name: string
        Each: int
        HasAdded: bool
        Fused: string -> Tensor -> Tensor | null -> Tensor -> Tensor | null -> Tensor
        Composed: string -> Tensor -> Tensor | null -> Tensor -> Tensor | null -> Tensor
    }

[<Collection("kernels")>]
type ``The end of an MLP``() =

    let tokens, inner, outer = 37, 45, 29

    let gated =
        {
            Name = "evo::gated_linear"
            Each = 2
            HasAdded = false
            Fused = fun kind x _ weight bias -> Ops.GatedLinear(kind, x, weight, bias)
            Composed =
                fun kind x _ weight bias ->
                    use product = Ops.GatedPair(kind, x)
                    Ops.Linear(product, weight, bias)
        }

    let activated hasAdded =
        {
            Name = "evo::activated_linear"
            Each = 1
            HasAdded = hasAdded
            Fused = fun kind x added weight bias -> Ops.ActivatedLinear(kind, x, added, weight, bias)
            Composed =
                fun kind x added weight bias ->
                    use active = Ops.Activation(kind, x, added)
                    Ops.Linear(active, weight, bias)
        }

    let ends = [ gated; activated true; activated false ]

    let drawn (dtype: torch.ScalarType) seed shape =
        (normal (Random seed) shape).``to`` dtype

    let orNone condition (value: Tensor) : Tensor | null = if condition then value else null

    /// Result and gradients; null where there is none.
    let outcome dtype (wanted: bool list) biased (mlp: MlpEnd) run =
        let leaf seed shape wants =
            (drawn dtype seed shape).requires_grad_ wants

        let x, weight =
            leaf 1 [ 1; tokens; mlp.Each * inner ] wanted[0], leaf 2 [ outer; inner ] wanted[1]

        let bias, added = leaf 3 [ outer ] wanted[2], leaf 5 [ inner ] wanted[3]
        let y: Tensor = run x (orNone mlp.HasAdded added) weight (orNone biased bias)
        y.backward (ResizeArray [ drawn dtype 4 [ 1; tokens; outer ] ])

        [
            Some(y.detach ())
            Option.ofObj x.grad
            Option.ofObj weight.grad
            Option.ofObj bias.grad
            Option.ofObj added.grad
        ]

    let alike what expected found =
        for one, other in List.zip expected found do
            match one, other with
            | Some one, Some other -> Assert.True(same one other, what)
            | one, other -> Assert.Equal(one.IsSome, other.IsSome)

    [<Fact>]
    member _.``has the bits of its parts, whoever wants a gradient``() =
        for mlp in ends do
            for kind in [ "silu"; "gelu_new"; "relu" ] do
                for dtype in [ torch.float32; torch.float64; torch.bfloat16 ] do
                    for wanted in
                        [
                            [ true; true; true; true ]
                            [ true; false; false; false ]
                            [ false; true; true; true ]
                            [ false; true; true; false ]
                            [ false; true; false; false ]
                        ] do
                        for biased in [ true; false ] do
                            alike
                                $"{mlp.Name} {kind} {dtype} {wanted}"
                                (outcome dtype wanted biased mlp (mlp.Composed kind))
                                (outcome dtype wanted biased mlp (mlp.Fused kind))

    [<Fact>]
    member _.``keeps what it reads alone``() =
        for mlp in ends do
            let kept (run: Tensor -> Tensor | null -> Tensor -> Tensor | null -> Tensor) =
                use _ = torch.NewDisposeScope()
                let leaf (shape: int64 array) = (torch.ones shape).requires_grad_()
                let x, weight = leaf [| 1000L; int64 mlp.Each * 256L |], leaf [| 8L; 256L |]
                let added = orNone mlp.HasAdded (leaf [| 256L |])
                GC.Collect()
                GC.WaitForPendingFinalizers()
                let before = NativeMemory.BytesAllocated
                use y = run x added weight null
                NativeMemory.BytesAllocated - before

            let result, inside = 4L * 1000L * 8L, 4L * 1000L * 256L
            Assert.InRange(kept (mlp.Fused "silu"), result, result + 10_000L)
            Assert.InRange(kept (mlp.Composed "silu"), result + inside, result + inside + 10_000L)

    [<Fact>]
    member _.``whose weight's gradient is put off, has the same bits``() =
        for mlp in ends do
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

                                let x = (drawn dtype 1 [ tokens; mlp.Each * inner ]).requires_grad_()
                                let weight, bias = parameter 2 [ outer; inner ], parameter 3 [ outer ]
                                let added = (drawn dtype 5 [ inner ]).requires_grad_()

                                for _ in 1..2 do
                                    let y =
                                        mlp.Fused
                                            kind
                                            x
                                            (orNone mlp.HasAdded added)
                                            weight
                                            (orNone biased bias)

                                    y.square().sum().backward()

                                later
                                |> Option.iter (fun later ->
                                    Assert.Equal(2, later.Count)
                                    Assert.Equal(0.0, (gradientOf weight).abs().sum().ToDouble())
                                    later.Take().Invoke())

                                [ x.grad; weight.grad; bias.grad; added.grad ] |> List.map Option.ofObj

                            alike mlp.Name (gradients None) (gradients (Some(WeightGradients())))

    [<Fact>]
    member _.``takes no tokens, and says what does not meet``() =
        for mlp in ends do
            let weight = (torch.ones ([| 3L; 4L |], torch.float64)).requires_grad_()

            let nothing =
                (torch.zeros ([| 2L; 0L; 4L * int64 mlp.Each |], torch.float64)).requires_grad_()

            let added =
                orNone mlp.HasAdded ((torch.ones ([| 4L |], torch.float64)).requires_grad_())

            let y = mlp.Fused "silu" nothing added weight null
            Assert.Equal<int64[]>([| 2L; 0L; 3L |], y.shape)
            y.sum().backward()
            Assert.Equal(0.0, (gradientOf weight).abs().sum().ToDouble())

            let words (call: unit -> Tensor) (words: string list) =
                let error = Assert.ThrowsAny<Exception>(fun () -> call () |> ignore)

                for word in words do
                    Assert.Contains(word, error.Message)

            let ones shape =
                torch.ones ((shape: int64 array), torch.float64)

            let wide = ones [| 2L; 6L |]
            words (fun () -> mlp.Fused "silu" wide null weight null) [ mlp.Name; "[2, 6]"; "[3, 4]" ]

            let fits = ones [| 2L; 4L * int64 mlp.Each |]
            words (fun () -> mlp.Fused "silu" fits null weight (ones [| 5L |])) [ mlp.Name; "[5]"; "[3, 4]" ]

            if mlp.HasAdded then
                words
                    (fun () -> mlp.Fused "silu" fits (ones [| 7L |]) weight null)
                    [ mlp.Name; "[2, 4]"; "[7]" ]
