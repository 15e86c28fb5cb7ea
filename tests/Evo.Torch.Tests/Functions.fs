/// Autograd functions written in .NET, and activation recompute on top of them.
module Evo.Torch.Tests.Functions

open System
open System.Collections.Generic
open System.Threading.Tasks
open Xunit
open TorchSharp
open Evo.Torch
open Evo.Torch.Native
open Evo.Torch.Tests.Given

type Cube() =
    inherit torch.autograd.SingleTensorFunction<Cube>()
    override _.Name = "Cube"

    override _.forward(ctx, vars) =
        let x = vars[0] :?> torch.Tensor
        ctx.save_for_backward (List [ x ])
        ctx.save_data ("factor", vars[1])
        Aten.mul_Scalar (Aten.pow_Tensor_Scalar (x, number 3.0), number (vars[1] :?> float))

    override _.backward(ctx, gradient) =
        let x = ctx.get_saved_variables()[0]

        let slope =
            Aten.mul_Scalar (
                Aten.pow_Tensor_Scalar (x, number 2.0),
                number (3.0 * (ctx.get_data "factor" :?> float))
            )

        List [ Aten.mul_Tensor (gradient, slope); noGradient ]

type SumAndProduct() =
    inherit torch.autograd.MultiTensorFunction<SumAndProduct>()
    override _.Name = "SumAndProduct"

    override _.forward(ctx, vars) =
        let a, b = vars[0] :?> torch.Tensor, vars[1] :?> torch.Tensor
        ctx.save_for_backward (List [ a; b ])
        List [ Aten.add_Tensor (a, b); Aten.mul_Tensor (a, b) ]

    override _.backward(ctx, gradients) =
        let saved = ctx.get_saved_variables ()
        let bySum, byProduct = gradients[0], gradients[1]

        List
            [
                Aten.add_Tensor (bySum, Aten.mul_Tensor (byProduct, saved[1]))
                Aten.add_Tensor (bySum, Aten.mul_Tensor (byProduct, saved[0]))
            ]

type Identity() =
    inherit torch.autograd.SingleTensorFunction<Identity>()
    override _.Name = "Identity"
    override _.forward(_, vars) = vars[0] :?> torch.Tensor

    override _.backward(_, gradient) =
        List [ Aten.mul_Scalar (gradient, number 7.0) ]

type Failing() =
    inherit torch.autograd.SingleTensorFunction<Failing>()
    override _.Name = "Failing"

    override _.forward(_, vars) =
        if vars.Length > 1 then
            raise (TimeoutException "from forward")

        Aten.neg (vars[0] :?> torch.Tensor)

    override _.backward(_, _) =
        raise (TimeoutException "from backward")

type WrongCount() =
    inherit torch.autograd.SingleTensorFunction<WrongCount>()
    override _.Name = "WrongCount"
    override _.forward(_, vars) = Aten.neg (vars[0] :?> torch.Tensor)
    override _.backward(_, gradient) = List [ gradient; gradient; gradient ]

type WrongShape() =
    inherit torch.autograd.SingleTensorFunction<WrongShape>()
    override _.Name = "WrongShape"
    override _.forward(_, vars) = Aten.neg (vars[0] :?> torch.Tensor)
    override _.backward(_, _) = List [ Aten.ones (span [ 7L; 7L ]) ]

let private leaf (values: float list) =
    let x = doubles [ int64 values.Length ] values
    x.requires_grad <- true
    x

[<Fact>]
let ``a function with one output has the gradient that its backward says`` () =
    use x = leaf [ 1.0; 2.0 ]
    use y = Cube.apply (x, 2.0)
    Assert.Equal<float[]>([| 2.0; 16.0 |], valuesOf (y.detach ()))
    (Aten.sum y).backward()
    Assert.Equal<float[]>([| 6.0; 24.0 |], valuesOf (gradient x))

[<Fact>]
let ``a function with two outputs gets both gradients, zeros for the unused`` () =
    use a = leaf [ 2.0 ]
    use b = leaf [ 5.0 ]
    let outputs = SumAndProduct.apply (a, b)
    (Aten.sum outputs[1]).backward()
    Assert.Equal(5.0, (valuesOf (gradient a))[0])
    Assert.Equal(2.0, (valuesOf (gradient b))[0])

[<Fact>]
let ``a function may give its input back`` () =
    use x = leaf [ 1.0 ]
    use y = Identity.apply x
    Assert.NotSame(x, y)
    (Aten.sum y).backward()
    Assert.Equal(7.0, (valuesOf (gradient x))[0])

[<Fact>]
let ``without a gradient to compute nothing is recorded`` () =
    use x = doubles [ 1L ] [ 2.0 ]
    use y = Cube.apply (x, 1.0)
    Assert.False y.requires_grad
    use w = leaf [ 2.0 ]
    use _ = torch.no_grad ()
    Assert.False (Cube.apply (w, 1.0)).requires_grad

[<Fact>]
let ``exceptions of forward and backward arrive as themselves`` () =
    use x = leaf [ 1.0 ]

    let atForward =
        Assert.Throws<TimeoutException>(fun () -> Failing.apply (x, 1) |> ignore)

    Assert.Equal("from forward", atForward.Message)
    use y = Aten.sum (Failing.apply x)
    let atBackward = Assert.Throws<TimeoutException>(fun () -> y.backward ())
    Assert.Equal("from backward", atBackward.Message)
    Assert.Contains("backward", atBackward.StackTrace)

[<Fact>]
let ``a wrong number or shape of gradients is an exception`` () =
    use x = leaf [ 1.0 ]
    use y = Aten.sum (WrongCount.apply x)
    let error = Assert.Throws<InvalidOperationException>(fun () -> y.backward ())
    Assert.Contains("WrongCount: backward gave 3 gradients", error.Message)
    use two = leaf [ 1.0; 2.0 ]
    use z = Aten.sum (WrongShape.apply two)
    Assert.Throws<TorchException>(fun () -> z.backward ()) |> ignore

[<Fact>]
let ``what a function saved and somebody changed is an exception`` () =
    use x = leaf [ 1.0 ]
    use h = Aten.mul_Scalar (x, number 1.0)
    use y = Aten.sum (Cube.apply (h, 1.0))
    Aten.add__Scalar (h, number 1.0) |> ignore
    let error = Assert.Throws<TorchException>(fun () -> y.backward ())
    Assert.Contains("modified by an inplace operation", error.NativeText)

[<Fact>]
let ``functions, hooks and recompute leak neither handles nor memory`` () =
    let step () =
        use scope = torch.NewDisposeScope()
        let x = Aten.ones (span [ 1000L ], Nullable torch.float64)
        x.requires_grad <- true
        use _ = x.register_hook (fun g -> Aten.mul_Scalar (g, number 2.0))
        let y = Identity.apply (Cube.apply (x, 1.0))
        let z = Recompute.Run((fun inputs -> [| Aten.tanh inputs[0] |]), y)
        (Aten.sum z[0]).backward()
        let unused = SumAndProduct.apply (x, x)
        Assert.Equal(2, unused.Count)

        Assert.Throws<TimeoutException>(fun () -> Failing.apply (x, 1) |> ignore)
        |> ignore

        let failing = Aten.sum (Failing.apply x)
        Assert.Throws<TimeoutException>(fun () -> failing.backward ()) |> ignore

    step ()
    settle ()
    let bytes = NativeMemory.BytesAllocated

    Assert.Equal(
        0L,
        leaked (fun () ->
            for _ in 1..5 do
                step ())
    )

    Assert.Equal(bytes, NativeMemory.BytesAllocated)

[<Fact>]
let ``functions run in many threads at once`` () =
    let work (seed: int) =
        use scope = torch.NewDisposeScope()

        for step in 1..20 do
            let value = float (seed + step)
            let x = leaf [ value ]
            (Aten.sum (Cube.apply (x, 1.0))).backward()
            Assert.Equal(3.0 * value * value, (valuesOf (gradient x))[0])

    let threads =
        [|
            for k in 1..4 -> Task.Factory.StartNew((fun () -> work k), TaskCreationOptions.LongRunning)
        |]

    Task.WaitAll threads

let private block (w: torch.Tensor) =
    Func<_, _>(fun (inputs: torch.Tensor[]) ->
        let h = Aten.matmul (inputs[0], w)

        let rows =
            RandomWords.Of(RandomKey.Of(5UL, "recompute"), torch.arange (h.shape[0], dtype = torch.int64))

        let columns = RandomWords.Spread(torch.arange (h.shape[1], dtype = torch.int64))
        [| Ops.Dropout(Aten.gelu h, DropoutMask(0.3, rows, columns.unsqueeze 0L)) |])

[<Fact>]
let ``recompute gives the same bits as the plain call, dropout included`` () =
    use start = torch.manual_seed 5L
    use w = normal [ 8L; 8L ]
    use x = normal [ 4L; 8L ]
    w.requires_grad <- true
    x.requires_grad <- true

    let run (call: torch.Tensor -> torch.Tensor) =
        w.grad <- null
        x.grad <- null
        use loss = Aten.sum (Aten.pow_Tensor_Scalar (call (call x), number 2.0))
        loss.backward ()
        bitsOf (loss.detach ()), bitsOf (gradient w), bitsOf (gradient x)

    let plain = run (fun h -> (block w).Invoke([| h |])[0])
    let recomputed = run (fun h -> Recompute.Run(block w, h)[0])
    Assert.Equal(plain, recomputed)

[<Fact>]
let ``recompute reaches parameters where no input asks for a gradient`` () =
    use w = normal [ 8L; 8L ]
    use x = normal [ 4L; 8L ]
    w.requires_grad <- true
    use loss = Aten.sum (Recompute.Run(block w, x)[0])
    loss.backward ()
    Assert.NotNull w.grad

[<Fact>]
let ``recompute keeps the inputs only`` () =
    let hidden = 256L
    use x = Aten.randn (span [ hidden; hidden ])
    x.requires_grad <- true

    let deep =
        Func<_, _>(fun (inputs: torch.Tensor[]) ->
            use scope = torch.NewDisposeScope()
            let mutable h = inputs[0]

            for _ in 1..20 do
                h <- Aten.tanh h

            [| scope.MoveToOuter h |])

    let held (call: unit -> torch.Tensor) =
        settle ()
        let before = NativeMemory.BytesAllocated
        use y = call ()
        NativeMemory.BytesAllocated - before

    let plain = held (fun () -> deep.Invoke([| x |])[0])
    let recomputed = held (fun () -> Recompute.Run(deep, x)[0])
    Assert.True(recomputed * 10L < plain, $"{recomputed} bytes against {plain}")
