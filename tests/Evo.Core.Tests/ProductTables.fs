/// The table of matrix products: which way it takes, and how it is kept as text.
module Evo.Core.Tests.ProductTables

open System
open FsCheck
open FsCheck.FSharp
open Evo.Core
open Evo.Core.Tests.Properties
open Xunit

let private ways = ProductTiming.Ways

/// A timing by the seconds of each way, the same at both times.
let private timingOf (shape: ProductShape) (seconds: ProductWay -> float) =
    {
        Shape = shape
        First = Array.map seconds ways
        Again = Array.map seconds ways
    }

/// Shapes beside the grid.
let private others =
    [|
        for form in Enum.GetValues<ProductForm>() ->
            {
                Form = form
                Rows = 1024L
                Columns = 2752L
                Inner = 512L
            }
    |]

/// A table whose timings are drawn from a seed; each way is as often faster than oneDNN as not.
let private drawn (seed: int) =
    let random = Random seed

    let timing shape =
        let first = [| for _ in ways -> 0.5 + random.NextDouble() |]

        {
            Shape = shape
            First = first
            Again = [| for seconds in first -> seconds * (1.0 + 0.1 * random.NextDouble()) |]
        }

    {
        Machine = "a processor; 2 threads"
        Timings = [| for shape in ProductTable.Shapes -> timing shape |]
        Known = Array.map timing others
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
    Assert.Equal(ways.Length, Seq.length (Seq.distinct table.Ways.Values))

    for timing in
        table.Timings
        |> Seq.indexed
        |> Seq.filter (fun (i, _) -> i % 7 = 0)
        |> Seq.map snd do
        Assert.Equal(table.Ways[timing.Shape], table.WayOf timing.Shape)

[<Fact>]
let ``a way is faster where it is by more than noise`` () =
    let isFaster (first, again) (oneDnn, oneDnnAgain) =
        let seconds other undivided =
            [| for way in ways -> if way = ProductWay.OneDnn then undivided else other |]

        let timing =
            {
                Shape = ProductTable.Shapes.Head
                First = seconds first oneDnn
                Again = seconds again oneDnnAgain
            }

        let answers = [ for way in ways[1..] -> timing.IsFaster way ]
        Assert.False(timing.IsFaster ProductWay.OneDnn)
        Assert.Single(List.distinct answers)

    Assert.True(isFaster (0.97, 0.93) (1.0, 1.1))
    Assert.False(isFaster (0.99, 0.93) (1.0, 1.1))
    Assert.False(isFaster (2.0, 2.0) (1.0, 1.0))
    // Two times that differ are those of a busy machine.
    Assert.False(isFaster (0.5, 0.6) (1.0, 1.0))
    Assert.False(isFaster (0.5, 0.5) (1.0, 1.2))

/// A table of all shapes, at some of which a way is twice as fast as the others.
let private fasterAt (fast: ProductWay) (isFaster: ProductShape -> bool) =
    { drawn 1 with
        Timings =
            [|
                for shape in ProductTable.Shapes ->
                    timingOf shape (fun way -> if way = fast && isFaster shape then 1.0 else 2.0)
            |]
    }

[<Fact>]
let ``of several faster ways the fastest is taken, though others are faster in more places`` () =
    let seconds way =
        match way with
        | ProductWay.Blas -> 0.9
        | ProductWay.OneDnnColumns -> 0.8
        | _ -> 1.0

    let table =
        { drawn 1 with
            Timings = [| for shape in ProductTable.Shapes -> timingOf shape seconds |]
        }

    Assert.Equal(ProductWay.OneDnnColumns, Assert.Single(Seq.distinct table.Ways.Values))

[<Fact>]
let ``what is faster at one shape and not around it is noise`` () =
    for form in Enum.GetValues<ProductForm>() do
        for shape in ProductTable.Shapes |> List.filter (fun shape -> shape.Form = form) do
            for way in ways do
                Assert.Equal(
                    ProductWay.OneDnn,
                    Assert.Single(Seq.distinct (fasterAt way ((=) shape)).Ways.Values)
                )

[<Fact>]
let ``a region where a way is faster keeps its borders`` () =
    let few (shape: ProductShape) =
        shape.Form = ProductForm.Forward && shape.Rows <= 64L

    for way in ways[1..] do
        let taken = (fasterAt way few).Ways

        for shape in ProductTable.Shapes do
            Assert.Equal((if few shape then way else ProductWay.OneDnn), taken[shape])

[<Fact>]
let ``larger products are taken for the largest measured, smaller ones have oneDNN`` () =
    let table = fasterAt ProductWay.OneDnnRows (fun _ -> true)

    let shape rows columns inner =
        {
            Form = ProductForm.Forward
            Rows = rows
            Columns = columns
            Inner = inner
        }

    Assert.Equal(ProductWay.OneDnnRows, table.WayOf(shape 32768L 16384L 16384L))
    Assert.Equal(ProductWay.OneDnnRows, table.WayOf(shape 16L 256L 256L))
    Assert.Equal(ProductWay.OneDnn, table.WayOf(shape 1L 4096L 4096L))
    Assert.Equal(ProductWay.OneDnn, table.WayOf(shape 256L 8L 512L))
    Assert.Equal(ProductWay.OneDnn, table.WayOf(shape 256L 512L 64L))

[<Fact>]
let ``a shape that a run has is taken by its own timing, whatever its neighbours are`` () =
    let few = fasterAt ProductWay.OneDnnRows (fun _ -> true)

    let table =
        { few with
            Known =
                [|
                    for shape in others ->
                        timingOf shape (fun way -> if way = ProductWay.BlasRows then 1.0 else 2.0)
                |]
        }

    for shape in others do
        Assert.Equal(ProductWay.BlasRows, table.WayOf shape)
        Assert.Equal(ProductWay.OneDnnRows, table.WayOf { shape with Rows = shape.Rows + 1L })
        Assert.Equal(ProductWay.OneDnnRows, (table.For []).WayOf shape)
        Assert.Equal(ProductWay.BlasRows, (table.For [ shape ]).WayOf shape)

    Assert.Empty(table.Missing others)
    let another = { others[0] with Inner = 768L }
    Assert.Equal<ProductShape list>([ another ], List.ofSeq (table.Missing [ another; others[1]; another ]))

[<Fact>]
let ``of a large product fewer tokens are measured, and never few`` () =
    for form in Enum.GetValues<ProductForm>() do
        let shape tokens =
            match form with
            | ProductForm.OfWeight ->
                {
                    Form = form
                    Rows = 4096L
                    Columns = 4096L
                    Inner = tokens
                }
            | _ ->
                {
                    Form = form
                    Rows = tokens
                    Columns = 4096L
                    Inner = 4096L
                }

        Assert.Equal(shape 512L, (shape 4096L).AtMost(1L <<< 34, 256L))
        Assert.Equal(shape 256L, (shape 4096L).AtMost(1L <<< 30, 256L))
        Assert.Equal(shape 300L, (shape 300L).AtMost(1L <<< 30, 256L))

[<Fact>]
let ``without timings oneDNN is taken everywhere`` () =
    let table = ProductTable.Unmeasured "here"
    Assert.Equal(byte ProductWay.OneDnn, Assert.Single(Seq.distinct table.Choices))
    Assert.Equal(Some table.Text, ProductTable.Read("here", table.Text) |> Option.map _.Text)
    Assert.True(ProductTable.Read("there", table.Text).IsNone)

[<Fact>]
let ``a table is steady where most of its timings agree with themselves`` () =
    let table disturbed =
        { drawn 1 with
            Known = [||]
            Timings =
                [|
                    for i, shape in List.indexed ProductTable.Shapes ->
                        { timingOf shape (fun _ -> 1.0) with
                            Again =
                                [|
                                    for way in ways ->
                                        if i < disturbed && way = ProductWay.BlasRows then
                                            1.2
                                        else
                                            1.1
                                |]
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
        Assert.Equal<ProductTiming list>(List.ofSeq table.Known, List.ofSeq read.Known)
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
            | 2 -> lines |> Array.updateAt line (lines[line].Replace("OneDnn ", "OneDnn -"))
            | 3 -> lines |> Array.updateAt line (lines[line].Replace("Blas ", "Blas x"))
            | _ -> lines |> Array.insertAt line lines[line]

        // The line that counts the shapes of runs has no times to change.
        changed = lines || isNone (String.Join("\n", changed)))
