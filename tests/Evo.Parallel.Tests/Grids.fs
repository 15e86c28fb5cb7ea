/// Arrays of numbers as functions of their index: the meaning of collectives, without a tensor.
module Evo.Parallel.Tests.Grids

open System.Collections.Generic
open Evo.Torch
open TorchSharp

/// A shape, and the number at each index.
type Grid =
    {
        Shape: int list
        At: int list -> float
    }

let rec private indices shape =
    match shape with
    | [] -> [ [] ]
    | size :: rest ->
        [
            for i in 0 .. size - 1 do
                for tail in indices rest -> i :: tail
        ]

/// All numbers, the last dimension running fastest.
let numbers grid = indices grid.Shape |> List.map grid.At

let ofNumbers shape (values: float list) =
    let values = Array.ofList values

    {
        Shape = shape
        At = fun index -> values[List.fold2 (fun place size i -> place * size + i) 0 shape index]
    }

let toTensor (dtype: torch.ScalarType) grid =
    torch
        .tensor(Array.ofList (numbers grid))
        .reshape([| for size in grid.Shape -> int64 size |])
        .``to``(dtype)

let ofTensor (tensor: torch.Tensor) =
    use wide = tensor.detach().``to``(torch.float64).contiguous()

    ofNumbers [ for size in tensor.shape -> int size ] (wide.data<float>().ToArray() |> List.ofArray)

let private at dim value index =
    List.mapi (fun place i -> if place = dim then value else i) index

let private sized dim size grid = at dim size grid.Shape

/// A part of a grid along a dimension.
let part dim start length grid =
    {
        Shape = sized dim length grid
        At = fun index -> grid.At(at dim (index[dim] + start) index)
    }

/// Grids one after the other along a dimension.
let joined dim (grids: Grid list) =
    let find place =
        let rec go place (grids: Grid list) =
            match grids with
            | grid :: rest when place >= grid.Shape[dim] -> go (place - grid.Shape[dim]) rest
            | grid :: _ -> grid, place
            | [] -> invalidArg (nameof place) "beyond the end"

        go place grids

    {
        Shape = sized dim (grids |> List.sumBy (fun g -> g.Shape[dim])) grids.Head
        At =
            fun index ->
                let grid, place = find index[dim]
                grid.At(at dim place index)
    }

/// Element by element.
let combined (combine: float -> float -> float) (grids: Grid list) =
    {
        Shape = grids.Head.Shape
        At = fun index -> grids |> List.map (fun g -> g.At index) |> List.reduce combine
    }

let scaled factor grid =
    { grid with
        At = fun index -> grid.At index * factor
    }

/// Where each part begins.
let starts (sizes: int list) =
    List.scan (+) 0 sizes |> List.take sizes.Length

/// Blocks of ceil(length / count), counted out one by one.
let blocks length count =
    let block = (length + count - 1) / count

    List.init count (fun rank ->
        [ 0 .. length - 1 ]
        |> List.filter (fun i -> i >= rank * block && i < (rank + 1) * block)
        |> List.length)

let longs (values: int list) : IReadOnlyList<int64> =
    [| for value in values -> int64 value |]

let inner a b =
    List.map2 (*) (numbers a) (numbers b) |> List.sum

let same expected (tensor: torch.Tensor) =
    let found = ofTensor tensor
    found.Shape = expected.Shape && numbers found = numbers expected

let bits (tensor: torch.Tensor) =
    TensorBytes.Of(tensor.contiguous ()).ToArray()
