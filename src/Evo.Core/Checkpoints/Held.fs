/// What a rank holds of a logical tensor, as boxes of the whole.
namespace Evo.Core

/// How one axis of ranks cuts a dim, and a rank's place there: the dim is `Outer` x `Count` x `Inner` long, and each rank has
/// its block of `Count` in every one of the outer blocks.
type AxisCut =
    {
        Dim: int
        Outer: int64
        Count: int64
        Inner: int64
        /// Ranks of the axis: each holds a block of the count divided by them, rounded up; what the last ones lack is padding.
        Places: int
        Place: int
    }

    /// Units of a full block.
    member cut.Block = (cut.Count + int64 cut.Places - 1L) / int64 cut.Places

/// Elements of a logical tensor that lie side by side in a rank's memory, and the box of the whole that they are a part of.
type HeldBox =
    {
        /// The elements, in the whole tensor.
        Box: Box
        /// First element of a stretch of the rank's values.
        Start: int64
        /// The stretch's elements as a tensor: its volume elements from `Start` on.
        Shape: int64 array
        /// Where the box begins in that tensor.
        At: int64 array
    }

/// What ranks hold of logical tensors.
[<AbstractClass; Sealed>]
type Held private () =

    /// What is left of a dim after some cuts: stretches of the share with their places in the whole. What is in no stretch is padding.
    static let stretches (length: int64) (cuts: AxisCut list) =
        let mutable share = length
        let mutable known = [ struct (0L, 0L, length) ]

        for cut in cuts do
            let block = cut.Block
            let first = min cut.Count (block * int64 cut.Place)
            let own = (min (cut.Count - first) block) * cut.Inner
            let width = block * cut.Inner

            known <-
                [
                    for outer in 0L .. cut.Outer - 1L do
                        let from = (outer * cut.Count + first) * cut.Inner

                        for struct (inShare, inWhole, length) in known do
                            let low = max from inShare
                            let high = min (from + own) (inShare + length)

                            if low < high then
                                struct (outer * width + low - from, inWhole + low - inShare, high - low)
                ]

            share <- cut.Outer * width

        share, known

    /// The shape of a rank's share of a tensor that is cut along some dims, one cut inside of the other.
    static member Shape(whole: int64 seq, cuts: AxisCut seq) : int64 array =
        let cuts = List.ofSeq cuts

        whole
        |> Seq.mapi (fun dim length -> fst (stretches length (List.filter (fun c -> c.Dim = dim) cuts)))
        |> Array.ofSeq

    /// The boxes of a tensor that a stretch of a rank's share holds: `count` elements of the share from the `start`-th on.
    /// Padding is in none of them.
    static member Boxes(whole: int64 seq, cuts: AxisCut seq, start: int64, count: int64) : HeldBox list =
        let cuts = List.ofSeq cuts

        let dims =
            whole
            |> Seq.mapi (fun dim length -> stretches length (List.filter (fun c -> c.Dim = dim) cuts))
            |> Array.ofSeq

        let shape = Array.map fst dims
        let mutable next = 0L

        [
            for part in Box.OfRange(shape, start, count) do
                let from = next
                next <- next + part.Volume

                // One box for each choice of a stretch in every dim.
                let rec choose dim : (int64 list * int64 list * int64 list) list =
                    if dim = dims.Length then
                        [ [], [], [] ]
                    else
                        let first, length = part.Offset[dim], part.Length[dim]

                        [
                            for struct (inShare, inWhole, stretch) in snd dims[dim] do
                                let low = max first inShare
                                let high = min (first + length) (inShare + stretch)

                                if low < high then
                                    for offset, size, at in choose (dim + 1) do
                                        inWhole + low - inShare :: offset,
                                        high - low :: size,
                                        low - first :: at
                        ]

                for offset, length, at in choose 0 do
                    {
                        Box =
                            {
                                Offset = Array.ofList offset
                                Length = Array.ofList length
                            }
                        Start = from
                        Shape = part.Length
                        At = Array.ofList at
                    }
        ]
