namespace Evo.Core

open System

/// A rectangular part of a tensor: where it begins and how long it is, by dim. Elements stand in row-major order.
type Box =
    {
        /// First element in each dim of the whole tensor.
        Offset: int64 array
        /// Elements in each dim.
        Length: int64 array
    }

    /// All of a tensor.
    static member Whole(shape: int64 seq) =
        let shape = Array.ofSeq shape

        {
            Offset = Array.zeroCreate shape.Length
            Length = shape
        }

    /// Elements; one for a scalar.
    member box.Volume = Array.fold (*) 1L box.Length

    /// The part that two boxes of one tensor have in common.
    static member Common(a: Box, b: Box) : Box option =
        let first = Array.map2 max a.Offset b.Offset

        let length =
            Array.init first.Length (fun d ->
                min (a.Offset[d] + a.Length[d]) (b.Offset[d] + b.Length[d]) - first[d])

        if Array.forall (fun n -> n > 0L) length then
            Some { Offset = first; Length = length }
        else
            None

    /// Where this box begins in another one that holds it.
    member box.OffsetIn(outer: Box) = Array.map2 (-) box.Offset outer.Offset

    /// The elements of a tensor of some shape from the `start`-th on, as few boxes as possible, in their order: what is left
    /// of the first row, whole rows, the beginning of the last row, and those cut alike. At most 2n - 1 for n dims.
    static member OfRange(shape: int64 array, start: int64, count: int64) : Box list =
        let rec cut dim first last : (int64 list * int64 list) list =
            if first >= last then
                []
            elif dim = shape.Length then
                [ [], [] ]
            else
                let row = Array.fold (*) 1L shape[dim + 1 ..]

                let inside index first last =
                    cut (dim + 1) first last
                    |> List.map (fun (offset, length) -> index :: offset, 1L :: length)

                let rows first last =
                    if first >= last then
                        []
                    else
                        let rest = List.ofArray shape[dim + 1 ..]
                        [ first :: List.map (fun _ -> 0L) rest, last - first :: rest ]

                let firstRow, lastRow = first / row, last / row

                if firstRow = lastRow then
                    inside firstRow (first - firstRow * row) (last - lastRow * row)
                else
                    let from = (first + row - 1L) / row

                    [
                        if from > firstRow then
                            yield! inside firstRow (first - firstRow * row) row
                        yield! rows from lastRow
                        yield! inside lastRow 0L (last - lastRow * row)
                    ]

        cut 0 start (start + count)
        |> List.map (fun (offset, length) ->
            {
                Offset = Array.ofList offset
                Length = Array.ofList length
            })

    /// `[0:12, 24:48]`; of a damaged box, with as many offsets as lengths only by chance, what there is.
    override box.ToString() =
        let dims =
            Seq.zip box.Offset box.Length
            |> Seq.map (fun (first, length) -> $"{first}:{first + length}")

        "[" + String.Join(", ", dims) + "]"
