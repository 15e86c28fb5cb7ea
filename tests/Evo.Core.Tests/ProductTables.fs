/// The table of matrix products: which library it takes, and how it is kept as text.
module Evo.Core.Tests.ProductTables

open System
open FsCheck
open FsCheck.FSharp
open Evo.Core
open Evo.Core.Tests.Properties
open Xunit

/// A table whose timings are drawn from a seed; the BLAS is as often the faster as not.
let private drawn (seed: int) =
    let random = Random seed

    {
        Machine = "a processor; 2 threads"
        Timings =
            [|
                for shape in ProductTable.Shapes ->
                    {
                        Shape = shape
                        Blas = 1.0
                        BlasAgain = 1.0 + 0.1 * random.NextDouble()
                        OneDnn = 0.5 + random.NextDouble()
                        OneDnnAgain = 0.5 + random.NextDouble()
                    }
            |]
    }

[<Fact>]
let ``shapes are different, small enough to be measured in seconds, and of all forms alike`` () =
    let shapes = ProductTable.Shapes
    Assert.Equal(shapes.Length, (List.distinct shapes).Length)

    for shape in shapes do
        Assert.True(2L * shape.Rows * shape.Columns * shape.Inner <= (1L <<< 30), string shape)

    let counts = shapes |> List.countBy _.Form |> List.map snd
    Assert.Equal(3, counts.Length)
    Assert.Single(List.distinct counts) |> ignore

[<Theory; InlineData 1; InlineData 2>]
let ``a measured shape has what its timing says`` (seed: int) =
    let table = drawn seed
    Assert.NotEmpty table.Blas

    for timing in
        table.Timings
        |> Seq.indexed
        |> Seq.filter (fun (i, _) -> i % 7 = 0)
        |> Seq.map snd do
        Assert.Equal(table.Blas.Contains timing.Shape, table.Takes timing.Shape)

[<Fact>]
let ``the BLAS is taken where it is faster by more than noise`` () =
    let timing (blas, blasAgain) (oneDnn, oneDnnAgain) =
        {
            Shape = ProductTable.Shapes.Head
            Blas = blas
            BlasAgain = blasAgain
            OneDnn = oneDnn
            OneDnnAgain = oneDnnAgain
        }

    Assert.True((timing (0.94, 0.93) (1.0, 1.1)).FasterInBlas)
    Assert.False((timing (0.96, 0.93) (1.0, 1.1)).FasterInBlas)
    Assert.False((timing (2.0, 2.0) (1.0, 1.0)).FasterInBlas)
    // Two times that differ are those of a busy machine.
    Assert.False((timing (0.5, 0.6) (1.0, 1.0)).FasterInBlas)
    Assert.False((timing (0.5, 0.5) (1.0, 1.2)).FasterInBlas)

/// A table of all shapes, at some of which the BLAS is twice as fast.
let private fasterAt (isFaster: ProductShape -> bool) =
    { drawn 1 with
        Timings =
            [|
                for shape in ProductTable.Shapes ->
                    let oneDnn = if isFaster shape then 2.0 else 1.0

                    {
                        Shape = shape
                        Blas = 1.0
                        BlasAgain = 1.0
                        OneDnn = oneDnn
                        OneDnnAgain = oneDnn
                    }
            |]
    }

[<Fact>]
let ``what is faster at one shape and not around it is noise`` () =
    for form in Enum.GetValues<ProductForm>() do
        for shape in ProductTable.Shapes |> List.filter (fun shape -> shape.Form = form) do
            Assert.Empty (fasterAt ((=) shape)).Blas

[<Fact>]
let ``a region where the BLAS is faster keeps its borders`` () =
    let few (shape: ProductShape) =
        shape.Form = ProductForm.Forward && shape.Rows <= 64L

    let taken = (fasterAt few).Blas

    Assert.Equal<ProductShape list>(
        List.filter few ProductTable.Shapes,
        List.filter taken.Contains ProductTable.Shapes
    )

[<Fact>]
let ``larger products are taken for the largest measured, smaller ones have oneDNN`` () =
    let table = fasterAt (fun _ -> true)

    let shape rows columns inner =
        {
            Form = ProductForm.Forward
            Rows = rows
            Columns = columns
            Inner = inner
        }

    Assert.True(table.Takes(shape 32768L 16384L 16384L))
    Assert.True(table.Takes(shape 16L 256L 256L))
    Assert.False(table.Takes(shape 1L 4096L 4096L))
    Assert.False(table.Takes(shape 256L 8L 512L))
    Assert.False(table.Takes(shape 256L 512L 64L))

[<Fact>]
let ``without timings oneDNN is taken everywhere`` () =
    let table = ProductTable.Unmeasured "here"
    Assert.DoesNotContain(1uy, table.Choices)
    Assert.Equal(Some table.Text, ProductTable.Read("here", table.Text) |> Option.map _.Text)
    Assert.True(ProductTable.Read("there", table.Text).IsNone)

[<Fact>]
let ``a table is steady where most of its timings agree with themselves`` () =
    let table disturbed =
        { drawn 1 with
            Timings =
                [|
                    for i, shape in List.indexed ProductTable.Shapes ->
                        {
                            Shape = shape
                            Blas = 1.0
                            BlasAgain = (if i < disturbed then 1.2 else 1.1)
                            OneDnn = 1.0
                            OneDnnAgain = 1.0
                        }
                |]
        }

    let half = ProductTable.Shapes.Length / 2
    Assert.True((table (half - 1)).IsSteady)
    Assert.False((table half).IsSteady)

[<Fact>]
let ``the text of a table is the table`` () =
    let table = drawn 3

    match ProductTable.Read(table.Machine, table.Text) with
    | None -> Assert.Fail "not read"
    | Some read ->
        Assert.Equal<ProductTiming list>(List.ofSeq table.Timings, List.ofSeq read.Timings)
        Assert.Equal(table.Machine, read.Machine)
        Assert.NotNull(ProductTable.OfAnyMachine table.Text)

[<Fact>]
let ``a text that is cut, changed or of another machine is no table`` () =
    let table = drawn 4
    let text = table.Text
    let lines = text.Split '\n'

    let isNone text =
        ProductTable.Read(table.Machine, text).IsNone

    Assert.True(ProductTable.Read("another", text).IsNone)

    forAll (Gen.choose (0, text.Length - 1)) noShrink (fun length -> isNone (text.Substring(0, length)))

    forAll (Gen.zip (Gen.choose (0, 4)) (Gen.choose (2, lines.Length - 4))) noShrink (fun (change, line) ->
        let changed =
            match change with
            | 0 -> lines |> Array.removeAt line
            | 1 -> lines |> Array.updateAt line lines[line + 1]
            | 2 -> lines |> Array.updateAt line (lines[line].Replace("onednn ", "onednn -"))
            | 3 -> lines |> Array.updateAt line (lines[line].Replace("blas ", "blas x"))
            | _ -> lines |> Array.insertAt line lines[line]

        isNone (String.Join("\n", changed)))
