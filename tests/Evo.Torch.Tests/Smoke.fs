module Evo.Torch.Tests.Smoke

open Xunit
open TorchSharp
open Evo.Torch
open Evo.Torch.Native

[<Fact>]
let ``a tensor is made, added, read and freed`` () =
    let before = NativeMemory.LiveTensors
    use a = Aten.ones (System.ReadOnlySpan [| 2L; 3L |])
    use b = Aten.add_Tensor (a, a, Scalar.op_Implicit 2.0)
    Assert.Equal<int64[]>([| 2L; 3L |], b.shape)
    Assert.Equal(3.0f, b.ReadCpuSingle 5L)
    b.Dispose()
    a.Dispose()
    Assert.Equal(before, NativeMemory.LiveTensors)

    let c =
        Assert.Throws<TorchException>(fun () ->
            Aten.matmul (
                Aten.ones (System.ReadOnlySpan [| 2L; 3L |]),
                Aten.ones (System.ReadOnlySpan [| 2L; 3L |])
            )
            |> ignore)

    printfn "%s" c.Message
