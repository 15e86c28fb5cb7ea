namespace Evo.Core.Meaning

open System

/// Tensors whose shapes do not fit together, or an index that is outside.
type MisfitException(message: string) =
    inherit Exception(message)

/// A tiny tensor, its last dim the fastest: what the meaning of placements is told in.
type Tensor<'t> =
    {
        Shape: int list
        Data: 't array
    }

    override tensor.ToString() =
        let shape = tensor.Shape |> List.map string |> String.concat "×"
        let data = tensor.Data |> Array.truncate 12 |> Array.map string |> String.concat " "
        $"[{shape}: {data}]"

module Tensor =
    let refuse message : 'a = raise (MisfitException message)

    /// The number of elements of a shape.
    let count (shape: int list) = List.fold (*) 1 shape

    /// A tensor whose element at each index is what `element` says; the index is only lent.
    let init (shape: int list) (element: int array -> 't) : Tensor<'t> =
        let sizes = List.toArray shape
        let index = Array.zeroCreate sizes.Length

        let data =
            Array.init (count shape) (fun _ ->
                let value = element index
                let mutable dim = sizes.Length - 1

                while dim >= 0 do
                    index[dim] <- index[dim] + 1

                    if index[dim] < sizes[dim] then
                        dim <- -1
                    else
                        index[dim] <- 0
                        dim <- dim - 1

                value)

        { Shape = shape; Data = data }

    /// The element at an index.
    let at (tensor: Tensor<'t>) (index: int seq) : 't =
        let mutable offset = 0

        for size, i in Seq.zip tensor.Shape index do
            if i < 0 || i >= size then
                refuse $"index {i} is outside a dim of {size}"

            offset <- offset * size + i

        tensor.Data[offset]

    let map (f: 'a -> 'b) (tensor: Tensor<'a>) : Tensor<'b> =
        {
            Shape = tensor.Shape
            Data = Array.map f tensor.Data
        }

    let map2 (f: 'a -> 'b -> 'c) (left: Tensor<'a>) (right: Tensor<'b>) : Tensor<'c> =
        if left.Shape <> right.Shape then
            refuse $"shapes {left.Shape} and {right.Shape} differ"

        {
            Shape = left.Shape
            Data = Array.map2 f left.Data right.Data
        }

    /// The same elements under another shape.
    let reshape (shape: int list) (tensor: Tensor<'t>) : Tensor<'t> =
        if count shape <> tensor.Data.Length then
            refuse $"{tensor.Data.Length} elements do not fill {shape}"

        { tensor with Shape = shape }

    /// `length` elements of a dim from `start` on.
    let narrow (dim: int) (start: int) (length: int) (tensor: Tensor<'t>) : Tensor<'t> =
        if start < 0 || length < 0 || start + length > tensor.Shape[dim] then
            refuse $"{start} to {start + length} is outside a dim of {tensor.Shape[dim]}"

        init (List.updateAt dim length tensor.Shape) (fun index ->
            let index = Array.copy index
            index[dim] <- index[dim] + start
            at tensor index)

    /// One after the other along a dim.
    let concatenate (dim: int) (tensors: Tensor<'t> list) : Tensor<'t> =
        let others tensor = List.removeAt dim tensor.Shape

        if tensors |> List.exists (fun tensor -> others tensor <> others tensors.Head) then
            refuse $"shapes {tensors |> List.map _.Shape} do not stand beside each other along {dim}"

        let total = tensors |> List.sumBy (fun tensor -> tensor.Shape[dim])
        let outer = count (List.take dim tensors.Head.Shape)
        let inner tensor = count (List.skip dim tensor.Shape)

        {
            Shape = List.updateAt dim total tensors.Head.Shape
            Data =
                [|
                    for block in 0 .. outer - 1 do
                        for tensor in tensors do
                            yield! Array.sub tensor.Data (block * inner tensor) (inner tensor)
                |]
        }

    /// Two dims exchanged.
    let transpose (a: int) (b: int) (tensor: Tensor<'t>) : Tensor<'t> =
        let swap (items: 'x list) =
            items |> List.updateAt a items[b] |> List.updateAt b items[a]

        init (swap tensor.Shape) (fun index -> at tensor (swap (List.ofArray index)))

    let zeros (shape: int list) : Tensor<int64> =
        {
            Shape = shape
            Data = Array.zeroCreate (count shape)
        }

    /// The sum of several tensors.
    let sum (tensors: Tensor<int64> list) : Tensor<int64> =
        tensors |> List.reduce (map2 Modular.add)

    /// The sum of the products of the elements.
    let inner (left: Tensor<int64>) (right: Tensor<int64>) : int64 =
        (map2 Modular.multiply left right).Data |> Array.fold Modular.add 0L

    let random (seed: uint64) (shape: int list) : Tensor<int64> =
        {
            Shape = shape
            Data = Modular.random seed (count shape)
        }
