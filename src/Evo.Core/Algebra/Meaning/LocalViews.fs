/// The operators that only move elements, as every rank runs them.
module Evo.Core.Meaning.LocalViews

let private view (f: Setting -> Tensor<Node> -> Tensor<Node>) : Local =
    fun _ setting inputs -> f setting inputs[0]

let private narrow (setting: Setting) =
    Tensor.narrow setting.Parameters[0] setting.Sizes[0] setting.Sizes[1]

let private select (setting: Setting) (x: Tensor<Node>) =
    let dim = setting.Parameters[0]

    Tensor.narrow dim setting.Sizes[0] 1 x
    |> Tensor.reshape (List.removeAt dim x.Shape)

let private flatten (setting: Setting) (x: Tensor<Node>) =
    let a, b = setting.Parameters[0], setting.Parameters[1]

    x
    |> Tensor.reshape (List.take a x.Shape @ [ Tensor.count x.Shape[a..b] ] @ List.skip (b + 1) x.Shape)

/// The first of the new dims is what the others leave of the old one.
let private unflatten (setting: Setting) (x: Tensor<Node>) =
    let a, others = setting.Parameters[0], setting.Sizes
    let first = x.Shape[a] / Tensor.count others
    Tensor.reshape (List.take a x.Shape @ [ first ] @ others @ List.skip (a + 1) x.Shape) x

let private squeeze (setting: Setting) (x: Tensor<Node>) =
    Tensor.reshape (List.removeAt setting.Parameters[0] x.Shape) x

let private unsqueeze (setting: Setting) (x: Tensor<Node>) =
    Tensor.reshape (List.insertAt setting.Parameters[0] 1 x.Shape) x

let private repeatHeads (setting: Setting) (x: Tensor<Node>) =
    let times = setting.Sizes[0]

    Tensor.init (List.updateAt 2 (times * x.Shape[2]) x.Shape) (fun index ->
        Tensor.at x [ index[0]; index[1]; index[2] / times; index[3] ])

/// By the names of the table.
let all: (string * Local) list =
    [
        "repeat_heads", view repeatHeads
        "narrow", view narrow
        "select", view select
        "flatten", view flatten
        "unflatten", view unflatten
        "transpose", view (fun setting -> Tensor.transpose setting.Parameters[0] setting.Parameters[1])
        "unsqueeze", view unsqueeze
        "squeeze", view squeeze
        "concatenate", (fun _ setting inputs -> Tensor.concatenate setting.Parameters[0] inputs)
    ]
