/// What a placement means: the tensors that the ranks of an axis hold for one tensor, and the tensor that they stand for.
module Evo.Core.Meaning.Sharding

open Evo.Core

/// Where rank's slice of a dim begins: the first ranks hold one more where the ranks do not divide it.
let start (ranks: int) (size: int) (rank: int) : int =
    rank * (size / ranks) + min rank (size % ranks)

/// How many elements of a dim a rank holds.
let length (ranks: int) (size: int) (rank: int) : int =
    start ranks size (rank + 1) - start ranks size rank

/// The slice that a rank holds.
let slice (ranks: int) (dim: int) (rank: int) (tensor: Tensor<'t>) : Tensor<'t> =
    let size = tensor.Shape[dim]
    Tensor.narrow dim (start ranks size rank) (length ranks size rank) tensor

/// Tensors, one for each of so many ranks, whose sum is the given one.
type Splitter = int -> Tensor<int64> -> Tensor<int64> list

/// Addends from anywhere in the range; the last makes up for the others.
let split (seed: uint64) : Splitter =
    fun ranks tensor ->
        let others =
            [
                for rank in 1 .. ranks - 1 -> Tensor.random (seed * 31UL + uint64 rank) tensor.Shape
            ]

        others @ [ List.fold (Tensor.map2 Modular.subtract) tensor others ]

/// What each rank of an axis holds of a tensor.
let shard
    (splitter: Splitter)
    (ranks: int)
    (placement: Placement)
    (tensor: Tensor<int64>)
    : Tensor<int64> list =
    match placement with
    | Replicated
    | Invariant -> List.replicate ranks tensor
    | Sharded dim -> [ for rank in 0 .. ranks - 1 -> slice ranks dim rank tensor ]
    | Partial -> splitter ranks tensor

/// The tensor that the ranks' tensors stand for, or why they stand for none.
let unshard (placement: Placement) (pieces: Tensor<int64> list) : Result<Tensor<int64>, string> =
    try
        match placement with
        | Replicated
        | Invariant ->
            match pieces |> List.tryFindIndex ((<>) pieces.Head) with
            | Some rank -> Error $"rank 0 holds {pieces.Head}, rank {rank} holds {pieces[rank]}"
            | None -> Ok pieces.Head
        | Sharded dim when pieces |> List.exists (fun piece -> dim >= piece.Shape.Length) ->
            Error $"there is no dim {dim}"
        | Sharded dim ->
            let whole = Tensor.concatenate dim pieces

            let due rank =
                length pieces.Length whole.Shape[dim] rank

            match
                pieces
                |> List.indexed
                |> List.tryFind (fun (rank, piece) -> piece.Shape[dim] <> due rank)
            with
            | Some(rank, piece) -> Error $"rank {rank} holds {piece.Shape[dim]} of dim {dim}, not {due rank}"
            | None -> Ok whole
        | Partial -> Ok(Tensor.sum pieces)
    with :? MisfitException as misfit ->
        Error misfit.Message

/// The inner product of a tensor that is placed so with one that is placed as its gradient is: the sum over the ranks,
/// but for Invariant, where every rank holds the whole of both.
let inner (placement: Placement) (values: Tensor<int64> list) (gradients: Tensor<int64> list) : int64 =
    match placement with
    | Invariant -> Tensor.inner values.Head gradients.Head
    | _ -> List.map2 Tensor.inner values gradients |> List.fold Modular.add 0L

/// A tensor on a mesh of several axes: which axis (by its number) places it how, the first being applied first. Two axes
/// that shard the same dim cut it in this order, so the order means something. Each axis stands there once.
type Layout = (int * Placement) list

/// The ranks of a mesh, as coordinates, the last axis being the fastest.
let coordinates (mesh: int list) : int list list =
    (mesh, [ [] ])
    ||> List.foldBack (fun size rest ->
        [
            for i in 0 .. size - 1 do
                for tail in rest -> i :: tail
        ])

/// What each rank of a mesh holds, in the order of `coordinates`.
let shardOnMesh
    (splitter: Splitter)
    (mesh: int list)
    (layout: Layout)
    (tensor: Tensor<int64>)
    : Tensor<int64> list =
    let rec held (layout: Layout) tensor : int list -> Tensor<int64> =
        match layout with
        | [] -> fun _ -> tensor
        | (axis, placement) :: rest ->
            let pieces =
                shard splitter mesh[axis] placement tensor
                |> List.map (held rest)
                |> List.toArray

            fun coordinate -> pieces[coordinate[axis]] coordinate

    coordinates mesh |> List.map (held layout tensor)

/// The tensor that the ranks of a mesh stand for, or why they stand for none.
let unshardOnMesh
    (mesh: int list)
    (layout: Layout)
    (pieces: Tensor<int64> list)
    : Result<Tensor<int64>, string> =
    let rec join (layout: Layout) (pieces: (int list * Tensor<int64>) list) =
        match layout with
        | [] -> Ok(snd pieces.Head)
        | (axis, placement) :: rest ->
            let joined =
                [
                    for i in 0 .. mesh[axis] - 1 ->
                        pieces |> List.filter (fun (coordinate, _) -> coordinate[axis] = i) |> join rest
                ]

            (joined, Ok [])
            ||> List.foldBack (fun piece rest ->
                match piece, rest with
                | Ok piece, Ok rest -> Ok(piece :: rest)
                | Error why, _
                | _, Error why -> Error why)
            |> Result.bind (unshard placement)

    join layout (List.zip (coordinates mesh) pieces)
