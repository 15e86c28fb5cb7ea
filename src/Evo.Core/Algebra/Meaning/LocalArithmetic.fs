/// The operators that compute, as every rank runs them: rational functions of the same shape as the real ones, so that the
/// placements under which they may run are the same.
module Evo.Core.Meaning.LocalArithmetic

/// y repeated over the dims that x has more.
let private spread (y: Tensor<Node>) (shape: int list) : Tensor<Node> =
    let more = shape.Length - y.Shape.Length

    if more < 0 || List.skip more shape <> y.Shape then
        Tensor.refuse $"{y.Shape} does not stand at the end of {shape}"

    Tensor.init shape (fun index -> Tensor.at y (Array.skip more index))

let private binary (f: Tape -> Node * Node -> Node) : Local =
    fun tape _ inputs ->
        let x = inputs[0]
        Tensor.map2 (fun a b -> f tape (a, b)) x (spread inputs[1] x.Shape)

let private unary (f: Tape -> Node -> Node) : Local =
    fun tape _ inputs -> Tensor.map (f tape) inputs[0]

let private total (tape: Tape) (nodes: Node seq) : Node =
    Seq.fold (fun sum node -> tape.Add(sum, node)) (tape.Leaf 0L) nodes

let private last (tensor: Tensor<Node>) = List.last tensor.Shape

/// The rows of the last dim; they may be empty where a rank's slice of it is.
let private rowsOf (x: Tensor<Node>) : Node array array =
    let size = last x
    let others = Tensor.count (List.take (x.Shape.Length - 1) x.Shape)
    Array.init others (fun row -> Array.sub x.Data (row * size) size)

/// A function of each row of the last dim alone.
let private rows (f: Node array -> Node array) (x: Tensor<Node>) : Tensor<Node> =
    { x with
        Data = Array.collect f (rowsOf x)
    }

let private squares (tape: Tape) (row: Node array) =
    row |> Seq.map (fun x -> tape.Multiply(x, x)) |> total tape

let private normalised (tape: Tape) (row: Node array) : Node array =
    let size = Curve.root tape (squares tape row)
    row |> Array.map (fun x -> tape.Divide(x, size))

let private softmax (tape: Tape) (row: Node array) : Node array =
    let powers = row |> Array.map (Curve.exponential tape)
    let sum = total tape powers
    powers |> Array.map (fun power -> tape.Divide(power, sum))

let private dot (tape: Tape) (left: Node seq) (right: Node seq) =
    Seq.map2 (fun a b -> tape.Multiply(a, b)) left right |> total tape

let private linear: Local =
    fun tape _ inputs ->
        let x, w = inputs[0], inputs[1]

        if last w <> last x then
            Tensor.refuse $"rows of {last x} meet rows of {last w}"

        let weights = rowsOf w

        {
            Shape = List.updateAt (x.Shape.Length - 1) w.Shape[0] x.Shape
            Data =
                rowsOf x
                |> Array.collect (fun row -> weights |> Array.map (fun weight -> dot tape row weight))
        }

let private norm: Local =
    fun tape setting inputs ->
        let gain = spread inputs[1] inputs[0].Shape
        Tensor.map2 (fun x g -> tape.Multiply(x, g)) (rows (normalised tape) inputs[0]) gain

let private multiplyRows: Local =
    fun tape _ inputs ->
        let x, w = inputs[0], inputs[1]
        let row = List.updateAt (x.Shape.Length - 1) 1 x.Shape

        if w.Shape <> row then
            Tensor.refuse $"factors of shape {w.Shape} are not {row}"

        Tensor.init x.Shape (fun index ->
            let at = Array.copy index
            at[index.Length - 1] <- 0
            tape.Multiply(Tensor.at x index, Tensor.at w at))

let private sum: Local =
    fun tape setting inputs ->
        let x, dim = inputs[0], setting.Parameters[0]

        Tensor.init (List.removeAt dim x.Shape) (fun index ->
            seq { for i in 0 .. x.Shape[dim] - 1 -> Tensor.at x (Array.insertAt dim i index) }
            |> total tape)

/// Where a number of the whole stands in a rank's slice: none where the slice does not hold it.
let private within (tape: Tape) (setting: Setting) input dim held (number: Node) : int option =
    let number = tape.Value number
    let whole = setting.Wholes[input][dim]

    if number < 0L || number >= int64 whole then
        Tensor.refuse $"{number} is not below {whole}"

    let place = int number - setting.Starts[input][dim]
    if place >= 0 && place < held then Some place else None

let private embedding: Local =
    fun tape setting inputs ->
        let ids, table = inputs[0], inputs[1]

        Tensor.init (ids.Shape @ [ last table ]) (fun index ->
            let id = Tensor.at ids (Array.take ids.Shape.Length index)

            match within tape setting 1 0 table.Shape[0] id with
            | Some row -> Tensor.at table [ row; Array.last index ]
            | None -> tape.Leaf 0L)

let private pick: Local =
    fun tape setting inputs ->
        let x, places = inputs[0], inputs[1]

        if x.Shape[0] <> places.Shape[0] then
            Tensor.refuse $"{places.Shape[0]} places for {x.Shape[0]} rows"

        Tensor.init places.Shape (fun index ->
            match within tape setting 0 1 x.Shape[1] (Tensor.at places index) with
            | Some column -> Tensor.at x [ index[0]; column ]
            | None -> tape.Leaf 0L)

let private crossEntropy: Local =
    fun tape setting inputs ->
        let powers = Tensor.map (Curve.exponential tape) inputs[0]
        let picked = pick tape setting inputs

        let losses =
            picked.Data
            |> Array.mapi (fun i label ->
                let row = [ for v in 0 .. last powers - 1 -> Tensor.at powers [ i; v ] ]
                tape.Subtract(Curve.logarithm tape (total tape row), label))

        {
            Shape = []
            Data = [| total tape losses |]
        }

/// Causal: each time attends to those up to its own.
let private attention: Local =
    fun tape _ inputs ->
        let q, k, v = inputs[0], inputs[1], inputs[2]

        match q.Shape, k.Shape, v.Shape with
        | [ b; t; h; d ], keys, [ vb; vt; vh; e ] when keys = q.Shape && [ vb; vt; vh ] = [ b; t; h ] ->
            let weights =
                [|
                    for batch in 0 .. b - 1 do
                        for head in 0 .. h - 1 do
                            for time in 0 .. t - 1 do
                                let row x time =
                                    [ for i in 0 .. d - 1 -> Tensor.at x [ batch; time; head; i ] ]

                                [| for past in 0..time -> dot tape (row q time) (row k past) |]
                                |> softmax tape
                |]

            Tensor.init [ b; t; h; e ] (fun index ->
                let weights = weights[(index[0] * h + index[2]) * t + index[1]]

                dot
                    tape
                    weights
                    [
                        for past in 0 .. index[1] -> Tensor.at v [ index[0]; past; index[2]; index[3] ]
                    ])
        | _ -> Tensor.refuse $"shapes {q.Shape}, {k.Shape} and {v.Shape} do not attend"

/// Pairs of elements, half a head apart, turned by factors that depend on the position and the pair.
let private rope: Local =
    fun tape _ inputs ->
        let x, positions = inputs[0], inputs[1]

        if List.take 2 x.Shape <> positions.Shape then
            Tensor.refuse $"positions of shape {positions.Shape} for {x.Shape}"

        let half = last x / 2

        if half * 2 <> last x then
            Tensor.refuse $"a head of {last x} has no halves"

        Tensor.init x.Shape (fun index ->
            let element i =
                Tensor.at x [ index[0]; index[1]; index[2]; i ]

            let pair = index[3] % half
            let position = tape.Value(Tensor.at positions [ index[0]; index[1] ])
            let turn = Modular.random (uint64 (Modular.add position (int64 (1000 * pair)))) 2
            let sign = if index[3] < half then -1L else 1L

            tape.Add(
                tape.Scale(turn[0], element index[3]),
                tape.Scale(sign * turn[1], element ((index[3] + half) % last x))
            ))

/// By the names of the table.
let all: (string * Local) list =
    [
        "add", binary _.Add
        "subtract", binary _.Subtract
        "multiply", binary _.Multiply
        "divide", binary _.Divide
        "multiply_rows", multiplyRows
        "scale", unary (fun tape x -> tape.Scale(-3L, x))
        "shift", unary (fun tape x -> tape.Add(x, tape.Leaf 23L))
        "nonlinear", unary Curve.activation
        "gated", binary (fun tape (gate, up) -> tape.Multiply(Curve.activation tape gate, up))
        "linear", linear
        "norm", norm
        "softmax", (fun tape _ inputs -> rows (softmax tape) inputs[0])
        "rowwise",
        (fun tape _ inputs ->
            inputs[0]
            |> rows (fun row ->
                let sum = squares tape row
                row |> Array.map (fun x -> tape.Add(tape.Multiply(x, sum), sum))))
        "normalise_rows", (fun tape _ inputs -> rows (normalised tape) inputs[0])
        "sum", sum
        "embedding", embedding
        "pick", pick
        "cross_entropy", crossEntropy
        "attention", attention
        "rope", rope
    ]
