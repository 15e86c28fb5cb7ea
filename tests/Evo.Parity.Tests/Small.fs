/// Any model made small: its sizes by role, so that nothing needs to know what its properties are called.
module Evo.Parity.Tests.Small

open System
open Evo.Models
open Evo.Parallel

/// Sizes that divide by 1, 2, 4 and 8 where heads and widths must, and a vocabulary that divides by none of them.
let private size (role: SizeRole) =
    match role with
    | SizeRole.Layers -> Some 2
    | SizeRole.Vocabulary -> Some 37
    | SizeRole.Positions -> Some 64
    | SizeRole.Width -> Some 32
    | SizeRole.Heads -> Some 8
    | SizeRole.KvHeads -> Some 2
    | SizeRole.HeadSize -> None
    | SizeRole.Window -> Some 5
    | SizeRole.Experts -> Some 8
    | SizeRole.Choices -> Some 2
    | SizeRole.Inner -> Some 24
    | _ -> None

/// The model with small sizes; those that are unset and may be stay so.
let make (spec: CausalLM) =
    (spec, spec.SizeProperties)
    ||> Seq.fold (fun spec property ->
        match size property.Role with
        | Some value when property.Value.HasValue -> spec.Resized(property.Name, Nullable value)
        | _ -> spec)

/// The model with another value for each size of a role that it sets.
let with' (role: SizeRole) (value: int) (spec: CausalLM) =
    (spec, spec.SizeProperties)
    ||> Seq.fold (fun spec property ->
        if property.Role = role then
            spec.Resized(property.Name, Nullable value)
        else
            spec)

/// A batch that suits a model.
let batch seed rows length (spec: CausalLM) =
    ParityBatch.Random(seed, spec.Size.VocabSize, rows, length)

let modes =
    [ ParallelMode.Mtp; ParallelMode.Msp; ParallelMode.Fsp; ParallelMode.Isp ]

/// The layouts of a mode on up to eight ranks that the model's own plan allows.
let layouts (spec: CausalLM) (mode: ParallelMode) =
    [
        for degree in spec.Plan(mode).Degrees(8) do
            if degree > 1 then
                if mode = ParallelMode.Isp then
                    for weight in [ 1; 2; 4; 8 ] do
                        if degree % weight = 0 then
                            ParityLayout(mode, degree, weight)
                else
                    ParityLayout(mode, degree)
                    ParityLayout(mode, degree, EmbedSplitHidden = false)
    ]
