namespace Evo.Core

open System
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

    /// Tokens of the map whose product it is.
    member shape.Tokens =
        if shape.Form = ProductForm.OfWeight then
            shape.Inner
        else
            shape.Rows

    /// Multiplications and additions.
    member shape.Operations = 2L * shape.Rows * shape.Columns * shape.Inner

    /// The product with tokens halved until it has no more operations than asked, while there are twice the least tokens.
    member shape.AtMost(operations: int64, tokens: int64) : ProductShape =
        let mutable fewer = shape

        while fewer.Operations > operations && fewer.Tokens >= 2L * tokens do
            fewer <-
                match fewer.Form with
                | ProductForm.OfWeight -> { fewer with Inner = fewer.Inner / 2L }
                | _ -> { fewer with Rows = fewer.Rows / 2L }

        fewer

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

    /// The fastest of the ways that were faster, or oneDNN undivided; of ways that are not ruled out.
    member timing.Fastest(isOpen: ProductWay -> bool) =
        match
            ProductTiming.Ways
            |> Array.filter (fun way -> timing.IsFaster way && isOpen way)
        with
        | [||] -> ProductWay.OneDnn
        | faster -> Array.minBy timing.Part faster

    /// One line.
    member timing.Text =
        let seconds (value: float) =
            value.ToString("R", CultureInfo.InvariantCulture)

        let shape = timing.Shape

        String.Join(
            ' ',
            [
                $"{shape.Form} {shape.Rows} {shape.Columns} {shape.Inner}"
                for way in ProductTiming.Ways do
                    $"{way} {seconds timing.First[int way]} {seconds timing.Again[int way]}"
            ]
        )

    /// The timing of a line; nothing where it is damaged.
    static member Read(line: string) : ProductTiming option =
        let number (word: string) =
            match Double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture) with
            | true, value when Double.IsFinite value && value > 0.0 -> Some value
            | _ -> None

        let size (word: string) =
            match Int64.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture) with
            | true, value when value > 0L -> Some value
            | _ -> None

        let words = line.Split ' '
        let names = Array.map string ProductTiming.Ways

        if words.Length <> 4 + 3 * names.Length then
            None
        else
            let measured = words |> Array.skip 4 |> Array.chunkBySize 3

            let times at =
                measured |> Array.choose (fun part -> number part[at])

            match Enum.TryParse<ProductForm> words[0], Array.choose size words[1..3], times 1, times 2 with
            | (true, form), [| rows; columns; inner |], first, again when
                Array.map Array.head measured = names
                && first.Length = names.Length
                && again.Length = names.Length
                ->
                Some
                    {
                        Shape =
                            {
                                Form = form
                                Rows = rows
                                Columns = columns
                                Inner = inner
                            }
                        First = first
                        Again = again
                    }
            | _ -> None
