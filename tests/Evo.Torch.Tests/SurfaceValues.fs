/// Tensors from values of .NET, back to them, and as text.
module Evo.Torch.Tests.SurfaceValues

open System
open System.Globalization
open Xunit
open TorchSharp

let private invariant = CultureInfo.InvariantCulture

[<Fact>]
let ``values go in and come out in every type`` () =
    Assert.Equal<bool[]>([| true; false |], torch.tensor([| true; false |]).data<bool>().ToArray())
    Assert.Equal<byte[]>([| 1uy; 255uy |], torch.tensor([| 1uy; 255uy |]).data<byte>().ToArray())
    Assert.Equal<int16[]>([| 1s; -2s |], torch.tensor([| 1s; -2s |]).data<int16>().ToArray())
    Assert.Equal<int[]>([| 1; -2 |], torch.tensor([| 1; -2 |]).data<int>().ToArray())
    Assert.Equal<int64[]>([| 1L; -2L |], torch.tensor([| 1L; -2L |]).data<int64>().ToArray())
    Assert.Equal<float[]>([| 1.5; -2.0 |], torch.tensor([| 1.5; -2.0 |]).data<float>().ToArray())
    Assert.Equal(torch.float16, torch.tensor([| Half.One |]).dtype)
    Assert.Equal(torch.bfloat16, torch.tensor([| BFloat16 1.5f |]).dtype)
    Assert.Equal(1.5f, torch.tensor([| BFloat16 1.5f |]).ToSingle())
    Assert.Equal(torch.complex128, torch.tensor(Numerics.Complex(1.0, 2.0)).dtype)

[<Fact>]
let ``arrays of several dimensions keep their shape`` () =
    use x = torch.tensor (array2D [ [ 1f; 2f; 3f ]; [ 4f; 5f; 6f ] ])
    Assert.Equal<int64[]>([| 2L; 3L |], x.shape)
    Assert.Equal(6f, x[1L, 2L].ToSingle())

    use y =
        torch.from_array (Array3D.init 2 1 2 (fun i j k -> int64 (4 * i + 2 * j + k)))

    Assert.Equal<int64[]>([| 2L; 1L; 2L |], y.shape)
    Assert.Equal(5L, y[1L, 0L, 1L].ToInt64())

[<Fact>]
let ``values that do not fill the shape are refused with both numbers`` () =
    let error =
        Assert.Throws<ArgumentException>(fun () ->
            torch.tensor (ResizeArray [ 1f; 2f; 3f ], 2L, 2L) |> ignore)

    Assert.Contains("3 values", error.Message)
    Assert.Contains("[2, 2]", error.Message)

[<Fact>]
let ``sizes by number, by list and by span make the same tensors`` () =
    for t in
        [
            torch.zeros (2, 3)
            torch.zeros (2L, 3L)
            torch.zeros [| 2L; 3L |]
            torch.zeros (ReadOnlySpan [| 2L; 3L |])
        ] do
        Assert.Equal<int64[]>([| 2L; 3L |], t.shape)
        Assert.Equal(torch.float32, t.dtype)

    Assert.Equal(torch.int64, torch.full([| 2L |], Scalar.op_Implicit 3L).dtype)
    Assert.Equal(torch.float32, torch.full([| 2L |], Scalar.op_Implicit 3.0).dtype)
    Assert.Equal(torch.int64, torch.arange(Scalar.op_Implicit 3).dtype)

    Assert.Equal(
        torch.float32,
        torch.arange(Scalar.op_Implicit 0.0, Scalar.op_Implicit 1.0, Scalar.op_Implicit 0.25).dtype
    )

    Assert.Equal<int64[]>([| 3L; 3L |], torch.eye(3L).shape)
    Assert.Equal<float32[]>([| 0.0f; 0.5f; 1.0f |], torch.linspace(0.0, 1.0, 3L).data<float32>().ToArray())
    Assert.Equal(torch.float64, torch.zeros_like(torch.zeros (1L), Nullable torch.float64).dtype)

[<Fact>]
let ``the default dtype is that of tensors made without one`` () =
    try
        torch.set_default_dtype torch.float64
        Assert.Equal(torch.float64, torch.zeros(1L).dtype)
    finally
        torch.set_default_dtype torch.float32

    Assert.Throws<ArgumentException>(fun () -> torch.set_default_dtype torch.int64)
    |> ignore

[<Fact>]
let ``types of results are PyTorch's`` () =
    use f32 = torch.zeros (1L)
    use f64 = torch.zeros ([| 1L |], Nullable torch.float64)
    use i64 = torch.tensor [| 1L |]
    use one = torch.tensor 1.0
    Assert.Equal(torch.float64, torch.result_type (f32, f64))
    Assert.Equal(torch.float32, torch.result_type (f32, one))
    Assert.Equal(torch.float32, torch.result_type (f32, i64))
    Assert.Equal(torch.float32, torch.promote_types (torch.float16, torch.bfloat16))
    Assert.Equal(torch.float16, torch.promote_types (torch.int64, torch.float16))
    Assert.True(torch.can_cast (torch.int64, torch.float32))
    Assert.False(torch.can_cast (torch.float32, torch.int64))

[<Fact>]
let ``limits of dtypes are PyTorch's`` () =
    let f = torch.finfo torch.float32
    Assert.Equal(1.1920928955078125e-07, f.eps)
    Assert.Equal(3.4028234663852886e+38, f.max)
    Assert.Equal(1.1754943508222875e-38, f.tiny)
    let h = torch.finfo torch.float16
    Assert.Equal(65504.0, h.max)
    Assert.Equal(0.0009765625, h.eps)
    let b = torch.finfo torch.bfloat16
    Assert.Equal(3.3895313892515355e+38, b.max)
    Assert.Equal(0.0078125, b.eps)
    let d = torch.finfo torch.float64
    Assert.Equal(Double.MaxValue, d.max)
    Assert.Equal(2.220446049250313e-16, d.eps)
    Assert.Equal(Int64.MaxValue, torch.max_int_value torch.int64)

[<Fact>]
let ``shapes that broadcast have a common one, others are refused`` () =
    Assert.Equal<int64[]>([| 2L; 3L; 4L |], torch.broadcast_shapes([| 3L; 1L |], [| 2L; 1L; 4L |]).Shape)

    let error =
        Assert.Throws<ArgumentException>(fun () -> torch.broadcast_shapes ([| 3L |], [| 4L |]) |> ignore)

    Assert.Contains("3 and 4", error.Message)

[<Fact>]
let ``text tells shape, dtype and device, and in its styles the numbers`` () =
    use x = torch.tensor (array2D [ [ 1f; 2.5f ]; [ -3f; 4f ] ])
    Assert.Equal("[2x2], type = Float32, device = cpu", x.ToString())

    Assert.Equal(
        "[2x2], type = Float32, device = cpu\n 1  2.5\n-3  4\n",
        x.jlstr (cultureInfo = invariant, newLine = "\n")
    )

    Assert.Equal("[[  1 2.5]\n [ -3   4]]", x.npstr (cultureInfo = invariant, newLine = "\n"))

    Assert.Equal(
        "[2x2], type = Float32, device = cpu, value = \nnew float[,] {{1, 2.5}, {-3, 4}}",
        x.cstr (cultureInfo = invariant, newLine = "\n")
    )

    Assert.Equal("[], type = Int64, device = cpu, value = 7", torch.tensor(7L).jlstr())
    Assert.Equal("[0 1 2 ... 7 8 9]", torch.arange(Scalar.op_Implicit 10).npstr())

[<Fact>]
let ``a number is read whatever the dtype, and only a single one`` () =
    Assert.Equal(3L, torch.tensor(3.7f).ToInt64())
    Assert.Equal(3.0, torch.tensor(3L).ToDouble())
    Assert.True(torch.tensor(2.0).ToBoolean())

    Assert.ThrowsAny<Exception>(fun () -> torch.zeros(2L).ToDouble() |> ignore)
    |> ignore
