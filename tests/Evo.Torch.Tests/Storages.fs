/// Memory that goes and comes under tensors that stay.
module Evo.Torch.Tests.Storages

open System
open Xunit
open TorchSharp
open Evo.Torch

[<Fact>]
let ``the memory of a tensor and of its views is given back, and taken again`` () =
    use flat = torch.zeros 1000000L
    use view = flat.narrow(0L, 10L, 6L).view(2L, 3L)
    let full = NativeMemory.BytesAllocated
    TensorStorage.Free flat
    Assert.InRange(full - NativeMemory.BytesAllocated, 4000000L, 4100000L)
    Assert.Equal<int64 seq>([ 2L; 3L ], view.shape)
    TensorStorage.Restore flat
    Assert.InRange(full - NativeMemory.BytesAllocated, -100000L, 100000L)
    flat.fill_ (Scalar.op_Implicit 3.0f) |> ignore
    Assert.Equal(18.0f, view.sum().ToSingle())

let private filledBetween (write: torch.Tensor -> torch.Tensor) =
    use flat = torch.empty 4L
    use written = write flat
    let values = torch.tensor [| 1.0f; 2.0f; 3.0f; 4.0f |]
    written.copy_ values |> ignore
    use weight = new Modules.Parameter(flat.narrow (0L, 1L, 2L))
    use x = torch.ones(2L).requires_grad_()
    use y = (x * weight).sum()
    TensorStorage.Free flat
    TensorStorage.Restore flat
    written.copy_ values |> ignore
    y.backward ()
    (nonNull x.grad).data<float32>().ToArray()

[<Fact>]
let ``a graph that saved a weight goes backward through memory that was filled again`` () =
    Assert.Equal<float32[]>([| 2.0f; 3.0f |], filledBetween TensorStorage.Untracked)

[<Fact>]
let ``and refuses where the weight was written to as itself`` () =
    let error =
        Assert.Throws<TorchException>(fun () -> filledBetween (fun flat -> flat.alias ()) |> ignore)

    Assert.Contains("modified by an inplace operation", error.Message)

[<Fact>]
let ``a view does not restore what it is a part of, and foreign memory is not given back`` () =
    use flat = torch.zeros 8L

    let error =
        Assert.Throws<ArgumentException>(fun () -> TensorStorage.Restore(flat.narrow (0L, 4L, 4L)))

    Assert.Contains("restore the tensor that spans it", error.Message)

    use foreign =
        TensorBytes.Over([| 1.0f; 2.0f |], ReadOnlySpan [| 2L |], torch.float32)

    Assert.Throws<TorchException>(fun () -> TensorStorage.Free foreign) |> ignore
    Assert.Equal(3.0f, foreign.sum().ToSingle())
