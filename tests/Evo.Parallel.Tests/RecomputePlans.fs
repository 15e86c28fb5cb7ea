/// What layers keep where that is left to the memory: what is predicted is what is there, and no bit of a step depends on it.
module Evo.Parallel.Tests.RecomputePlans

open System
open System.IO
open System.Text.Json.Nodes
open Evo.Core
open Evo.Models
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.OptimizerUpdates
open Evo.Parallel.Tests.TinyRuns
open Evo.Torch
open TorchSharp
open Xunit

let private sequences, length = 2L, 64L

let private small (name: string) layers =
    let family = nonNull (ModelFamilies.Find name)

    [
        SizeRole.Layers, layers
        SizeRole.Width, 64
        SizeRole.Inner, 160
        SizeRole.Vocabulary, 203
    ]
    |> List.fold
        (fun spec (role, size) -> SmallModel.With(spec, role, size))
        (SmallModel.Of(family.FromHuggingFace.Invoke(JsonObject())))

let private planOf spec layout options (budget: int64 option) =
    RecomputePlan.Of(
        spec,
        layout,
        options,
        struct (sequences, length),
        true,
        true,
        false,
        Option.toNullable budget
    )

/// The fewest bytes that the ranks of a layout can run in, and those that they need to compute nothing again.
let private bounds spec layout options =
    let most =
        (planOf spec layout options None).Stages
        |> Seq.map _.NeededByEverything
        |> Seq.max

    let refused = planOf spec layout options (Some 1L)
    1L + (refused.Stages |> Seq.map _.Missing |> Seq.max), most

/// Budgets from the least to the most.
let private budgets spec layout options =
    let least, most = bounds spec layout options
    [ for i in 0L .. 4L -> least + (most - least) * i / 4L ]

let private batch (spec: CausalLM) =
    let random = Random 5

    let tokens =
        [|
            for _ in 0L .. sequences * length -> random.Next spec.Size.VocabSize |> int64
        |]

    let count = int (sequences * length)

    MicroBatch(
        tokens[.. count - 1],
        tokens[1..],
        [| for i in 0L .. sequences * length - 1L -> i % length |],
        [| 0; int length; count |]
    )

let private layouts: Layout list =
    [
        Layout.Single
        for world, change in
            [
                2, (fun (d: Degrees) -> { d with Pipeline = 2 })
                4,
                (fun d ->
                    { d with
                        Pipeline = 2
                        Tensor = 2
                        Mode = TensorMode.Msp
                    })
                2,
                (fun d ->
                    { d with
                        Tensor = 2
                        Weight = 2
                        Mode = TensorMode.Isp
                    })
                2, (fun d -> { d with Fsdp = 2 })
            ] do
            { Layout.Single with
                Degrees = change { Degrees.Single with World = world }
                MicroBatches = 4
            }
        { Layout.Single with
            Degrees =
                { Degrees.Single with
                    World = 2
                    Pipeline = 2
                }
            Schedule = PipelineMode.ZeroBubbleV
            Chunks = 2
            MicroBatches = 4
        }
    ]

[<Fact>]
let ``what is chosen fits, costs less the more memory there is, and nothing where all fits`` () =
    for name in [ "LLAMA2"; "MIXTRALMOE" ] do
        let spec = small name 8

        for layout in layouts do
            let options = RankModelOptions()

            let plans =
                [
                    for budget in budgets spec layout options -> planOf spec layout options (Some budget)
                ]

            for plan in plans do
                Assert.True plan.Fits
                Assert.Equal(8, plan.Keeps.Count)

                for stage in plan.Stages do
                    Assert.True(stage.Needed <= plan.Budget.Value, $"{layout}: {stage}")

            let costs = plans |> List.map _.MoreWork
            Assert.Equal<float list>(List.sortDescending costs, costs)
            Assert.Equal(0.0, List.last costs)
            Assert.True(costs.Head > 0.1, $"{layout}: {costs}")

            // One byte less than the least is refused.
            let least, _ = bounds spec layout options
            Assert.False((planOf spec layout options (Some(least - 1L))).Fits)

[<Fact>]
let ``a stage on which more passes wait computes more again`` () =
    let spec = small "LLAMA2" 8

    let layout =
        { Layout.Single with
            Degrees =
                { Degrees.Single with
                    World = 4
                    Pipeline = 4
                }
            MicroBatches = 8
        }

    for budget in budgets spec layout (RankModelOptions()) do
        let plan = planOf spec layout (RankModelOptions()) (Some budget)
        // The last stage has the head, too.
        let costs = [ for stage in plan.Stages -> stage.FlopsAgain ] |> List.take 3
        Assert.Equal<float list>(List.sortDescending costs, costs)

[<Fact>]
let ``what is predicted on paper is what is predicted of the model that is made`` () =
    let spec = small "LLAMA2" 8

    for layout in layouts do
        for dtype in [ torch.ScalarType.Float32; torch.ScalarType.BFloat16 ] do
            let options = RankModelOptions(Dtype = dtype, BucketElements = 2000L)
            let least, most = bounds spec layout options
            let plan = planOf spec layout options (Some((least + most) / 2L))

            let made =
                LocalWorld.Results(
                    layout.Degrees.World,
                    (fun rank ->
                        let groups = RankGroups(Topology layout.Degrees, rank)

                        let options =
                            RankModelOptions(Dtype = dtype, BucketElements = 2000L, Keeps = plan.Keeps)

                        use model = RankModel.Build(spec, layout, groups, options)
                        groups.Pipeline.Rank, RankMemory.Predicted(model, 1L, sequences * length)),
                    Nullable(),
                    Nullable 1
                )

            for stage, predicted in made do
                // What a rank gathers in isp is known of the model when it has run.
                let chosen = plan.Stages[stage].Chosen

                let figures (memory: RankMemory) =
                    memory.Parameters,
                    memory.Gradients,
                    memory.OptimizerState,
                    memory.Master,
                    memory.Activations

                Assert.Equal(figures predicted, figures chosen)

[<Theory;
  InlineData("LLAMA2", "float32");
  InlineData("LLAMA2", "bfloat16");
  InlineData("GPT2", "float64");
  InlineData("MIXTRALMOE", "float32")>]
let ``a step stays within the budget, and is not far below what was predicted``
    (name: string, dtype: string)
    =
    let spec = small name 8

    let dtype =
        match dtype with
        | "float32" -> torch.ScalarType.Float32
        | "float64" -> torch.ScalarType.Float64
        | _ -> torch.ScalarType.BFloat16

    let options = RankModelOptions(Dtype = dtype, Dropout = false)
    let batch = batch spec

    for budget in budgets spec Layout.Single options do
        let plan = planOf spec Layout.Single options (Some budget)
        GC.Collect()
        GC.WaitForPendingFinalizers()
        let before = NativeMemory.BytesAllocated

        use model =
            RankModel.OnOneRank(spec, RankModelOptions(Dtype = dtype, Dropout = false, Keeps = plan.Keeps))

        model.Start 5UL

        let step () =
            use _ = torch.NewDisposeScope()
            RankMemory.ResetPeak torch.CPU
            model.Gradients [| batch; batch |] |> ignore
            RankMemory.Peak torch.CPU - before

        // The first step makes what later ones find made.
        step () |> ignore
        let measured, needed = step (), plan.Stages[0].Needed
        Assert.True(measured <= budget, $"{budget} may be taken, {measured} are, {needed} were predicted")
        Assert.True(float needed <= 1.35 * float measured, $"{needed} were predicted, {measured} are taken")

[<Fact>]
let ``ranks that keep different things in each layer have the gradients of ranks that keep everything`` () =
    let spec = small "LLAMA2" 8
    let batch = batch spec

    for layout in layouts do
        let least, most = bounds spec layout (RankModelOptions())
        let plan = planOf spec layout (RankModelOptions()) (Some((2L * least + most) / 3L))
        Assert.True(Seq.distinct plan.Keeps |> Seq.length > 1, $"{layout}: all layers keep the same")

        let gradients keeps =
            LocalWorld.Results(
                layout.Degrees.World,
                (fun rank ->
                    use model =
                        RankModel.Build(
                            spec,
                            layout,
                            RankGroups(Topology layout.Degrees, rank),
                            RankModelOptions(
                                Dtype = torch.ScalarType.Float64,
                                Dropout = false,
                                Keeps = keeps
                            )
                        )

                    model.Start 5UL
                    let figures = model.Gradients(Array.replicate layout.MicroBatches batch)
                    figures.Loss, figures.Norm, TensorBytes.Of(wholeGradient model.Optimizer).ToArray()),
                Nullable(),
                Nullable 1
            )

        let everything = gradients [| for _ in plan.Keeps -> LayerKeeps.Everything |]

        let chosen = gradients plan.Keeps
        Assert.Equal<(float * float * byte array) array>(everything, chosen)

let private auto (gibibytes: float) more =
    [ "model.checkpoint=auto"; $"train.memory_budget={gibibytes}"; yield! more ]

[<Fact>]
let ``a run that is told its memory says what it chose, and has the bits of a run that keeps everything`` () =
    use folder = new TemporaryFolder()
    writeData folder.Path
    let kept = config folder.Path "LLAMA2" []
    run kept |> ignore

    let spec = spec "LLAMA2"

    let one =
        RecomputePlan.Of(
            spec,
            Layout.Single,
            RankModelOptions(DecayAll = true),
            struct (2L, 32L),
            true,
            true,
            false,
            Nullable 1L
        )

    let least = 1L + one.Stages[0].Missing

    let budget =
        float (least + (one.Stages[0].NeededByEverything - least) / 2L)
        / float (1L <<< 30)

    let chosen =
        config folder.Path "LLAMA2" (auto budget [ $"run_folder={folder.Path}/chosen" ])

    let _, events = run chosen

    let plan =
        events
        |> List.pick (fun event ->
            match event with
            | :? TrainEvent.RecomputeChosen as e -> Some e.Plan
            | _ -> None)

    Assert.True(plan.Saved > 0L && plan.MoreWork > 0.0)
    Assert.Contains(plan.Keeps, fun keeps -> keeps <> LayerKeeps.Everything)

    let last (config: RunConfig) =
        Path.Combine(config.CheckpointFolder, string config.Data.TotalSteps)

    Assert.Equal<(string * string) list>(bits (last kept), bits (last chosen))

[<Fact>]
let ``a run that does not fit is refused with what is missing, before it has done anything`` () =
    use folder = new TemporaryFolder()
    let config = config folder.Path "LLAMA2" (auto 0.0001 [])

    let error = Assert.Throws<TrainingException>(fun () -> run config |> ignore)
    Assert.StartsWith("train.memory_budget = 0.0001: 0.0001 GiB are 0.", error.Message)

    Assert.Contains(
        "too few for a rank, even where its layers are computed again: parameters 0.0001 GiB",
        error.Message
    )

    Assert.False(Directory.Exists(Path.Combine(folder.Path, "run", "checkpoints")))
