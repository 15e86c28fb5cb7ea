/// What is read and written as logical parameters does not depend on who holds what.
module Evo.Parallel.Tests.OptimizerStates

open System.Collections.Generic
open Evo.Parallel
open Evo.Parallel.Tests.Grids
open Evo.Parallel.Tests.ToyModel
open Evo.Torch
open TorchSharp
open TorchSharp.Modules
open Xunit

let private plain (_: int) (group: ProcessGroup) (_: ProcessGroup) = group

let private ways =
    [
        for zero in [ 1; 2; 4 ] do
            Way.Of zero
            { Way.Of zero with Overlap = true }

            { Way.Of zero with
                Reduction = Evo.Core.GradientReduction.AllReduce
            }

            { Way.Of zero with Fully = true }
            { Way.Of zero with Split = true }

            { Way.Of zero with
                Split = true
                Fully = true
            }
    ]

/// Runs on every rank an optimizer with a model built over it.
let private onRanks way dtype (body: ShardedOptimizer -> Dictionary<string, Parameter> -> unit) =
    LocalWorld.Run(
        dataRanks,
        fun rank ->
            let groups = groupsOf (plain rank.Rank) rank way.Zero false

            use optimizer =
                new ShardedOptimizer(parametersOf [ rank.Rank % 2 ], way.Options(dtype, groups, id))

            let weights = Dictionary<string, Parameter>()

            for parameter in optimizer.Parameters do
                weights[parameter.Name] <- new Parameter(optimizer.Weights parameter.Name)

            optimizer.Attach(fun name -> weights[name])
            body optimizer weights
    )

let private fractions (parameter: ShardedParameter) (kind: string) =
    (whole $"{parameter.Name} {kind}" -999 999 (Array.ofSeq parameter.Shape)) / 7.0

let private same (expected: torch.Tensor) (found: torch.Tensor) =
    Assert.Equal<byte seq>(bits expected, bits (found.detach ()))

[<Fact>]
let ``what is written of a parameter is read again, and the model gets the rounded master weights`` () =
    for way in ways do
        for dtype in [ torch.float64; torch.float32; torch.bfloat16 ] do
            onRanks way dtype (fun optimizer weights ->
                let kinds =
                    [ StateKind.Master; StateKind.ExpAvg; StateKind.ExpAvgSq; StateKind.Gradient ]

                let value parameter (kind: StateKind) =
                    (fractions parameter (string kind)).``to`` optimizer.StateDtype

                for parameter in optimizer.Parameters do
                    for kind in kinds do
                        optimizer.WriteWhole(parameter.Name, kind, value parameter kind)

                optimizer.SpreadOwned()

                for parameter in optimizer.Parameters do
                    for kind in kinds do
                        same (value parameter kind) (optimizer.ReadWhole(parameter.Name, kind))

                    let rounded = (value parameter StateKind.Master).``to`` dtype
                    same rounded (optimizer.ReadWhole(parameter.Name, StateKind.Weight))

                optimizer.ReadWeights(fun () ->
                    for parameter in optimizer.Parameters do
                        same ((value parameter StateKind.Master).``to`` dtype) weights[parameter.Name])
                |> ignore)

[<Fact>]
let ``weights that the model was given are those that are trained, and a copy of them comes back`` () =
    for way in ways do
        for dtype in [ torch.float32; torch.bfloat16 ] do
            onRanks way dtype (fun optimizer weights ->
                let fill what =
                    optimizer.ChangeWeights(fun () ->
                        use _ = torch.no_grad ()

                        for parameter in optimizer.Parameters do
                            weights[parameter.Name].copy_(fractions parameter what) |> ignore)

                let holds what (kind: StateKind) =
                    for parameter in optimizer.Parameters do
                        let expected = (fractions parameter what).``to`` dtype

                        let wanted =
                            if kind = StateKind.Master then
                                expected.``to`` optimizer.StateDtype
                            else
                                expected

                        same wanted (optimizer.ReadWhole(parameter.Name, kind))

                fill "first"
                holds "first" StateKind.Weight
                holds "first" StateKind.Master
                let copied = optimizer.CopyWeights()
                fill "second"
                holds "second" StateKind.Weight
                optimizer.RestoreWeights copied
                holds "first" StateKind.Weight

                if dtype = torch.bfloat16 && not way.Split then
                    holds "second" StateKind.Master)

[<Fact>]
let ``a tensor of another shape is refused`` () =
    onRanks (Way.Of 2) torch.float32 (fun optimizer _ ->
        let error =
            Assert.Throws<System.ArgumentException>(fun () ->
                optimizer.WriteWhole("table", StateKind.ExpAvg, torch.zeros (3L, 3L)))

        Assert.Contains("table is [7, 5] on this rank, the tensor given is [3, 3]", error.Message))
