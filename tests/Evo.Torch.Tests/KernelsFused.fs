/// The operators that stand around the linear maps of a layer, as cases to compare: norms, heads, gates and activations.
module Evo.Torch.Tests.KernelsFused

open TorchSharp
open Evo.Torch
open Evo.Torch.Tests.KernelsInputs

/// Numbers on both sides of where an activation bends. Far below zero GELU's plain form is the difference of nearly equal numbers,
/// whose rounding is larger than any bound on a kernel.
let private bent least (random: System.Random) sizes =
    (normal random sizes).mul(Scalar.op_Implicit 4.0).clamp_min(Scalar.op_Implicit (least: float))

let private leastOf (activation: string) =
    if activation.Contains "gelu" then -2.0 else -20.0

/// A unit of a gate and what it lets through.
let private gated (name: string) (unit: Tensor -> Tensor -> Tensor) =
    {
        Name = name
        Dimensions = [ "rows"; "C" ]
        Most = [ 40; 70 ]
        Call =
            fun sizes random ->
                {
                    Inputs = [| bent (leastOf (name.ToLowerInvariant())) random sizes; normal random sizes |]
                    Run = fun x -> unit x[0] x[1]
                }
    }

/// A norm of x and a weight, or of the sum of x and a residual, which is read too.
let private norm name (run: Tensor[] -> Tensor) residual =
    {
        Name = name
        Dimensions = [ "rows"; "C-1" ]
        Most = [ 130; 70 ]
        Call =
            fun sizes random ->
                // One channel normalised is its sign: its gradient is rounding. Two are, when their mean is taken off.
                let C = sizes[1] + 2
                let x = normal random [ sizes[0]; C ]
                let vector () = normal random [ C ]

                {
                    Inputs =
                        [|
                            x
                            if residual then
                                normal random [ sizes[0]; C ]
                            vector ()
                            vector ()
                        |]
                    Run = run
                }
    }

let private together struct (total: Tensor, normed: Tensor) = torch.cat ([| total; normed |], -1L)

let private heads name (tables: bool) grouped =
    {
        Name = name
        Dimensions = [ "B"; "T"; "K"; "H/K"; "D/2"; "tables" ]
        Most = [ 3; 9; 3; 3; 35; 2 ]
        Call =
            fun sizes random ->
                let B, T, K, group, D = sizes[0], sizes[1], sizes[2], sizes[3], 2 * sizes[4]
                let own = if sizes[5] = 1 then 1 else B
                let cos, sin = normal random [ own; T; D ], normal random [ own; T; D ]

                {
                    Inputs = [| normal random [ B; T; K * (group + 2) * D ] |]
                    Run =
                        fun x ->
                            let apart =
                                if tables then
                                    Ops.HeadsApart(
                                        x[0],
                                        int64 (K * group),
                                        int64 K,
                                        grouped,
                                        beside x cos,
                                        beside x sin
                                    )
                                else
                                    Ops.HeadsApart(x[0], int64 (K * group), int64 K, grouped)

                            torch.cat (apart, 2L)
                }
    }

let private activation name (bias: bool) =
    {
        Name =
            if bias then
                $"Activation {name} with a bias"
            else
                $"Activation {name}"
        Dimensions = [ "rows"; "C" ]
        Most = [ 130; 70 ]
        Call =
            fun sizes random ->
                {
                    Inputs =
                        [|
                            bent (leastOf name) random sizes
                            if bias then
                                (normal random [ sizes[1] ]).abs()
                        |]
                    Run =
                        fun x ->
                            if bias then
                                Ops.Activation(name, x[0], x[1])
                            else
                                Ops.Activation(name, x[0])
                }
    }

/// The end of a gated MLP.
let private gatedLinear name =
    {
        Name = $"GatedLinear {name}"
        Dimensions = [ "rows"; "F"; "O"; "bias" ]
        Most = [ 40; 70; 30; 2 ]
        Call =
            fun sizes random ->
                let rows, F, O = sizes[0], sizes[1], sizes[2]

                {
                    Inputs =
                        [|
                            bent (leastOf name) random [ rows; F ]
                            normal random [ rows; F ]
                            normal random [ O; F ]
                            if sizes[3] > 1 then
                                normal random [ O ]
                        |]
                    Run =
                        fun x ->
                            let pair = torch.cat ([| x[0]; x[1] |], -1L)

                            if x.Length > 3 then
                                Ops.GatedLinear(name, pair, x[2], x[3])
                            else
                                Ops.GatedLinear(name, pair, x[2])
                }
    }

/// The end of an MLP without a gate.
let private activatedLinear name =
    {
        Name = $"ActivatedLinear {name}"
        Dimensions = [ "rows"; "F"; "O"; "bias" ]
        Most = [ 40; 70; 30; 2 ]
        Call =
            fun sizes random ->
                let rows, F, O = sizes[0], sizes[1], sizes[2]

                {
                    Inputs =
                        [|
                            bent (leastOf name) random [ rows; F ]
                            normal random [ O; F ]
                            if sizes[3] > 1 then
                                normal random [ F ]
                                normal random [ O ]
                        |]
                    Run =
                        fun x ->
                            if x.Length > 2 then
                                Ops.ActivatedLinear(name, x[0], x[2], x[1], x[3])
                            else
                                Ops.ActivatedLinear(name, x[0], null, x[1])
                }
    }

/// Operators whose bits are a library's.
let products =
    [
        "GatedLinear silu"
        "GatedLinear gelu_new"
        "ActivatedLinear silu"
        "ActivatedLinear gelu_new"
    ]

let operators =
    [
        gated "SiluMul" (fun gate up -> Ops.SiluMul(gate, up))
        gated "GeluMul" (fun gate up -> Ops.GeluMul(gate, up))
        norm "LayerNorm" (fun x -> Ops.LayerNorm(x[0], x[1], x[2], 1e-5)) false
        norm "LayerNorm without a bias" (fun x -> Ops.LayerNorm(x[0], x[1] * x[2], null, 1e-5)) false
        norm "AddRmsNorm" (fun x -> together (Ops.AddRmsNorm(x[0], x[1], x[2] * x[3], 1e-5))) true
        norm "AddLayerNorm" (fun x -> together (Ops.AddLayerNorm(x[0], x[1], x[2], x[3], 1e-5))) true
        norm "PassRmsNorm" (fun x -> together (Ops.PassRmsNorm(x[0], x[1] * x[2], 1e-5))) false
        norm "PassLayerNorm" (fun x -> together (Ops.PassLayerNorm(x[0], x[1], x[2], 1e-5))) false
        heads "HeadsApart" true false
        heads "HeadsApart, grouped" true true
        heads "HeadsApart, not turned" false false
        activation "silu" true
        activation "gelu_new" true
        activation "gelu_new" false
        gated "GatedPair silu" (fun gate up -> Ops.GatedPair("silu", torch.cat ([| gate; up |], -1L)))
        gated "GatedPair gelu" (fun gate up -> Ops.GatedPair("gelu_new", torch.cat ([| gate; up |], -1L)))
        gatedLinear "silu"
        gatedLinear "gelu_new"
        activatedLinear "silu"
        activatedLinear "gelu_new"
    ]
