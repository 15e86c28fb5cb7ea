/// What a GPU is told, recorded and told again.
module Evo.Torch.Tests.Recordings

open System
open Xunit
open TorchSharp
open Evo.Torch

let private noGpu =
    "libtorch finds no GPU here, or the native library was built without"

[<Fact>]
let ``a library without CUDA says so, and records nothing`` () =
    Assert.SkipWhen(CudaPassCapture.Built, "this library can record")

    let error =
        Assert.Throws<TorchException>(fun () -> new CudaPassCapture(torch.CUDA) |> ignore)

    Assert.Contains("was not built with CUDA", error.Message)

[<Fact>]
let ``a replay computes from what its tensors hold now, and adds gradients where they are summed`` () =
    Assert.SkipUnless(CudaPassCapture.Built && torch.cuda.is_available (), noGpu)
    use recorder = new CudaPassCapture(torch.CUDA)
    let recorder = recorder :> IPassCapture
    let weight = (torch.ones ([| 8L; 8L |], device = torch.CUDA)).requires_grad_()
    weight.grad <- torch.zeros_like weight

    let x, sum =
        torch.zeros ([| 4L; 8L |], device = torch.CUDA), torch.zeros ([||], device = torch.CUDA)

    let pass () =
        use _ = torch.NewDisposeScope()
        let y = x.matmul(weight).square().sum()
        use _ = torch.no_grad ()
        sum.copy_ (y.detach ()) |> ignore
        use _ = torch.enable_grad ()
        y.backward ()

    let gradient () = (nonNull weight.grad).cpu().clone()

    let expected (rows: torch.Tensor) =
        let w = (torch.ones [| 8L; 8L |]).requires_grad_()
        let y = rows.matmul(w).square().sum()
        y.backward ()
        y.ToDouble(), nonNull w.grad

    recorder.Warm(Action pass)
    use recorded = recorder.Capture(Action pass)
    let random = Random 3

    for _ in 1..3 do
        let rows =
            Evo.Torch.Tests.KernelsInputs.normal random [ 4; 8 ]
            |> fun t -> t.to_type torch.float32

        (nonNull weight.grad).zero_() |> ignore
        x.copy_ rows |> ignore
        recorded.Replay()
        recorded.Replay()
        let y, g = expected rows
        Assert.Equal(y, sum.cpu().ToDouble(), 3)
        Assert.InRange((gradient () - g - g).abs().max().ToDouble(), 0.0, 1e-3)

[<Fact>]
let ``a pass that cannot be recorded throws what it threw, and the next one can`` () =
    Assert.SkipUnless(CudaPassCapture.Built && torch.cuda.is_available (), noGpu)
    use recorder = new CudaPassCapture(torch.CUDA)
    let recorder = recorder :> IPassCapture
    let x = torch.ones ([| 8L |], device = torch.CUDA)
    let y = torch.zeros_like x

    Assert.ThrowsAny<Exception>(fun () -> recorder.Capture(fun () -> x.sum().ToDouble() |> ignore) |> ignore)
    |> ignore

    use recorded = recorder.Capture(fun () -> y.add_ x |> ignore)
    recorded.Replay()
    Assert.Equal(8.0, y.sum().ToDouble())

[<Fact>]
let ``copies beside a processor's work are done at once, those beside a GPU's only by a library that can``
    ()
    =
    use direct = SideCopies.For torch.CPU
    let done' = System.Collections.Generic.List<string>()
    direct.Fill(0, (fun () -> done'.Add "filled"))
    direct.Take(0, (fun () -> done'.Add "taken"))
    Assert.Equal<string seq>([ "filled"; "taken" ], done')
    Assert.SkipWhen(CudaSideCopies.Built, "this library can copy on a stream of its own")

    let error =
        Assert.Throws<TorchException>(fun () -> new CudaSideCopies(torch.CUDA) |> ignore)

    Assert.Contains("was not built with CUDA", error.Message)

[<Fact>]
let ``what is copied on the side is there when it is taken, and stays until then, however far the host is ahead``
    ()
    =
    Assert.SkipUnless(CudaSideCopies.Built && torch.cuda.is_available (), noGpu)
    use copies = SideCopies.For torch.CUDA
    use recorder = new CudaPassCapture(torch.CUDA)
    let recorder = recorder :> IPassCapture
    let length = 1L <<< 20

    let places =
        [|
            for _ in 0..1 -> torch.zeros ([| length |], dtype = torch.int64, device = torch.CUDA)
        |]

    for place in 0..1 do
        copies.Take(place, (fun () -> ()))

    let row = torch.zeros ([| length |], dtype = torch.int64, device = torch.CUDA)

    let sums = torch.zeros ([| 40L |], dtype = torch.int64, device = torch.CUDA)
    let number = torch.zeros ([||], dtype = torch.int64, device = torch.CUDA)
    let one = torch.ones_like number
    let none = torch.zeros_like number
    let square = torch.ones ([| 2048L; 2048L |], device = torch.CUDA)

    // Long enough for the host to fill what comes next.
    let pass () =
        use _ = torch.NewDisposeScope()
        let slow = square.matmul(square).matmul(square).sum().to_type(torch.int64).mul none

        sums.index_add_ (0L, number.reshape 1L, (row.sum () + slow).reshape 1L, 1)
        |> ignore

        number.add_ one |> ignore

    recorder.Warm(Action pass)
    use recorded = recorder.Capture(Action pass)
    sums.zero_ () |> ignore
    number.zero_ () |> ignore

    for i in 0..39 do
        use _ = torch.NewDisposeScope()
        let host = torch.tensor (Array.create (int length) (int64 (i + 1)))
        copies.Fill(i % 2, (fun () -> HostBuffer.SendInto(host, places[i % 2])))
        copies.Take(i % 2, (fun () -> row.copy_ places[i % 2] |> ignore))
        recorded.Replay()

    Assert.Equal<int64[]>([| for i in 1L .. 40L -> i * length |], sums.cpu().data<int64>().ToArray())

[<Theory; InlineData false; InlineData true>]
let ``numbers that were sent home are those of their moment, and reading them is one reading`` onGpu =
    Assert.SkipUnless(not onGpu || torch.cuda.is_available (), noGpu)

    let there =
        (torch.arange (5L, dtype = torch.float64)).``to``(if onGpu then torch.CUDA else torch.CPU)

    use sent = new NumbersSentHome(there)

    if onGpu then
        there.add_ (torch.ones (5L, dtype = torch.float64, device = torch.CUDA))
        |> ignore

    let before = HostReads.OfThisThread
    Assert.Equal<float[]>([| 0.0; 1.0; 2.0; 3.0; 4.0 |], sent.Read())
    Assert.Equal(before + 1L, HostReads.OfThisThread)
    Assert.Equal((if onGpu then 15.0 else 10.0), sent.There.sum().ToDouble())
