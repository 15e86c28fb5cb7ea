/// Small models, and the layouts of their modes.
module Evo.Parity.Tests.Small

open Evo.Models
open Evo.Parallel

/// The model with small sizes; those that are unset and may be stay so.
let make (spec: CausalLM) = SmallModel.Of spec

/// The model with another value for each size of a role.
let with' (role: SizeRole) (value: int) (spec: CausalLM) = SmallModel.With(spec, role, value)

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
