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

/// What one product took in each library that can compute it, in seconds: the least of some turns, at two times.
[<Struct>]
type ProductTiming =
    {
        Shape: ProductShape
        Blas: float
        BlasAgain: float
        OneDnn: float
        OneDnnAgain: float
    }

    /// Whether both times agree: on a busy machine they do not.
    member timing.IsSteady =
        let agree (a: float) (b: float) = max a b <= 1.15 * min a b
        agree timing.Blas timing.BlasAgain && agree timing.OneDnn timing.OneDnnAgain

    /// Whether the BLAS was faster beyond what may be noise.
    member timing.FasterInBlas =
        timing.IsSteady
        && max timing.Blas timing.BlasAgain < 0.95 * min timing.OneDnn timing.OneDnnAgain

/// Which library multiplies float32 matrices of which shape, as it was measured once on a machine. A product is taken for the
/// measured one of its form whose three sizes are nearest, in octaves; below the least measured sizes oneDNN is taken. So it is where
/// the BLAS was faster, but at fewer than half of the neighbouring shapes: what makes a library fast or slow does so over a region,
/// and a moment's noise at one shape would decide for all beyond the largest that is measured.
type ProductTable =
    {
        /// What the timings depend on, on one line.
        Machine: string
        /// One for each of `ProductTable.Shapes`, in their order; none where nothing was measured: oneDNN everywhere.
        Timings: IReadOnlyList<ProductTiming>
    }

    static member private Heading = "evo matrix products 1"

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

    /// The measured shapes at which the BLAS is taken.
    member table.Blas: IReadOnlySet<ProductShape> =
        let isNeighbour (shape: ProductShape) (other: ProductShape) =
            let struct (t, a, b) = ProductTable.Steps shape
            let struct (u, c, d) = ProductTable.Steps other
            other.Form = shape.Form && abs (t - u) + abs (a - c) + abs (b - d) = 1.0

        let taken = HashSet<ProductShape>()

        for timing in table.Timings do
            if timing.FasterInBlas then
                let neighbours =
                    table.Timings |> Seq.filter (fun other -> isNeighbour timing.Shape other.Shape)

                let agreeing = neighbours |> Seq.filter _.FasterInBlas |> Seq.length

                if 2 * agreeing >= Seq.length neighbours then
                    taken.Add timing.Shape |> ignore

        taken

    /// Whether the machine was quiet enough: timings of most shapes agree with themselves.
    member table.IsSteady =
        let steady = table.Timings |> Seq.filter _.IsSteady |> Seq.length
        2 * steady > table.Timings.Count

    /// Sizes are told apart by octaves: the nearest power of two, of the exponents 0 to 15.
    static member Octaves = 16

    /// For each form and each octave of rows, columns and inner size, in this order, whether the BLAS is taken: 1, else 0.
    member table.Choices: byte[] =
        let octaves = ProductTable.Octaves
        let taken = table.Blas

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
                                        taken.Contains timing.Shape)
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
                    let mutable takes = 0uy

                    if r >= row && c >= column && i >= inner then
                        let mutable nearest = infinity

                        for struct (pr, pc, pi, blas) in points do
                            let apart = (pr - r) * (pr - r) + (pc - c) * (pc - c) + (pi - i) * (pi - i)

                            if apart < nearest then
                                nearest <- apart
                                takes <- if blas then 1uy else 0uy

                    takes
        |]

    /// Whether the BLAS is taken for a product of this shape.
    member table.Takes(shape: ProductShape) =
        let octave (size: int64) =
            min (ProductTable.Octaves - 1) (int (Math.Round(Math.Log2(float size))))

        let sizes = [ shape.Rows; shape.Columns; shape.Inner ]

        let place =
            sizes
            |> List.fold (fun place size -> place * ProductTable.Octaves + octave size) (int shape.Form)

        table.Choices[place] = 1uy

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

                    $"{shape.Form} {shape.Rows} {shape.Columns} {shape.Inner} blas {seconds timing.Blas} {seconds timing.BlasAgain} onednn {seconds timing.OneDnn} {seconds timing.OneDnnAgain}"
                "end"
            ]

        String.Join("\n", lines) + "\n"

    /// The table in a text; nothing where it is damaged, or of another machine or of other shapes than are measured now.
    static member Read(machine: string, text: string) : ProductTable option =
        let timing (shape: ProductShape) (line: string) =
            let number (word: string) =
                match Double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture) with
                | true, value when Double.IsFinite value && value > 0.0 -> Some value
                | _ -> None

            match line.Split ' ' with
            | [| form; rows; columns; inner; "blas"; blas; blasAgain; "onednn"; oneDnn; oneDnnAgain |] when
                [ form; rows; columns; inner ] =
                    [
                        string shape.Form
                        string shape.Rows
                        string shape.Columns
                        string shape.Inner
                    ]
                ->
                match List.choose number [ blas; blasAgain; oneDnn; oneDnnAgain ] with
                | [ blas; blasAgain; oneDnn; oneDnnAgain ] ->
                    Some
                        {
                            Shape = shape
                            Blas = blas
                            BlasAgain = blasAgain
                            OneDnn = oneDnn
                            OneDnnAgain = oneDnnAgain
                        }
                | _ -> None
            | _ -> None

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
            let found = List.map2 timing shapes (List.truncate shapes.Length lines)

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
