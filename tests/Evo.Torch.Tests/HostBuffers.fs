/// Memory of the processor that devices copy to and from.
module Evo.Torch.Tests.HostBuffers

#nowarn "9" // addresses are what this is about

open System
open Microsoft.FSharp.NativeInterop
open TorchSharp
open Evo.Torch
open Xunit

let private devices =
    [
        torch.CPU
        if torch.cuda.is_available () then
            torch.CUDA
    ]

[<Fact>]
let ``a buffer holds what a device copies to it, begins where vectors begin, and cannot be used when it is freed``
    ()
    =
    for device in devices do
        for count in [ 0; 1; 1000; 70001 ] do
            let buffer = new HostBuffer(int64 count * 4L, device)
            Assert.Equal(0n, NativePtr.toNativeInt buffer.Address % 64n)
            use expected = torch.arange (float32 count)
            let shape = [| int64 count |]

            use view =
                TensorBytes.Over(NativePtr.toVoidPtr buffer.Address, ReadOnlySpan shape, torch.float32)

            use there = expected.``to`` device
            view.copy_ there |> ignore
            Assert.Equal<byte[]>(TensorBytes.Of(expected).ToArray(), TensorBytes.Of(view).ToArray())
            (buffer :> IDisposable).Dispose()

            Assert.Throws<ObjectDisposedException>(fun () -> NativePtr.toNativeInt buffer.Address |> ignore)
            |> ignore

            (buffer :> IDisposable).Dispose()

[<Fact>]
let ``a tensor that is sent arrives with its bits, and stays itself where it is there`` () =
    use host = torch.randn (300L, 7L)
    Assert.Same(host, HostBuffer.Send(host, torch.CPU))

    for device in devices do
        // More than once: what was locked for the first is used again.
        for _ in 1..3 do
            let there = HostBuffer.Send(host, device)
            Assert.Equal(device.``type``, there.device_type)
            Assert.Equal<byte[]>(TensorBytes.Of(host).ToArray(), TensorBytes.Of(there.cpu ()).ToArray())

[<Fact>]
let ``to and from a GPU memory is page-locked`` () =
    Assert.SkipUnless(torch.cuda.is_available (), "libtorch finds no GPU here")
    use buffer = new HostBuffer(1L <<< 20, torch.CUDA)
    Assert.True buffer.IsLocked
