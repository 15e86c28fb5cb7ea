/// The machine's table of matrix products, as `evo doctor` shows it.
module Evo.Cli.ProductView

open System
open System.Globalization
open Evo.Core

let private formName form =
    match form with
    | ProductForm.Forward -> "y = x Wᵀ"
    | ProductForm.OfInput -> "dx = dy W"
    | _ -> "dW = dyᵀ x"

/// The tokens of a product, and the two sizes of its weight.
let private weightOf (shape: ProductShape) =
    match shape.Form with
    | ProductForm.OfWeight -> shape.Inner, shape.Rows, shape.Columns
    | _ -> shape.Rows, shape.Columns, shape.Inner

let private mark way =
    match way with
    | ProductWay.Blas -> "b"
    | ProductWay.OneDnnRows -> "r"
    | ProductWay.OneDnnColumns -> "c"
    | ProductWay.OneDnnHalfRows -> "h"
    | ProductWay.BlasRows -> "s"
    | _ -> " "

/// For each shape that was measured the time of the way that is taken as a part of oneDNN's, and a letter for the way.
let lines (table: ProductTable) : string list =
    let ways = table.Ways

    let cell form tokens a b =
        table.Timings
        |> Seq.tryFind (fun timing -> timing.Shape.Form = form && weightOf timing.Shape = (tokens, a, b))
        |> Option.map (fun timing ->
            let way = ways[timing.Shape]

            (timing.Part way).ToString("0.00", CultureInfo.InvariantCulture)
            + (if way = ProductWay.OneDnn && not timing.IsSteady then
                   "?"
               else
                   mark way))
        |> Option.defaultValue ""

    let forms = List.ofArray (Enum.GetValues<ProductForm>())

    let rows =
        [
            [
                "tokens"
                "from"
                for form in forms do
                    for width in ProductTable.Widths do
                        (if width = ProductTable.Widths.Head then
                             formName form + ", to "
                         else
                             "")
                        + string width
                        + " "
            ]
            for tokens in ProductTable.Tokens do
                for a in ProductTable.Widths do
                    [
                        string tokens
                        string a
                        for form in forms do
                            for b in ProductTable.Widths do
                                // A weight stands as [to, from].
                                cell form tokens b a
                    ]
        ]

    "Matrix products of float32: the time of the way that is taken as a part of oneDNN's, by the tokens of a linear map and the sizes that it"
    :: "leads from and to. oneDNN with rows (r), half of them at a time (h), or columns (c) divided among threads; BLAS (b), with rows divided (s);"
    :: "? where two times differed. Larger products are taken for the largest measured, smaller ones have oneDNN."
    :: Terminal.table (set [ 0 .. 1 + forms.Length * ProductTable.Widths.Length ]) rows
