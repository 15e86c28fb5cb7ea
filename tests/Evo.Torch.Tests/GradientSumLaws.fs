/// Gradients that a kernel's backward adds where they are summed are those that autograd would have added.
namespace Evo.Torch.Tests

open System
open Evo.Torch
open Evo.Torch.Tests.KernelsInputs
open Evo.Torch.Tests.KernelsCases
open TorchSharp
open TorchSharp.Modules
open Xunit

[<Collection("kernels")>]
type ``A gradient added in place``() =

    /// Parameters of these shapes, one behind the other in one buffer, as are their gradients.
    let flat (dtype: torch.ScalarType) (shapes: int64 list list) inPlace =
        let lengths = shapes |> List.map (List.fold (*) 1L)
        let weights = (seeded 7 [ int (List.sum lengths) ]).``to`` dtype
        let sums = torch.zeros ([| List.sum lengths |], dtype)

        let parameters =
            List.zip3 shapes lengths (List.scan (+) 0L lengths |> List.take lengths.Length)
            |> List.map (fun (shape, length, start) ->
                let view (buffer: torch.Tensor) =
                    buffer.narrow(0L, start, length).view(Array.ofList shape)

                let parameter = new Parameter((view weights).detach())
                parameter.grad <- view sums

                if inPlace then
                    GradientSums.AddInPlace parameter

                parameter :> torch.Tensor)

        parameters, sums

    /// Gradients of the parameters after two backward passes, and that of the input of the last.
    let twice dtype shapes inPlace (loss: torch.Tensor list -> torch.Tensor -> torch.Tensor) =
        // The numbers are read from the buffer: that is where whoever added them has to have added them.
        let parameters, sums = flat dtype shapes inPlace

        let ofInput =
            [ 1; 2 ]
            |> List.map (fun pass ->
                let x = ((seeded pass [ 3; 5; 4 ]).``to`` dtype).requires_grad_()
                (loss parameters x).backward()
                x.grad |> Option.ofObj |> Option.map (fun grad -> grad.clone ()))
            |> List.last

        sums, ofInput

    let ids =
        torch.tensor [| 0L; 3L; 3L; 1L; 6L; 0L; 2L; 3L; 5L; 5L; 6L; 1L; 1L; 4L; 0L |]

    let uses: (string * int64 list list * (torch.Tensor list -> torch.Tensor -> torch.Tensor)) list =
        [
            "a linear map", [ [ 6L; 4L ] ], (fun w x -> Ops.Linear(x, w[0]).square().sum())
            "with a bias", [ [ 6L; 4L ]; [ 6L ] ], (fun w x -> Ops.Linear(x, w[0], w[1]).square().sum())
            "several of one input",
            [ [ 6L; 4L ]; [ 2L; 4L ]; [ 3L; 4L ] ],
            (fun w x -> Ops.LinearMany(x, ResizeArray w, ResizeArray [ null; null; null ]).square().sum())
            "several with biases",
            [ [ 6L; 4L ]; [ 6L ]; [ 3L; 4L ]; [ 3L ] ],
            (fun w x ->
                Ops.LinearMany(x, ResizeArray [ w[0]; w[2] ], ResizeArray [ w[1]; w[3] ]).square().sum())
            "several with biases, each kind in one place",
            [ [ 6L; 4L ]; [ 3L; 4L ]; [ 6L ]; [ 3L ] ],
            (fun w x -> Ops.LinearMany(x, ResizeArray w[..1], ResizeArray [ w[2]; w[3] ]).square().sum())
            "several, one with a bias",
            [ [ 6L; 4L ]; [ 3L; 4L ]; [ 3L ] ],
            (fun w x ->
                Ops.LinearMany(x, ResizeArray w[..1], ResizeArray [ null; withNull w[2] ]).square().sum())
            "the end of a gated MLP",
            [ [ 6L; 2L ]; [ 6L ] ],
            (fun w x -> Ops.GatedLinear("silu", x, w[0], w[1]).square().sum())
            "the end of an MLP without a gate",
            [ [ 6L; 4L ]; [ 6L ] ],
            (fun w x -> Ops.ActivatedLinear("gelu_new", x, null, w[0], w[1]).square().sum())
            "experts, one without rows",
            [ [ 3L; 6L; 4L ] ],
            (fun w x -> Ops.GroupedLinear(x.flatten (0L, 1L), [| 4L; 0L; 11L |], w[0]).square().sum())
            "two maps of experts",
            [ [ 3L; 6L; 4L ]; [ 3L; 6L; 4L ] ],
            (fun w x -> Ops.GroupedLinear(x.flatten (0L, 1L), [| 4L; 0L; 11L |], w[0], w[1]).square().sum())
            "experts' layers",
            [ [ 2L; 6L; 4L ]; [ 2L; 6L; 4L ]; [ 2L; 4L; 6L ] ],
            (fun w x ->
                Ops.GroupedMlp(x.flatten (0L, 1L), [| 7L; 8L |], w[0], w[1], w[2], "silu").square().sum())
            "a head and its loss",
            [ [ 7L; 4L ] ],
            (fun w x ->
                let struct (sum, _, _, _) =
                    Ops.LinearCrossEntropy(x.flatten (0L, 1L), w[0], ids, 0.1)

                sum / 3.0)
            "a table",
            [ [ 7L; 4L ] ],
            (fun w x -> (Ops.Embedding(ids.view (3L, 5L), w[0]) * x.detach ()).square().sum())
        ]

    [<Fact>]
    member _.``is the gradient that autograd adds``() =
        for name, shapes, loss in uses do
            for dtype, tolerance in [ torch.float64, 1e-13; torch.float32, 1e-5; torch.bfloat16, 3e-2 ] do
                let ours, ofX = twice dtype shapes true loss
                let theirs, ofTheirX = twice dtype shapes false loss
                let size = theirs.abs().max().to_type(torch.float64).item<double>()
                Assert.True(size > 0.1, name)
                let off = (ours - theirs).abs().max().to_type(torch.float64).item<double>()
                Assert.True(off <= tolerance * size, $"{name}, {dtype}: off by {off} of {size}")
                Assert.Equal(ofTheirX.IsSome, ofX.IsSome)

                if ofX.IsSome then
                    Assert.True(same ofTheirX.Value ofX.Value, name)

    [<Fact>]
    member _.``is written to a sum that was left unwritten, and added to it afterwards``() =
        for name, shapes, loss in uses do
            for dtype in [ torch.float64; torch.float32; torch.bfloat16 ] do
                let gradients unwritten =
                    let parameters, sums = flat dtype shapes true

                    let hooks =
                        if unwritten then
                            sums.fill_ (Scalar.op_Implicit Double.NaN) |> ignore

                            [
                                for parameter in parameters do
                                    let grad = gradientOf parameter
                                    GradientSums.LeaveUnwritten grad
                                    GradientSums.CompleteBeforeAutograd(parameter :?> Parameter, grad)
                            ]
                        else
                            []

                    let read =
                        [
                            for pass in [ 1; 2 ] do
                                let x = ((seeded pass [ 3; 5; 4 ]).``to`` dtype).requires_grad_()
                                (loss parameters x).backward()
                                GradientSums.Complete sums
                                sums.clone ()
                        ]

                    hooks |> List.iter _.Dispose()
                    read

                for expected, found in List.zip (gradients false) (gradients true) do
                    Assert.True(same expected found, $"{name}, {dtype}: {expected} and {found}")

    [<Fact>]
    member _.``that nothing was added to is zero when it is complete``() =
        let sums = torch.full ([| 12L |], Scalar.op_Implicit Double.NaN)
        GradientSums.LeaveUnwritten(sums.narrow (0L, 0L, 4L))
        GradientSums.LeaveUnwritten(sums.narrow (0L, 8L, 4L))
        GradientSums.Complete(sums.narrow (0L, 0L, 8L))
        Assert.Equal(8L, sums.isnan().sum().item<int64>())
        GradientSums.Complete sums
        GradientSums.Complete sums
        Assert.Equal(4L, sums.isnan().sum().item<int64>())
        Assert.Equal(0.0, (sums.nansum ()).ToDouble())

    [<Fact>]
    member _.``is not added to a gradient of another type, which autograd refuses, nor where there is none``
        ()
        =
        let weight = new Parameter(seeded 1 [ 6; 4 ])
        GradientSums.AddInPlace weight
        Ops.Linear(seeded 2 [ 3; 4 ], weight).sum().backward()
        Assert.Equal<int64[]>([| 6L; 4L |], (gradientOf weight).shape)

    [<Fact>]
    member _.``makes no tensor of the weights' size``() =
        let most inPlace shape (call: torch.Tensor -> torch.Tensor -> torch.Tensor) =
            use _ = torch.NewDisposeScope()
            let parameters, _ = flat torch.float32 [ shape ] inPlace
            use x = (torch.ones [| 4L; 1000L |]).requires_grad_()
            use sum = (call x parameters[0]).sum()
            let before = NativeMemory.BytesAllocated
            NativeMemory.ResetPeak()
            sum.backward ()
            NativeMemory.PeakBytes - before

        for shape, call in
            [
                [ 2000L; 1000L ], (fun x w -> Ops.Linear(x, w))
                [ 2000L; 1000L ], (fun x w -> Ops.GatedLinear("silu", torch.cat ([| x; x |], -1L), w))
                [ 2000L; 1000L ], (fun x w -> Ops.ActivatedLinear("silu", x, null, w))
                [ 4L; 500L; 1000L ], (fun x w -> Ops.GroupedLinear(x, [| 1L; 0L; 2L; 1L |], w))
            ] do
            Assert.InRange(most true shape call, 0L, 2_000_000L)
            Assert.InRange(most false shape call, 8_000_000L, 20_000_000L)
