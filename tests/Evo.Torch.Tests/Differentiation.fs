/// Gradients: backward, grad, identity of gradients, hooks.
module Evo.Torch.Tests.Differentiation

open System
open Xunit
open TorchSharp
open Evo.Torch
open Evo.Torch.Native
open Evo.Torch.Tests.Given

[<Fact>]
let ``the gradient of a sum of squares is twice the tensor`` () =
    use x = doubles [ 3L ] [ 1.0; -2.0; 3.0 ]
    x.requires_grad <- true
    use y = Aten.sum (Aten.mul_Tensor (x, x))
    y.backward ()
    Assert.Equal<float[]>([| 2.0; -4.0; 6.0 |], valuesOf (gradient x))
    Assert.True x.is_leaf
    Assert.False y.is_leaf

[<Fact>]
let ``autograd grad gives gradients and touches no leaf`` () =
    use x = doubles [ 2L ] [ 3.0; 4.0 ]
    use unused = doubles [ 1L ] [ 0.0 ]
    x.requires_grad <- true
    unused.requires_grad <- true
    use y = Aten.sum (Aten.pow_Tensor_Scalar (x, number 3.0))

    let found =
        torch.autograd.grad ([| y |], [| x; unused |], create_graph = true, allow_unused = true)

    Assert.Equal<float[]>([| 27.0; 48.0 |], valuesOf (found[0].detach()))
    Assert.Null found[1]
    Assert.Null x.grad
    let second = torch.autograd.grad ([| Aten.sum found[0] |], [| x |])
    Assert.Equal<float[]>([| 18.0; 24.0 |], valuesOf second[0])

[<Fact>]
let ``a gradient set to a view of a flat buffer collects there in place`` () =
    use flat = Aten.zeros (span [ 10L ], Nullable torch.float64)
    use x = doubles [ 2L; 2L ] [ 1.0; 2.0; 3.0; 4.0 ]
    x.requires_grad <- true
    use view = Aten.view (Aten.narrow (flat, 0L, 3L, 4L), span [ 2L; 2L ])
    x.grad <- view

    for _ in 1..2 do
        (Aten.sum (Aten.mul_Scalar (x, number 5.0))).backward()

    Assert.Equal<float[]>([| 0.; 0.; 0.; 10.; 10.; 10.; 10.; 0.; 0.; 0. |], valuesOf flat)
    Assert.Equal(view.Handle, (gradient x).Handle)

[<Fact>]
let ``a gradient of another shape or type is refused`` () =
    use x = doubles [ 2L ] [ 1.0; 2.0 ]
    x.requires_grad <- true
    use wrong = doubles [ 3L ] [ 1.0; 2.0; 3.0 ]
    Assert.Throws<TorchException>(fun () -> x.grad <- wrong) |> ignore
    use single = floats [ 2L ] [ 1f; 2f ]
    Assert.Throws<TorchException>(fun () -> x.grad <- single) |> ignore
    x.grad <- null
    Assert.Null x.grad

[<Fact>]
let ``modes belong to the thread and end with their guard`` () =
    use x = doubles [ 1L ] [ 1.0 ]
    x.requires_grad <- true

    (use _ = torch.no_grad ()
     Assert.False(torch.is_grad_enabled ())
     Assert.False((Aten.neg x).requires_grad)

     let other =
         System.Threading.Tasks.Task.Factory.StartNew(
             (fun () -> torch.is_grad_enabled ()),
             System.Threading.Tasks.TaskCreationOptions.LongRunning
         )

     Assert.True other.Result

     (use _ = torch.enable_grad ()
      Assert.True((Aten.neg x).requires_grad))

     Assert.False(torch.is_grad_enabled ()))

    Assert.True(torch.is_grad_enabled ())

    (use _ = torch.inference_mode ()
     Assert.True(torch.is_inference_mode_enabled ()))

    Assert.False(torch.is_inference_mode_enabled ())

[<Fact>]
let ``a hook sees the gradient and may replace it`` () =
    use x = doubles [ 2L ] [ 1.0; 2.0 ]
    x.requires_grad <- true
    let mutable seen = [||]

    let hook =
        x.register_hook (fun g ->
            seen <- valuesOf g
            Aten.mul_Scalar (g, number 10.0))

    (Aten.sum (Aten.mul_Scalar (x, number 3.0))).backward()
    Assert.Equal<float[]>([| 3.0; 3.0 |], seen)
    Assert.Equal<float[]>([| 30.0; 30.0 |], valuesOf (gradient x))
    hook.Dispose()
    (Aten.sum x).backward()
    Assert.Equal<float[]>([| 31.0; 31.0 |], valuesOf (gradient x))

[<Fact>]
let ``a hook after accumulation sees the sum, once for each backward`` () =
    use x = doubles [ 1L ] [ 2.0 ]
    x.requires_grad <- true
    let seen = ResizeArray()

    use hook =
        x.register_post_accumulate_grad_hook (fun leaf -> seen.Add((valuesOf (gradient leaf))[0]))

    for _ in 1..2 do
        (Aten.sum (Aten.mul_Tensor (x, x))).backward()

    Assert.Equal<float list>([ 4.0; 8.0 ], List.ofSeq seen)

[<Fact>]
let ``an exception in a hook arrives at the backward call as itself`` () =
    use x = doubles [ 1L ] [ 2.0 ]
    x.requires_grad <- true
    use _ = x.register_hook (fun _ -> raise (InvalidOperationException "from the hook"))
    use y = Aten.sum x
    let error = Assert.Throws<InvalidOperationException>(fun () -> y.backward ())
    Assert.Equal("from the hook", error.Message)

[<Fact>]
let ``a second backward through a freed graph is an exception`` () =
    use x = doubles [ 1L ] [ 2.0 ]
    x.requires_grad <- true
    use y = Aten.sum (Aten.mul_Tensor (x, x))
    y.backward ()
    let error = Assert.Throws<TorchException>(fun () -> y.backward ())
    Assert.Contains("second time", error.NativeText)

[<Fact>]
let ``detach shares memory and has no history`` () =
    use x = doubles [ 1L ] [ 2.0 ]
    x.requires_grad <- true
    use y = x.detach ()
    Assert.False y.requires_grad
    Aten.add__Scalar (y, number 1.0) |> ignore
    Assert.Equal(3.0, x.item<float>())

[<Fact>]
let ``a tensor that is rebased keeps its identity and its gradient`` () =
    use flat = Aten.zeros (span [ 6L ], Nullable torch.float64)
    use x = doubles [ 2L ] [ 1.0; 2.0 ]
    x.requires_grad <- true
    (Aten.sum x).backward()
    use view = Aten.narrow (flat, 0L, 2L, 2L)
    Aten.copy_ (view, x.detach ()) |> ignore
    TensorStorage.Rebase(x, view)
    Aten.mul__Scalar (flat, number 10.0) |> ignore
    Assert.Equal<float[]>([| 10.0; 20.0 |], valuesOf (x.detach ()))
    (Aten.sum (Aten.mul_Tensor (x, x))).backward()
    Assert.Equal<float[]>([| 21.0; 41.0 |], valuesOf (gradient x))
    Assert.True(x.requires_grad && x.is_leaf)

    Assert.Throws<ArgumentException>(fun () -> TensorStorage.Rebase(x, flat))
    |> ignore

[<Fact>]
let ``anomaly detection names the operation that made a NaN`` () =
    use x = doubles [ 1L ] [ 0.0 ]
    x.requires_grad <- true

    let run () =
        (Aten.sum (Aten.mul_Scalar (Aten.sqrt x, number 0.0))).backward()

    run ()

    (use _ = torch.autograd.detect_anomaly ()
     let error = Assert.Throws<TorchException>(fun () -> run ())
     Assert.Contains("SqrtBackward0", error.NativeText))

    run ()

[<Fact>]
let ``a Jacobian has the shape of the output, then of the input`` () =
    use x = doubles [ 2L ] [ 2.0; 3.0 ]

    use found =
        torch.autograd.functional.jacobian (
            Func<torch.Tensor, torch.Tensor>(fun v ->
                Aten.stack ([| Aten.prod v; Aten.sum v; Aten.sum (Aten.mul_Tensor (v, v)) |], 0L)),
            x
        )

    Assert.Equal<int64[]>([| 3L; 2L |], found.shape)
    Assert.Equal<float[]>([| 3.0; 2.0; 1.0; 1.0; 4.0; 6.0 |], valuesOf found)
