namespace Evo.Core

open System
open System.Collections.Generic

/// In which way float32 matrices of which shape are multiplied, as it was measured once on a machine: at shapes of a grid, and at those
/// that a run is known to have. Another product is taken for the one of the grid and its form whose three sizes are nearest, in octaves;
/// below the least of them oneDNN is taken, undivided. So it is wherever no other way was faster at the shape and, of the grid, at half
/// of the neighbouring shapes: what makes a way fast or slow does so over a region, and a moment's noise at one shape would decide for all
/// beyond the largest that is measured.
type ProductTable =
    {
        /// What the timings depend on, on one line.
        Machine: string
        /// One for each of `ProductTable.Shapes`, in their order; none where nothing was measured: oneDNN everywhere.
        Timings: IReadOnlyList<ProductTiming>
        /// Of shapes that runs have.
        Known: IReadOnlyList<ProductTiming>
    }

    static member private Heading = "evo matrix products 3"

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
    static member Unmeasured(machine: string) : ProductTable =
        {
            Machine = machine
            Timings = [||]
            Known = [||]
        }

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

            ways[timing.Shape] <-
                timing.Fastest(fun way ->
                    2 * (neighbours |> Seq.filter _.IsFaster(way) |> Seq.length)
                    >= neighbours.Length)

        ways

    /// Whether the machine was quiet enough: timings of most shapes agree with themselves.
    member table.IsSteady =
        let all = Seq.append table.Timings table.Known
        2 * (all |> Seq.filter _.IsSteady |> Seq.length) > Seq.length all

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

    /// The ways of the shapes that runs have.
    member table.KnownWays: IReadOnlyDictionary<ProductShape, ProductWay> =
        dict [ for timing in table.Known -> timing.Shape, timing.Fastest(fun _ -> true) ]
        |> Dictionary
        :> _

    /// This table as a run has it that asks for these shapes and no others.
    member table.For(shapes: IEnumerable<ProductShape>) : ProductTable =
        let wanted = HashSet shapes

        { table with
            Known =
                [|
                    for timing in table.Known do
                        if wanted.Contains timing.Shape then
                            timing
                |]
        }

    /// Those of some shapes that were not measured.
    member table.Missing(shapes: IEnumerable<ProductShape>) : IReadOnlyList<ProductShape> =
        let known = HashSet [ for timing in table.Known -> timing.Shape ]

        [|
            for shape in Seq.distinct shapes do
                if not (known.Contains shape) then
                    shape
        |]

    /// The way of a product of this shape.
    member table.WayOf(shape: ProductShape) : ProductWay =
        match table.KnownWays.TryGetValue shape with
        | true, way -> way
        | _ -> table.Nearest shape

    member private table.Nearest(shape: ProductShape) : ProductWay =
        let octave (size: int64) =
            min (ProductTable.Octaves - 1) (int (Math.Round(Math.Log2(float size))))

        let sizes = [ shape.Rows; shape.Columns; shape.Inner ]

        let place =
            sizes
            |> List.fold (fun place size -> place * ProductTable.Octaves + octave size) (int shape.Form)

        enum (int table.Choices[place])

    /// The table as text: what files hold.
    member table.Text =
        let lines =
            [
                ProductTable.Heading
                table.Machine
                for timing in table.Timings do
                    timing.Text
                $"of runs {table.Known.Count}"
                for timing in table.Known do
                    timing.Text
                "end"
            ]

        String.Join("\n", lines) + "\n"

    /// The table in a text; nothing where it is damaged, or of another machine or of another grid than is measured now.
    static member Read(machine: string, text: string) : ProductTable option =
        let grid = ProductTable.Shapes

        let timings (lines: string list) =
            let found = List.choose ProductTiming.Read lines
            let shapes = found |> List.map _.Shape

            if found.Length = lines.Length && List.distinct shapes = shapes then
                Some found
            else
                None

        match text.Split '\n' |> List.ofArray with
        | heading :: named :: lines when
            heading = ProductTable.Heading
            && named = machine
            && lines.Length >= 3
            && List.skip (lines.Length - 2) lines = [ "end"; "" ]
            ->
            let all = List.truncate (lines.Length - 2) lines

            let measured, ofRuns =
                List.splitAt (if all.Length > grid.Length then grid.Length else 0) all

            match ofRuns with
            | count :: known when count = $"of runs {known.Length}" ->
                match timings measured, timings known with
                | Some measured, Some known when measured.IsEmpty || measured |> List.map _.Shape = grid ->
                    Some
                        {
                            Machine = machine
                            Timings = measured
                            Known = known
                        }
                | _ -> None
            | _ -> None
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
