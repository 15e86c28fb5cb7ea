/// Which library multiplies: what a table says, of float32 alone, and nothing else.
module Evo.Torch.Tests.ProductChoices

open System
open Evo.Core
open Evo.Torch
open Evo.Torch.Tests.KernelsInputs
open Evo.Torch.Tests.KernelsCases
open TorchSharp
open Xunit

let private needChoice () =
    if not MatrixProducts.HaveChoice then
        Assert.Skip "this libtorch has no oneDNN beside its BLAS, or EVO_MATMUL leaves no choice"

let private timingOf shape blas : ProductTiming =
    {
        Shape = shape
        Blas = (if blas then 1.0 else 2.0)
        BlasAgain = (if blas then 1.0 else 2.0)
        OneDnn = (if blas then 2.0 else 1.0)
        OneDnnAgain = (if blas then 2.0 else 1.0)
    }

/// One library for all shapes that were measured.
let private all blas : ProductTable =
    {
        Machine = "test"
        Timings = [| for shape in ProductTable.Shapes -> timingOf shape blas |]
    }

let private withTable (table: ProductTable) act =
    MatrixProducts.Use table

    try
        act ()
    finally
        MatrixProducts.Use null

/// Operands as they stand for a form, of which each product of the map has one.
let private operands (dtype: torch.ScalarType) (shape: ProductShape) =
    let random = Random 5

    let draw a b =
        (normal random [ int a; int b ]).to_type dtype

    let m, n, k = shape.Rows, shape.Columns, shape.Inner

    match shape.Form with
    | ProductForm.Forward -> draw m k, draw n k
    | ProductForm.OfInput -> draw m k, draw k n
    | _ -> draw k m, draw k n

let private ours (shape: ProductShape) (a: Tensor, b: Tensor) =
    Evo.Torch.Native.EvoOperators.product (
        a,
        (shape.Form = ProductForm.OfWeight),
        b,
        (shape.Form = ProductForm.Forward)
    )

let private libtorchs (shape: ProductShape) (a: Tensor, b: Tensor) =
    torch.mm (
        (if shape.Form = ProductForm.OfWeight then a.t () else a),
        (if shape.Form = ProductForm.Forward then b.t () else b)
    )

let private shapes =
    [
        for form in Enum.GetValues<ProductForm>() ->
            {
                Form = form
                Rows = 257L
                Columns = 509L
                Inner = 773L
            }
    ]

[<Fact>]
let ``float32 is multiplied by the library that the table says`` () =
    needChoice ()

    for shape in shapes do
        use _ = torch.NewDisposeScope()
        let given = operands torch.ScalarType.Float32 shape
        let blas = libtorchs shape given
        let oneDnn = ours shape given
        // Sums of 773 numbers in another order: were the bits the same, nothing could be told apart here.
        Assert.False(same oneDnn blas, $"{shape.Form}: both libraries have the same bits")

        withTable (all true) (fun () ->
            Assert.True(same (ours shape given) blas, $"{shape.Form}: not the BLAS"))

        withTable (all false) (fun () ->
            Assert.True(same (ours shape given) oneDnn, $"{shape.Form}: not oneDNN"))

        Assert.True(same (ours shape given) oneDnn, $"{shape.Form}: a table that is no longer in use is")

[<Fact>]
let ``a table is asked by the form of a product`` () =
    needChoice ()

    for form in Enum.GetValues<ProductForm>() do
        let table =
            { all false with
                Timings = [| for shape in ProductTable.Shapes -> timingOf shape (shape.Form = form) |]
            }

        withTable table (fun () ->
            for shape in shapes do
                use _ = torch.NewDisposeScope()
                let given = operands torch.ScalarType.Float32 shape
                Assert.Equal((shape.Form = form), same (ours shape given) (libtorchs shape given)))

[<Theory; InlineData(torch.ScalarType.Float64); InlineData(torch.ScalarType.BFloat16)>]
let ``other types have the same bits with any table`` (dtype: torch.ScalarType) =
    needChoice ()

    for shape in shapes do
        use _ = torch.NewDisposeScope()
        let given = operands dtype shape
        let without = ours shape given

        for blas in [ true; false ] do
            withTable (all blas) (fun () -> Assert.True(same (ours shape given) without))

[<Fact>]
let ``a measurement is of a shape, in seconds, and chooses nothing`` () =
    needChoice ()

    let shape =
        {
            Form = ProductForm.OfWeight
            Rows = 512L
            Columns = 256L
            Inner = 64L
        }

    let struct (blas, oneDnn) = MatrixProducts.Time shape

    for seconds in [ blas; oneDnn ] do
        // 17 million operations: a microsecond would be 17 TFLOP/s on one core, ten seconds no processor.
        Assert.InRange(seconds, 1e-6, 10.0)

    Assert.Null(MatrixProducts.InUse)

[<Fact>]
let ``what timings depend on is one line that names processor, threads and libraries`` () =
    let machine = MatrixProducts.Machine
    Assert.DoesNotContain("\n", machine)
    Assert.Contains($"{Threads.Count} threads", machine)
    Assert.Contains($"libtorch {NativeTorch.Version}", machine)

    if MatrixProducts.HaveChoice then
        Assert.Matches(@"oneDNN \d+\.\d+\.\d+", machine)
