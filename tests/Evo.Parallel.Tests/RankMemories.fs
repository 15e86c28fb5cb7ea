/// The bytes that ranks hold are those of the formulas, at every layout.
module Evo.Parallel.Tests.RankMemories

open System
open System.Text.Json.Nodes
open Evo.Models
open Evo.Parallel
open Evo.Core
open TorchSharp
open Xunit

let private small (name: string) =
    let family = nonNull (ModelFamilies.Find name)

    SmallModel.With(SmallModel.Of(family.FromHuggingFace.Invoke(JsonObject())), SizeRole.Layers, 4)

let private build (spec: CausalLM) dtype (layout: Layout) (rank: LocalRank) =
    RankModel.Build(
        spec,
        layout,
        RankGroups(Topology layout.Degrees, rank),
        RankModelOptions(Dtype = dtype, BucketElements = 2000L)
    )

[<Theory>]
[<InlineData("llama2", "float32");
  InlineData("llama2", "bfloat16");
  InlineData("mixtral", "float32");
  InlineData("gemma", "bfloat16")>]
let ``parameters, gradients, moments and masters are the formulas' to the byte``
    (name: string)
    (dtype: string)
    =
    let spec = small name

    let dtype =
        if dtype = "float32" then
            torch.ScalarType.Float32
        else
            torch.ScalarType.BFloat16

    let layouts =
        Covering.array 2 (Layouts.enumerate (LayoutFacts.Of(spec)) 4) Layouts.axes

    let wrong =
        [
            for layout in layouts do
                let found =
                    LocalWorld.Results(
                        layout.Degrees.World,
                        (fun rank ->
                            use model = build spec dtype layout rank
                            RankMemory.Counted(model, 0L), RankMemory.Predicted(model, 1L, 8L)),
                        Nullable(),
                        Nullable 1
                    )

                for rank, (counted, predicted) in Array.indexed found do
                    let figures (memory: RankMemory) =
                        memory.Parameters, memory.Gradients, memory.OptimizerState, memory.Master

                    if figures counted <> figures predicted || counted.Parameters = 0L then
                        $"{layout}, rank {rank}: {counted}, by formula {predicted}"
        ]

    Assert.Empty wrong
    Assert.True(layouts.Length > 10, "too few layouts were tried")

[<Fact>]
let ``sharing a state among ranks divides its bytes by their number`` () =
    let spec = small "llama2"

    let on zero =
        let layout =
            { Layout.Single with
                Degrees =
                    { Degrees.Single with
                        World = 4
                        Zero = zero
                    }
            }

        LocalWorld.Results(
            4,
            (fun rank ->
                use model = build spec torch.ScalarType.Float32 layout rank
                RankMemory.Counted(model, 0L).OptimizerState)
        )

    let alone = on 1

    for ranks in [ 2; 4 ] do
        for whole, share in Array.zip alone (on ranks) do
            // Buckets are padded to split evenly.
            Assert.InRange(float share * float ranks / float whole, 1.0, 1.1)
