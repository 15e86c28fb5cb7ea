/// Meshes and layouts for tests: generators that are legal by construction, and shrink to few ranks.
module Evo.Core.Tests.Meshes

open System
open System.Collections.Generic
open FsCheck
open FsCheck.FSharp
open Evo.Core

/// A model that can be cut anywhere, with 12 experts.
let willing = ModelFacts.Any(layers = 96, experts = 12)

let private modes =
    [ TensorMode.Mtp; TensorMode.Msp; TensorMode.Fsp; TensorMode.Isp ]

let private divisor size =
    Gen.elements (DegreeRules.divisors size)

/// Degrees that can be built, of up to 96 ranks.
let degrees: Gen<Degrees> =
    gen {
        let! mode = Gen.elements modes
        let! pipeline = Gen.frequency [ 2, Gen.constant 1; 1, Gen.choose (2, 4) ]
        let! stage = Gen.choose (1, 24)
        let! tensor = divisor stage

        let! weight =
            if mode = TensorMode.Isp then
                divisor stage
            else
                Gen.constant 1

        let! noTp = Gen.elements [ false; true ]

        let plain =
            {
                World = pipeline * stage
                Mode = mode
                Tensor = tensor
                Weight = weight
                Pipeline = pipeline
                Zero = 1
                Expert = 1
                NoTp = noTp
                Fsdp = 1
            }

        let! expert = divisor (stage / plain.ExpertTensor)

        let! zero =
            Gen.oneof [ Gen.constant 1; Gen.constant -1; divisor (plain.Size plain.ZeroAxis) ]

        let! fsdp =
            if mode <> TensorMode.Isp && pipeline = 1 && zero <= 1 then
                divisor plain.Data
            else
                Gen.constant 1

        return
            { plain with
                Expert = expert
                Zero = zero
                Fsdp = fsdp
            }
    }

/// Degrees that are a step smaller.
let fewer (degrees: Degrees) : Degrees seq =
    { Layout.Single with Degrees = degrees }
    |> Layouts.smaller (ModelFacts.Any(layers = 96, experts = 24 * 23))
    |> Seq.map _.Degrees

/// A mesh, by its place in the order of InternEvo's examples: world, mode, tensor, pipeline, weight, zero.
let mesh world mode tensor pipeline weight zero =
    Topology
        { Degrees.Single with
            World = world
            Mode = mode
            Tensor = tensor
            Pipeline = pipeline
            Weight = weight
            Zero = zero
        }

/// Groups as lists, which can be compared.
let lists (groups: System.Collections.Generic.IReadOnlyList<System.Collections.Generic.IReadOnlyList<int>>) =
    [ for group in groups -> List.ofSeq group ]

/// Layouts of up to six ranks of a model with 4 experts.
let small = ModelFacts.Any(layers = 18, experts = 4)

let smallLayouts = lazy (Array.ofList (Layouts.enumerate small 6))

let layout: Gen<Layout> =
    gen {
        let! index = Gen.choose (0, smallLayouts.Value.Length - 1)
        return smallLayouts.Value[index]
    }

/// A model of 4 layers with 6 heads, that is no pipeline.
let stubborn =
    { ModelFacts.Any(layers = 4, experts = 0) with
        RowTokens = 20
        TensorProblems =
            Func<_, _, _>(fun _ degree ->
                [
                    if 6 % degree <> 0 then
                        $"6 heads do not split {degree} ways; use 1, 2, 3 or 6"
                ]
                :> IReadOnlyList<string>)
        NotPipelined = "its layers hand on two values"
    }

/// What stands against a layout, in one line each.
let said facts layout =
    Legality.problems facts layout |> List.map string

let on degrees =
    { Layout.Single with Degrees = degrees }
