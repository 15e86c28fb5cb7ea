/// Small worlds to try every operator in: shapes of its inputs, and what else it is told.
module Evo.Core.Meaning.Worlds

/// One call of an operator.
type World =
    {
        Operator: string
        Ranks: int
        Shapes: int list list
        Parameters: int list
        Sizes: int list
        /// Integer inputs hold numbers below this.
        Below: int
    }

    override world.ToString() =
        let shapes = world.Shapes |> List.map string |> String.concat ", "
        $"{world.Operator} on {world.Ranks} ranks, shapes {shapes}, by {world.Parameters} {world.Sizes}"

/// The worlds of one operator for so many ranks. `size k` is a dim of about k per rank; dims that placements might confuse
/// differ.
let private shapes operator ranks (size: int -> int) : (int list list * int list * int list * int) list =
    let x = [ size 2; size 1; size 3 ]
    let plain shapes = shapes, [], [], 1
    let by parameters sizes shapes = shapes, parameters, sizes, 1

    match operator with
    | "add"
    | "subtract"
    | "multiply"
    | "divide" ->
        [
            plain [ x; x ]
            plain [ x; List.skip 1 x ]
            plain [ x; List.skip 2 x ]
            plain [ [ size 2 ]; [ size 2 ] ]
            plain [ [ size 2 ]; [] ]
        ]
    | "multiply_rows" ->
        [
            plain [ x; [ size 2; size 1; 1 ] ]
            plain [ [ size 2; size 3 ]; [ size 2; 1 ] ]
        ]
    | "scale"
    | "shift"
    | "nonlinear"
    | "softmax"
    | "rowwise" -> [ plain [ x ]; plain [ [ size 2; size 1 ] ]; plain [ [ size 3 ] ] ]
    | "gated" -> [ plain [ x; x ]; plain [ [ size 2 ]; [ size 2 ] ] ]
    | "linear" ->
        [
            plain [ [ size 2; size 1; size 3 ]; [ size 2; size 3 ] ]
            plain [ [ size 2; size 1 ]; [ size 3; size 1 ] ]
            plain [ [ size 2 ]; [ size 1; size 2 ] ]
        ]
    | "norm" ->
        [
            plain [ x; [ size 3 ] ]
            plain [ [ size 1; size 2 ]; [ size 2 ] ]
            plain [ [ size 2 ]; [ size 2 ] ]
        ]
    | "normalise_rows" -> [ plain [ [ size 2; size 1 ] ] ]
    | "embedding" ->
        [
            for ids in [ [ size 2; size 1 ]; [ size 2 ] ] -> [ ids; [ size 3; size 2 ] ], [], [], size 3
        ]
    | "pick"
    | "cross_entropy" -> [ [ [ size 2; size 3 ]; [ size 2 ] ], [], [], size 3 ]
    | "attention" ->
        let qk = [ size 1; size 2; size 1; size 1 ]
        [ plain [ qk; qk; List.updateAt 3 (size 2) qk ] ]
    | "rope" -> [ [ [ size 1; size 2; size 1; 2 * ranks ]; [ size 1; size 2 ] ], [], [], 50 ]
    | "repeat_heads" -> [ by [] [ 2 ] [ [ size 1; size 2; size 1; size 1 ] ] ]
    | "sum" -> [ for a in 0..2 -> by [ a ] [] [ x ] ] @ [ by [ 0 ] [] [ [ size 2 ] ] ]
    | "narrow" -> [ for a in 0..2 -> by [ a ] [ 1; x[a] - 1 ] [ x ] ]
    | "select" -> [ for a in 0..2 -> by [ a ] [ x[a] - 1 ] [ x ] ]
    | "flatten" -> [ for a, b in [ 0, 1; 1, 2; 0, 2; 2, 3 ] -> by [ a; b ] [] [ x @ [ size 1 ] ] ]
    | "unflatten" ->
        [
            for a in 0..2 do
                by [ a; 2 ] [ 3 ] [ List.updateAt a (3 * size 1) x ]

            by [ 1; 3 ] [ 2; 3 ] [ List.updateAt 1 (6 * size 1) x ]
        ]
    | "transpose" -> [ for a, b in [ 0, 1; 1, 2; 2, 0 ] -> by [ a; b ] [] [ x ] ]
    | "unsqueeze" -> [ for a in 0..3 -> by [ a ] [] [ x ] ]
    | "squeeze" -> [ for a in 0..3 -> by [ a ] [] [ List.insertAt a 1 x ] ]
    | "concatenate" -> [ for a in 0..2 -> by [ a ] [] [ x; List.updateAt a (size 2) x ] ]
    | _ -> []

let private worlds operator ranks size =
    [
        for shapes, parameters, sizes, below in shapes operator ranks size ->
            {
                Operator = operator
                Ranks = ranks
                Shapes = shapes
                Parameters = parameters
                Sizes = sizes
                Below = below
            }
    ]

/// Worlds whose dims the ranks divide.
let even (operator: string) (ranks: int) : World list =
    worlds operator ranks (fun k -> k * ranks)

/// Worlds whose dims they do not divide; some are shorter than there are ranks.
let uneven (operator: string) (ranks: int) : World list =
    worlds operator ranks (fun k -> k * ranks - 1)
