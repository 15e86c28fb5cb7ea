namespace Evo.Core

open System
open System.Collections.Generic
open System.Globalization

/// What a matrix product of a linear map is for, and which of its operands it takes transposed.
type ProductForm =
    /// y = x Wᵀ
    | Forward = 0
    /// dx = dy W
    | OfInput = 1
    /// dW = dyᵀ x
    | OfWeight = 2

/// A matrix product of so many rows and columns, each element a sum over so many products.
[<Struct>]
type ProductShape =
    {
        Form: ProductForm
        Rows: int64
        Columns: int64
        Inner: int64
    }

/// How a product is computed: by oneDNN or the BLAS, and divided over the threads by the library itself, or before it is asked, into
/// pieces of the result's rows or columns that one thread computes each.
type ProductWay =
    | OneDnn = 0
    | Blas = 1
    /// By oneDNN, a piece of the rows for each thread.
    | OneDnnRows = 2
    | OneDnnColumns = 3
    /// Two pieces of the rows for each thread.
    | OneDnnHalfRows = 4
    | BlasRows = 5

/// What one product took in each way, in seconds: the least of some turns, at two times.
type ProductTiming =
    {
        Shape: ProductShape
        /// In the order of the ways.
        First: float[]
        Again: float[]
    }

    /// The ways that are measured.
    static member Ways = Enum.GetValues<ProductWay>()

    member private timing.Agrees(way: ProductWay) =
        let a, b = timing.First[int way], timing.Again[int way]
        max a b <= 1.15 * min a b

    /// Whether both times of each way agree: on a busy machine they do not.
    member timing.IsSteady = ProductTiming.Ways |> Array.forall timing.Agrees

    /// The least time of a way beside that of oneDNN undivided.
    member timing.Part(way: ProductWay) =
        min timing.First[int way] timing.Again[int way]
        / min timing.First[0] timing.Again[0]

    /// Whether a way was faster than oneDNN undivided, beyond what may be noise.
    member timing.IsFaster(way: ProductWay) =
        timing.Agrees way
        && timing.Agrees ProductWay.OneDnn
        && max timing.First[int way] timing.Again[int way] < 0.98 * min timing.First[0] timing.Again[0]

/// In which way float32 matrices of which shape are multiplied, as it was measured once on a machine. A product is taken for the
/// measured one of its form whose three sizes are nearest, in octaves; below the least measured sizes oneDNN is taken, undivided. So it
/// is wherever no other way was faster at the shape and at half of the neighbouring shapes: what makes a way fast or slow does so over a
/// region, and a moment's noise at one shape would decide for all beyond the largest that is measured.
type ProductTable =
    {
        /// What the timings depend on, on one line.
        Machine: string
        /// One for each of `ProductTable.Shapes`, in their order; none where nothing was measured: oneDNN everywhere.
        Timings: IReadOnlyList<ProductTiming>
    }

    static member private Heading = "evo matrix products 2"

    /// Tokens of a product.
    static member Tokens = [ 16L; 64L; 256L; 1024L ]

    /// Sizes that a linear map leads from and to.
    static member Widths = [ 256L; 512L; 1024L; 2048L; 4096L ]

    /// The shapes that are measured: all of at most 2³⁰ operations, about 5 ms on two cores.
    static member Shapes =
        [
            for form in Enum.GetValues<ProductForm>() do
                for tokens in ProductTable.Tokens do
                    for a in ProductTable.Widths do
                        for b in ProductTable.Widths do
                            if 2L * tokens * a * b <= (1L <<< 30) then
                                match form with
                                | ProductForm.OfWeight ->
                                    {
                                        Form = form
                                        Rows = a
                                        Columns = b
                                        Inner = tokens
                                    }
                                | _ ->
                                    {
                                        Form = form
                                        Rows = tokens
                                        Columns = a
                                        Inner = b
                                    }
        ]

    /// Nothing was measured.
    static member Unmeasured(machine: string) : ProductTable = { Machine = machine; Timings = [||] }

    // Sizes as steps of the grid of measured shapes: tokens are two octaves apart, widths one.
    static member private Steps(shape: ProductShape) =
        let tokens, a, b =
            match shape.Form with
            | ProductForm.OfWeight -> shape.Inner, shape.Rows, shape.Columns
            | _ -> shape.Rows, shape.Columns, shape.Inner

        struct (Math.Log2(float tokens) / 2.0, Math.Log2(float a), Math.Log2(float b))

    /// The way of each measured shape: the fastest of those that were faster here and around it, else oneDNN undivided.
    member table.Ways: IReadOnlyDictionary<ProductShape, ProductWay> =
        let isNeighbour (shape: ProductShape) (other: ProductShape) =
            let struct (t, a, b) = ProductTable.Steps shape
            let struct (u, c, d) = ProductTable.Steps other
            other.Form = shape.Form && abs (t - u) + abs (a - c) + abs (b - d) = 1.0

        let ways = Dictionary<ProductShape, ProductWay>()

        for timing in table.Timings do
            let neighbours =
                table.Timings
                |> Seq.filter (fun other -> isNeighbour timing.Shape other.Shape)
                |> Array.ofSeq

            let isTaken way =
                timing.IsFaster way
                && 2 * (neighbours |> Seq.filter _.IsFaster(way) |> Seq.length)
                   >= neighbours.Length

            let taken = ProductTiming.Ways |> Array.filter isTaken

            ways[timing.Shape] <-
                if taken.Length = 0 then
                    ProductWay.OneDnn
                else
                    Array.minBy timing.Part taken

        ways

    /// Whether the machine was quiet enough: timings of most shapes agree with themselves.
    member table.IsSteady =
        let steady = table.Timings |> Seq.filter _.IsSteady |> Seq.length
        2 * steady > table.Timings.Count

    /// Sizes are told apart by octaves: the nearest power of two, of the exponents 0 to 15.
    static member Octaves = 16

    /// The way of each form and each octave of rows, columns and inner size, in this order.
    member table.Choices: byte[] =
        let octaves = ProductTable.Octaves
        let ways = table.Ways

        [|
            for form in Enum.GetValues<ProductForm>() do
                let points =
                    [|
                        for timing in table.Timings do
                            if timing.Shape.Form = form then
                                let octave (size: int64) = Math.Log2(float size)

                                struct (octave timing.Shape.Rows,
                                        octave timing.Shape.Columns,
                                        octave timing.Shape.Inner,
                                        byte ways[timing.Shape])
                    |]

                let mutable row, column, inner = infinity, infinity, infinity

                for struct (r, c, i, _) in points do
                    row <- min row r
                    column <- min column c
                    inner <- min inner i

                for place in 0 .. octaves * octaves * octaves - 1 do
                    let r = float (place / octaves / octaves)
                    let c = float (place / octaves % octaves)
                    let i = float (place % octaves)
                    let mutable way = byte ProductWay.OneDnn

                    if r >= row && c >= column && i >= inner then
                        let mutable nearest = infinity

                        for struct (pr, pc, pi, measured) in points do
                            let apart = (pr - r) * (pr - r) + (pc - c) * (pc - c) + (pi - i) * (pi - i)

                            if apart < nearest then
                                nearest <- apart
                                way <- measured

                    way
        |]

    /// The way of a product of this shape.
    member table.WayOf(shape: ProductShape) : ProductWay =
        let octave (size: int64) =
            min (ProductTable.Octaves - 1) (int (Math.Round(Math.Log2(float size))))

        let sizes = [ shape.Rows; shape.Columns; shape.Inner ]

        let place =
            sizes
            |> List.fold (fun place size -> place * ProductTable.Octaves + octave size) (int shape.Form)

        enum (int table.Choices[place])

    /// The table as text: what files hold.
    member table.Text =
        let seconds (value: float) =
            value.ToString("R", CultureInfo.InvariantCulture)

        let lines =
            [
                ProductTable.Heading
                table.Machine
                for timing in table.Timings do
                    let shape = timing.Shape

                    String.Join(
                        ' ',
                        [
                            $"{shape.Form} {shape.Rows} {shape.Columns} {shape.Inner}"
                            for way in ProductTiming.Ways do
                                $"{way} {seconds timing.First[int way]} {seconds timing.Again[int way]}"
                        ]
                    )
                "end"
            ]

        String.Join("\n", lines) + "\n"

    // A line of the text, where it is of this shape.
    static member private TimingOf (shape: ProductShape) (line: string) : ProductTiming option =
        let number (word: string) =
            match Double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture) with
            | true, value when Double.IsFinite value && value > 0.0 -> Some value
            | _ -> None

        let words = line.Split ' '
        let ways = ProductTiming.Ways

        let sizes =
            [|
                string shape.Form
                string shape.Rows
                string shape.Columns
                string shape.Inner
            |]

        if
            words.Length <> sizes.Length + 3 * ways.Length
            || Array.truncate sizes.Length words <> sizes
        then
            None
        else
            let measured = words |> Array.skip sizes.Length |> Array.chunkBySize 3
            let first = measured |> Array.choose (fun part -> number part[1])
            let again = measured |> Array.choose (fun part -> number part[2])

            if
                Array.map Array.head measured = Array.map string ways
                && first.Length = ways.Length
                && again.Length = ways.Length
            then
                Some
                    {
                        Shape = shape
                        First = first
                        Again = again
                    }
            else
                None

    /// The table in a text; nothing where it is damaged, or of another machine or of other shapes than are measured now.
    static member Read(machine: string, text: string) : ProductTable option =
        let shapes = ProductTable.Shapes

        match text.Split '\n' |> List.ofArray with
        | [ heading; named; "end"; "" ] when heading = ProductTable.Heading && named = machine ->
            Some(ProductTable.Unmeasured machine)
        | heading :: named :: lines when
            heading = ProductTable.Heading
            && named = machine
            && lines.Length = shapes.Length + 2
            && List.skip shapes.Length lines = [ "end"; "" ]
            ->
            let found =
                List.map2 ProductTable.TimingOf shapes (List.truncate shapes.Length lines)

            if List.forall Option.isSome found then
                Some
                    {
                        Machine = machine
                        Timings = List.choose id found
                    }
            else
                None
        | _ -> None

    /// The table in a text, whichever machine it is of; null where it is damaged.
    static member OfAnyMachine(text: string) : ProductTable | null =
        match text.Split '\n' with
        | lines when lines.Length > 1 -> ProductTable.TryRead(lines[1], text)
        | _ -> null

    /// As `Read`, for C#.
    static member TryRead(machine: string, text: string) : ProductTable | null =
        match ProductTable.Read(machine, text) with
        | Some table -> table
        | None -> null
