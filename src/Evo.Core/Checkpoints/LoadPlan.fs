/// What is read of a checkpoint's files to fill what a rank holds.
namespace Evo.Core

open System.Collections.Generic

/// A part of a logical tensor as a file holds it, under a name of its own.
type ManifestPiece =
    {
        /// Path of the file inside the checkpoint's folder.
        File: string
        /// Name of the tensor in that file.
        Key: string
        Box: Box
        /// Whether the file has the last two dims the other way round (GPT-2's maps in a Hugging Face folder).
        Transposed: bool
        /// SHA-256 of the piece's bytes in lower-case hexadecimal digits; empty where the checkpoint did not say.
        Sha256: string
    }

/// One part of a wanted box that one piece holds.
type PlannedRead =
    {
        Piece: ManifestPiece
        /// What is read, in the whole tensor.
        Common: Box
    }

    /// Sizes of what is read, in the order of the file.
    member read.FileShape = LoadPlan.InFile(read.Piece, read.Common.Length)

    /// Stretches of the piece's elements, in the order of the file: the first one's number in the piece, and how many.
    /// One behind the other they are the read part in row-major order of the file.
    member read.Runs: struct (int64 * int64) seq =
        let piece = LoadPlan.InFile(read.Piece, read.Piece.Box.Length)
        let at = LoadPlan.InFile(read.Piece, read.Common.OffsetIn read.Piece.Box)
        let length = read.FileShape
        let dims = length.Length

        // Behind this dim everything is read in full: one run for each place before it.
        let mutable inner = dims

        while inner > 0 && length[inner - 1] = piece[inner - 1] do
            inner <- inner - 1

        let along = max 0 (inner - 1)
        let strides = Array.init dims (fun d -> Array.fold (*) 1L piece[d + 1 ..])
        let count = Array.fold (*) 1L length[along..]

        let rec walk dim first =
            seq {
                if dim = along then
                    yield struct ((if dims = 0 then 0L else first + at[dim] * strides[dim]), count)
                else
                    for i in 0L .. length[dim] - 1L do
                        yield! walk (dim + 1) (first + (at[dim] + i) * strides[dim])
            }

        walk 0 0L

/// What is read to fill a box.
and [<AbstractClass; Sealed>] LoadPlan private () =

    /// Sizes or offsets of a tensor, in the order of a piece's file.
    static member InFile(piece: ManifestPiece, dims: int64 array) : int64 array =
        if piece.Transposed then
            let n = dims.Length
            Array.init n (fun d -> if d < n - 2 then dims[d] else dims[2 * n - 3 - d])
        else
            dims

    /// The reads that fill a box from pieces; together they hold each of its elements once where the pieces do.
    static member Of(wanted: Box, pieces: IReadOnlyList<ManifestPiece>) : PlannedRead list =
        [
            for piece in pieces do
                match Box.Common(wanted, piece.Box) with
                | Some common -> { Piece = piece; Common = common }
                | None -> ()
        ]

/// Whether pieces hold a tensor.
[<AbstractClass; Sealed>]
type Coverage private () =

    /// What is wrong with the pieces of a tensor of some shape, in words; none where they hold every element exactly once.
    static member Problems(shape: int64 seq, pieces: ManifestPiece seq) : string list =
        let shape = Array.ofSeq shape
        let pieces = Array.ofSeq pieces

        let outside (piece: ManifestPiece) =
            let box = piece.Box

            box.Offset.Length <> shape.Length
            || box.Length.Length <> shape.Length
            || Array.exists
                (fun d ->
                    box.Offset[d] < 0L
                    || box.Length[d] < 1L
                    || box.Length[d] > shape[d] - box.Offset[d])
                [| 0 .. shape.Length - 1 |]

        let sizes = System.String.Join(", ", shape)

        match pieces |> Array.filter outside with
        | _ when Array.exists (fun size -> size < 0L) shape -> [ $"[{sizes}] is no shape" ]
        | [||] ->
            // Along the dim in which they begin at the most places, a piece meets only those that begin before it ends.
            let along =
                match [ 0 .. shape.Length - 1 ] with
                | [] -> None
                | dims ->
                    Some(
                        dims
                        |> List.maxBy (fun d ->
                            pieces |> Seq.map _.Box.Offset[d] |> Seq.distinct |> Seq.length)
                    )

            let first (piece: ManifestPiece) =
                along |> Option.map (fun d -> piece.Box.Offset[d]) |> Option.defaultValue 0L

            let last (piece: ManifestPiece) =
                along
                |> Option.map (fun d -> piece.Box.Offset[d] + piece.Box.Length[d])
                |> Option.defaultValue 1L

            let ordered = Array.sortBy first pieces

            let twice =
                seq {
                    for i in 0 .. ordered.Length - 1 do
                        let mutable j = i + 1

                        while j < ordered.Length && first ordered[j] < last ordered[i] do
                            if Box.Common(ordered[i].Box, ordered[j].Box).IsSome then
                                ordered[i], ordered[j]

                            j <- j + 1
                }
                |> Seq.tryHead

            // Of what does not overlap there is never more than all; sizes of a damaged manifest may be beyond any number.
            let volume (lengths: int64 array) =
                Array.fold (fun product (length: int64) -> product * bigint length) 1I lengths

            let held = pieces |> Array.sumBy (fun piece -> volume piece.Box.Length)
            let wanted = volume shape

            match twice with
            | Some(a, b) -> [ $"{a.Key} in {a.File} and {b.Key} in {b.File} hold the same elements" ]
            | None when held < wanted -> [ $"its pieces hold {held} of {wanted} elements" ]
            | None -> []
        | wrong ->
            [
                for piece in wrong ->
                    $"{piece.Key} in {piece.File} holds {piece.Box}, which is no part of [{sizes}]"
            ]
