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

[<Theory>]
[<InlineData("llama2", "float32", 0.0);
  InlineData("llama2", "bfloat16", 0.0);
  InlineData("gpt2", "bfloat16", 0.5);
  InlineData("qwen2", "bfloat16", 1.0)>]
let ``what one rank needs is known before its model is made``
    (name: string, dtype: string, recompute: float)
    =
    let spec = small name

    let dtype =
        if dtype = "float32" then
            torch.ScalarType.Float32
        else
            torch.ScalarType.BFloat16

    for narrow, split in [ false, false; true, false; true, dtype = torch.ScalarType.BFloat16 ] do
        let options =
            RankModelOptions(Dtype = dtype, NarrowSums = narrow, SplitMaster = split)

        let before = RankMemory.OfOneRank(spec, options, 2L, 16L, recompute)
        use model = RankModel.OnOneRank(spec, options, recompute)
        let made = RankMemory.Predicted(model, 2L, 16L)
        Assert.Equal(made.Activations, before.Activations)

        for (kind, bytes), (_, made) in Seq.zip before.Kinds made.Kinds do
            // Flat buffers are padded, by 15 elements for each parameter at most.
            let padding = 15L * 8L * int64 spec.Parameters.Count

            Assert.True(
                bytes <= made && made <= bytes + padding,
                $"{kind}: {bytes} before, {made} of the model"
            )

[<Theory; InlineData "LLAMA2"; InlineData "GPT2">]
let ``a step of one pass on one rank has the same bits when gradients are summed in the model's dtype, and no second buffer``
    family
    =
    let run narrow =
        use model =
            RankModel.OnOneRank(
                TinyRuns.spec family,
                RankModelOptions(Dtype = torch.ScalarType.BFloat16, NarrowSums = narrow)
            )

        model.Start 5UL
        let tokens = [| for i in 0L .. 23L -> (i * 7L + i * i) % 61L |]
        let batch = MicroBatch(tokens[..22], tokens[1..], [| 0L .. 22L |], [| 0; 23 |])

        let norms =
            [
                for update in 1L .. 3L do
                    let figures = model.Gradients [| batch |]

                    model.Update(AdamRates(1e-2, 0.9, 0.95, 1e-8, 0.1), update, figures, 1.0)
                    |> ignore

                    figures.Loss, figures.Norm
            ]

        let weights =
            [
                for kind in [ StateKind.Weight; StateKind.Master; StateKind.ExpAvg; StateKind.ExpAvgSq ] do
                    for piece in model.Pieces kind do
                        yield! piece.Values
            ]

        norms, weights, RankMemory.Counted(model, 0L), model.Optimizer.PlannedBytes

    let norms, weights, wide, _ = run false
    let sameNorms, sameWeights, narrow, planned = run true
    Assert.Equal<(float * float) list>(norms, sameNorms)
    Assert.Equal<float list>(weights, sameWeights)
    Assert.Equal(wide.Parameters, narrow.Gradients)
    Assert.Equal(3L * narrow.Gradients, wide.Gradients)
    Assert.Equal(planned.Gradients, narrow.Gradients)

[<Theory; InlineData "LLAMA2"; InlineData "GPT2">]
let ``master weights in halves are the same master weights, in half of their memory`` family =
    let made split =
        RankModel.OnOneRank(
            TinyRuns.spec family,
            RankModelOptions(Dtype = torch.ScalarType.BFloat16, SplitMaster = split)
        )

    let values (model: RankModel) kind =
        [
            for piece in model.Pieces kind do
                yield! piece.Values
        ]

    use whole = made false
    use halves = made true

    for model in [ whole; halves ] do
        model.Start 5UL
        let tokens = [| for i in 0L .. 23L -> (i * 7L + i * i) % 61L |]
        let batch = MicroBatch(tokens[..22], tokens[1..], [| 0L .. 22L |], [| 0; 23 |])
        let figures = model.Gradients [| batch |]

        Assert.True(model.Update(AdamRates(1e-2, 0.9, 0.95, 1e-8, 0.1), 1L, figures, 1.0))

    let theirs = values whole StateKind.Master
    Assert.NotEqual<float list>(values whole StateKind.Weight, theirs)

    for kind in [ StateKind.Master; StateKind.ExpAvg; StateKind.ExpAvgSq ] do
        Assert.Equal<float list>(values whole kind, values halves kind)

    let bytes (model: RankModel) = RankMemory.Counted(model, 0L).Master

    Assert.Equal(bytes whole, 2L * bytes halves)

    // Each takes what the other has: what a checkpoint holds is the same.
    for parameter in whole.Optimizer.Parameters do
        use doubled =
            whole.Optimizer.ReadWhole(parameter.Name, StateKind.Master).mul(Scalar.op_Implicit 2.0)

        halves.Optimizer.WriteWhole(parameter.Name, StateKind.Master, doubled)
        whole.Optimizer.WriteWhole(parameter.Name, StateKind.Master, doubled)

    for model in [ whole; halves ] do
        model.Optimizer.SpreadOwned()
        Assert.Equal<float list>(List.map ((*) 2.0) theirs, values model StateKind.Master)

    // Of two weights as near to a master weight each takes another one.
    let near =
        List.map2
            (fun (a: float) b -> abs (a - b) <= abs a / 128.0)
            (values whole StateKind.Weight)
            (values halves StateKind.Weight)

    Assert.True(List.forall id near)

    // Weights that a loader writes are master weights, too.
    halves.Optimizer.ChangeWeights(fun () ->
        use _ = torch.no_grad ()

        for parameter in halves.Chunks[0].Module.Table do
            parameter.Value.fill_ (Scalar.op_Implicit 0.375) |> ignore)

    Assert.All(values halves StateKind.Master, (fun value -> Assert.Equal(0.375, value)))

[<Fact>]
let ``master weights are in halves beside bfloat16 weights only`` () =
    let error =
        Assert.Throws<ArgumentException>(fun () ->
            new ShardedOptimizer(
                [| ShardedParameter("w", [| 4L |], 0, true) |],
                ShardingOptions(Dtype = torch.ScalarType.Float16, SplitMaster = true)
            )
            |> ignore)

    Assert.Contains("SplitMaster with Dtype = Float16", error.Message)

[<Fact>]
let ``sums in the model's dtype are refused for gradients that are kept in shards`` () =
    let error =
        Assert.Throws<ArgumentException>(fun () ->
            let options =
                ShardingOptions(Dtype = torch.ScalarType.BFloat16, FullySharded = true, NarrowSums = true)

            new ShardedOptimizer([| ShardedParameter("w", [| 4L |], 0, true) |], options)
            |> ignore)

    Assert.Contains("FullySharded with NarrowSums", error.Message)
