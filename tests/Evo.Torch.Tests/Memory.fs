/// Who owns a tensor, when it goes, and what is counted.
module Evo.Torch.Tests.Memory

open System
open System.IO
open System.Threading.Tasks
open Xunit
open TorchSharp
open Evo.Torch
open Evo.Torch.Native
open Evo.Torch.Tests.Given

let private one () = Aten.ones (span [ 2L ])

[<Fact>]
let ``a scope frees what was made in it, and only that`` () =
    use outside = one ()

    let inside =
        use scope = torch.NewDisposeScope()
        let a, b = one (), one ()
        Assert.Equal(2, scope.DisposablesCount)
        b.Dispose()
        Assert.Equal(1, scope.DisposablesCount)
        a

    Assert.True inside.IsInvalid
    Assert.False outside.IsInvalid

[<Fact>]
let ``tensors move between scopes`` () =
    use outer = torch.NewDisposeScope()

    let moved, detached, kept, other =
        use inner = torch.NewDisposeScope()
        Assert.Same(inner, torch.CurrentDisposeScope)
        let other = one ()
        other.MoveToOtherDisposeScope outer |> ignore
        inner.MoveToOuter(one ()), one().DetachFromDisposeScope(), one (), other

    Assert.Same(outer, torch.CurrentDisposeScope)
    Assert.False moved.IsInvalid
    Assert.False detached.IsInvalid
    Assert.False other.IsInvalid
    Assert.True kept.IsInvalid
    Assert.True(outer.Contains moved && outer.Contains other && not (outer.Contains detached))
    outer.Dispose()
    Assert.True(moved.IsInvalid && other.IsInvalid)
    Assert.False detached.IsInvalid
    detached.Dispose()

[<Fact>]
let ``a scope disposes everything but what is kept`` () =
    use scope = torch.NewDisposeScope()
    let a, b, c = one (), one (), one ()
    scope.DisposeEverythingBut b |> ignore
    Assert.True(a.IsInvalid && c.IsInvalid)
    Assert.False b.IsInvalid
    let again = one ()
    Assert.Equal(2, scope.DisposablesCount)
    scope.Detach again |> ignore
    scope.Attach again
    scope.Dispose()
    Assert.True(b.IsInvalid && again.IsInvalid)

[<Fact>]
let ``a wrapped scope gives its result to the scope outside`` () =
    settle ()
    use scope = torch.NewDisposeScope()
    let live = NativeMemory.LiveTensors

    let result =
        torch.WrappedTensorDisposeScope(fun () -> Aten.add_Tensor (one (), one ()))

    Assert.Equal(live + 1L, NativeMemory.LiveTensors)
    Assert.True(scope.Contains result)

[<Fact>]
let ``statistics count what the scopes of the thread saw`` () =
    let work () =
        let counts = DisposeScopeManager.Statistics
        counts.Reset()
        let outside = one ()

        (use scope = torch.NewDisposeScope()
         let a = one ()
         one().Dispose()
         a.DetachFromDisposeScope().Dispose())

        outside.Dispose()

        counts.CreatedInScopeCount,
        counts.CreatedOutsideScopeCount,
        counts.DisposedInScopeCount,
        counts.DisposedOutsideScopeCount,
        counts.DetachedFromScopeCount,
        counts.ThreadTotalLiveCount

    let seen = Task.Factory.StartNew(work, TaskCreationOptions.LongRunning).Result
    Assert.Equal((2L, 1L, 1L, 2L, 1L, 0L), seen)

[<Fact>]
let ``a training step leaks no tensor`` () =
    use w = normal [ 16L; 16L ]
    w.requires_grad <- true

    let step () =
        use scope = torch.NewDisposeScope()
        let x = normal [ 4L; 16L ]
        let h = Aten.gelu (Aten.matmul (x, w))

        let loss =
            Aten.mean (Aten.pow_Tensor_Scalar (Aten.layer_norm (h, span [ 16L ]), number 2.0))

        loss.backward ()
        use _ = torch.no_grad ()
        Aten.add__Tensor (w, gradient w, number -0.1) |> ignore
        w.grad <- null

    step ()
    settle ()
    let bytes = NativeMemory.BytesAllocated

    Assert.Equal(
        0L,
        leaked (fun () ->
            for _ in 1..10 do
                step ())
    )

    Assert.Equal(bytes, NativeMemory.BytesAllocated)

[<Fact>]
let ``a failing call leaks no tensor`` () =
    use a = Aten.ones (span [ 2L; 3L ])

    Assert.Equal(
        0L,
        leaked (fun () -> Assert.Throws<TorchException>(fun () -> Aten.mm (a, a) |> ignore) |> ignore)
    )

[<Fact>]
let ``a tensor that nobody disposed goes with its last reference`` () =
    let forget () =
        for _ in 1..20 do
            one () |> ignore

    let left =
        leaked (fun () ->
            forget ()

            settle ())

    Assert.True(left <= 1L, $"{left} left")

[<Fact>]
let ``bytes are counted and the peak is kept`` () =
    settle ()
    NativeMemory.ResetPeak()
    let before = NativeMemory.BytesAllocated

    (use big = Aten.zeros (span [ 1L <<< 20 ])
     let held = NativeMemory.BytesAllocated - before
     Assert.InRange(held, 4L <<< 20, (4L <<< 20) + 65536L))

    Assert.Equal(before, NativeMemory.BytesAllocated)
    Assert.InRange(NativeMemory.PeakBytes - before, 4L <<< 20, (4L <<< 20) + 65536L)

[<Fact>]
let ``a handle given away leaves the tensor empty`` () =
    let a = one ()
    let handle = a.DecoupleFromNativeHandle()
    Assert.True a.IsInvalid
    use b = torch.Tensor.UnsafeCreateTensor handle
    Assert.Equal(1f, b.ReadCpuSingle 1L)

[<Fact>]
let ``an alias is the same native tensor`` () =
    use a = one ()
    use b = a.alias ()
    Assert.Equal(a.Handle, b.Handle)
    a.Dispose()
    Assert.Equal(1f, b.ReadCpuSingle 0L)

[<Fact>]
let ``elements are read and written through the strides`` () =
    use x = floats [ 2L; 3L ] [ 1f; 2f; 3f; 4f; 5f; 6f ]
    use t = Aten.t x
    let seen = t.data<float32>()
    Assert.Equal<float32[]>([| 1f; 4f; 2f; 5f; 3f; 6f |], seen.ToArray())
    Assert.Equal(5f, seen[[| 1L; 1L |]])
    seen[[| 2L; 0L |]] <- 30f
    Assert.Equal(30f, x.ReadCpuSingle 2L)
    Assert.Equal<float32>([| 1f; 4f; 2f; 5f; 30f; 6f |], seq { yield! seen })
    Assert.Equal(5f, (seen.ToNDArray() :?> float32[,])[1, 1])

    Assert.Throws<IndexOutOfRangeException>(fun () -> seen[[| 6L |]] |> ignore)
    |> ignore

    Assert.Throws<ArgumentException>(fun () -> x.data<float>() |> ignore) |> ignore

    Assert.Throws<ArgumentOutOfRangeException>(fun () -> x.ReadCpuSingle 6L |> ignore)
    |> ignore

[<Fact>]
let ``bytes go to a stream and come back`` () =
    use x = floats [ 2L; 2L ] [ 1f; 2f; 3f; 4f ]
    use stream = new MemoryStream()
    (Aten.t x).WriteBytesToStream stream
    stream.Position <- 0L
    use y = Aten.zeros (span [ 2L; 2L ])
    y.ReadBytesFromStream stream
    Assert.Equal<float32[]>([| 1f; 3f; 2f; 4f |], y.data<float32>().ToArray())

    Assert.Throws<EndOfStreamException>(fun () -> y.ReadBytesFromStream stream)
    |> ignore

[<Fact>]
let ``a tensor stands over an array of dotnet without a copy`` () =
    let array = [| 1f; 2f; 3f |]
    use x = TensorBytes.Over(array, span [ 3L ], torch.float32)
    Aten.mul__Scalar (x, number 2.0) |> ignore
    Assert.Equal<float32[]>([| 2f; 4f; 6f |], array)

    Assert.Throws<ArgumentException>(fun () -> TensorBytes.Over(array, span [ 4L ], torch.float32) |> ignore)
    |> ignore

    Assert.Throws<ArgumentException>(fun () -> TensorBytes.Over(array, span [ 3L ], torch.int32) |> ignore)
    |> ignore

    Assert.Throws<InvalidOperationException>(fun () ->
        TensorBytes.Of(Aten.t (Aten.ones (span [ 2L; 3L ]))).Length |> ignore)
    |> ignore

[<Fact>]
let ``the library says what it is`` () =
    let info = NativeTorch.Info
    Assert.Matches(@"^\d+\.\d+\.\d+", info.Version)
    Assert.Contains("libtorch_cpu", info.LoadedFile)
    Assert.True(info.Threads >= 1)
    Assert.NotEmpty info.CoreTypeReason
    let before = Threads.Count
    Threads.Set 1
    Assert.Equal(1, Threads.Count)
    Threads.Set before
    printfn $"{info}"
