/// What the collectives do to the tensors of the ranks, told by their wires.
module Evo.Core.Meaning.Movement

open Evo.Core

let private dimOf (step: CollectiveStep) (placement: Placement) =
    match placement with
    | Sharded dim -> dim
    | _ -> Tensor.refuse $"{step} goes over {step.Collective.Wire}, which needs S({placement})"

let private slices dim (whole: Tensor<int64> list) =
    whole
    |> List.mapi (fun rank tensor -> Sharding.slice whole.Length dim rank tensor)

let private everywhere (pieces: Tensor<int64> list) tensor = List.replicate pieces.Length tensor

/// Each slice where it belongs among zeros.
let private padded dim (pieces: Tensor<int64> list) =
    pieces
    |> List.mapi (fun rank piece ->
        pieces
        |> List.mapi (fun other piece' -> if other = rank then piece else Tensor.zeros piece'.Shape)
        |> Tensor.concatenate dim)

/// What each rank holds after the step.
let run (step: CollectiveStep) (pieces: Tensor<int64> list) : Tensor<int64> list =
    match step.Collective.Wire with
    | Wire.NoWire -> pieces
    | Wire.AllReduce -> everywhere pieces (Tensor.sum pieces)
    | Wire.AllGather -> everywhere pieces (Tensor.concatenate (dimOf step step.From) pieces)
    | Wire.ReduceScatter -> everywhere pieces (Tensor.sum pieces) |> slices (dimOf step step.To)
    | Wire.AllToAll ->
        everywhere pieces (Tensor.concatenate (dimOf step step.From) pieces)
        |> slices (dimOf step step.To)
    | Wire.Slice -> slices (dimOf step step.To) pieces
    | Wire.Pad -> padded (dimOf step step.From) pieces
    | Wire.Keep -> pieces.Head :: (pieces.Tail |> List.map (fun piece -> Tensor.zeros piece.Shape))

/// One step after the other.
let runAll (steps: CollectiveStep list) (pieces: Tensor<int64> list) : Tensor<int64> list =
    List.fold (fun pieces step -> run step pieces) pieces steps
