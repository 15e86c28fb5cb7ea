/// In which way matrices are multiplied: what a table says, of float32 alone, and nothing else.
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

let private timingOf shape fast =
    let seconds = [| for way in ProductTiming.Ways -> if way = fast then 1.0 else 2.0 |]

    {
        Shape = shape
        First = seconds
        Again = seconds
    }

/// One way for all shapes of a form.
let private tableOf (wayOf: ProductForm -> ProductWay) : ProductTable =
    {
        Machine = "test"
        Timings = [| for shape in ProductTable.Shapes -> timingOf shape (wayOf shape.Form) |]
        Known = [||]
    }

let private all way = tableOf (fun _ -> way)

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

        withTable (all ProductWay.Blas) (fun () ->
            Assert.True(same (ours shape given) blas, $"{shape.Form}: not the BLAS"))

        withTable (all ProductWay.OneDnn) (fun () ->
            Assert.True(same (ours shape given) oneDnn, $"{shape.Form}: not oneDNN"))

        Assert.True(same (ours shape given) oneDnn, $"{shape.Form}: a table that is no longer in use is")

[<Fact>]
let ``a shape that a run has goes its own way, and only that shape`` () =
    needChoice ()

    for shape in shapes do
        use _ = torch.NewDisposeScope()
        let given = operands torch.ScalarType.Float32 shape

        let table known =
            { all ProductWay.OneDnn with
                Known = [| for other in known -> timingOf other ProductWay.Blas |]
            }

        let isBlas () =
            same (ours shape given) (libtorchs shape given)

        withTable (table shapes) (fun () -> Assert.True(isBlas ()))
        withTable (table [ shape ]) (fun () -> Assert.True(isBlas ()))
        withTable (table (List.except [ shape ] shapes)) (fun () -> Assert.False(isBlas ()))

        for other in
            [
                { shape with Rows = shape.Rows + 1L }
                { shape with
                    Columns = shape.Columns + 1L
                }
                { shape with Inner = shape.Inner + 1L }
            ] do
            withTable (table [ other ]) (fun () -> Assert.False(isBlas ()))

[<Fact>]
let ``a table is asked by the form of a product`` () =
    needChoice ()

    for form in Enum.GetValues<ProductForm>() do
        let table =
            tableOf (fun other -> if other = form then ProductWay.Blas else ProductWay.OneDnn)

        withTable table (fun () ->
            for shape in shapes do
                use _ = torch.NewDisposeScope()
                let given = operands torch.ScalarType.Float32 shape
                Assert.Equal((shape.Form = form), same (ours shape given) (libtorchs shape given)))

/// Runs with so many threads.
let private onThreads count act =
    let before = Threads.Count
    Threads.Set count

    try
        act ()
    finally
        Threads.Set before

[<Theory; InlineData 1; InlineData 2; InlineData 3; InlineData 5>]
let ``a divided product is the product, of all sizes, with a bias and into a sum`` (threads: int) =
    needChoice ()
    let random = Random 7

    let check way (form: ProductForm) rows columns inner =
        use _ = torch.NewDisposeScope()

        let shape =
            {
                Form = form
                Rows = rows
                Columns = columns
                Inner = inner
            }

        let a, b = operands torch.ScalarType.Float32 shape
        let product = ours shape (a, b)
        let exact = libtorchs shape (a.to_type torch.float64, b.to_type torch.float64)

        let near what (expected: Tensor) (found: Tensor) =
            let apart = (found.to_type torch.float64 - expected).abs().max().item<double>()
            // Sums of `inner` products of normal numbers, rounded to 24 bits.
            let bound = 2e-6 * Math.Sqrt(float inner) * 4.0

            Assert.True(
                apart <= bound,
                $"{way}, {form} {rows} x {columns} x {inner}, {what}: {apart} apart, {bound} allowed"
            )

        near "alone" exact product
        let sum = (normal random [ int rows; int columns ]).to_type torch.float32
        let summed = sum.to_type torch.float64 + exact

        Evo.Torch.Native.EvoOperators.add_product_ (
            sum,
            a,
            (form = ProductForm.OfWeight),
            b,
            (form = ProductForm.Forward)
        )

        near "into a sum" summed sum

        if form = ProductForm.Forward then
            let bias = (normal random [ int columns ]).to_type torch.float32
            near "with a bias" (exact + bias.to_type torch.float64) (Ops.Linear(a, b, bias))

    onThreads threads (fun () ->
        for way in ProductTiming.Ways do
            withTable (all way) (fun () ->
                for form in Enum.GetValues<ProductForm>() do
                    for rows, columns, inner in
                        [ 257L, 509L, 773L; 272L, 256L, 256L; 300L, 1000L, 257L; 1024L, 272L, 300L ] do
                        check way form rows columns inner))

[<Fact>]
let ``a way that divides has its bits each time`` () =
    needChoice ()

    onThreads 2 (fun () ->
        for way in ProductTiming.Ways do
            withTable (all way) (fun () ->
                for shape in shapes do
                    use _ = torch.NewDisposeScope()
                    let given = operands torch.ScalarType.Float32 shape
                    let first = ours shape given

                    for _ in 1..5 do
                        Assert.True(same (ours shape given) first, $"{way}, {shape.Form}")))

[<Theory; InlineData(torch.ScalarType.Float64); InlineData(torch.ScalarType.BFloat16)>]
let ``other types have the same bits with any table`` (dtype: torch.ScalarType) =
    needChoice ()

    for shape in shapes do
        use _ = torch.NewDisposeScope()
        let given = operands dtype shape
        let without = ours shape given

        for way in ProductTiming.Ways do
            withTable (all way) (fun () -> Assert.True(same (ours shape given) without))

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

    let times = MatrixProducts.Time shape
    Assert.Equal(ProductTiming.Ways.Length, times.Length)

    for seconds in times do
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
