/// The kill ratio of the runtime's text: one line of it changed, the room compiled anew, and the law must fail.
module Evo.Parity.Tests.SourceMutants

open System
open System.Collections.Generic
open System.IO
open System.Reflection
open System.Runtime.CompilerServices
open System.Runtime.Loader
open Evo.Core
open Evo.Models
open Evo.Parity.Tests.RuntimeGrounds
open Microsoft.CodeAnalysis
open Microsoft.CodeAnalysis.CSharp
open Xunit

type private Here =
    static member File([<CallerFilePath>] ?path: string) = defaultArg path ""

let private room =
    let tests = nonNull (Path.GetDirectoryName(Here.File()))
    Path.GetFullPath(Path.Combine(tests, "../../src/Evo.Parallel"))

/// One line in another way.
type private Change =
    {
        File: string
        Old: string
        New: string
    }

let private change file old' new' = { File = file; Old = old'; New = new' }

let private changes =
    [
        // A step.
        "gradients are not set to zero", change "Runtime/RankModel.Step.cs" "Optimizer.ZeroGradient();" ""
        "a rank divides by its own labels",
        change "Runtime/RankModel.Step.cs" "runner.Run(batch, whole.Targets," "runner.Run(batch, own.Targets,"
        "the loss is told by own labels",
        change
            "Runtime/RankModel.Step.cs"
            "sums[0] / Math.Max(1, whole.Targets), sums[2]"
            "sums[0] / Math.Max(1, own.Targets), sums[2]"
        "the labels of the first replica stand for all",
        change "Runtime/RankModel.Step.cs" "Aggregate((a, b) => a + b)" "Aggregate((a, b) => a)"
        "the tied gradient is missed", change "Runtime/RankModel.Step.cs" "        SumTied();" ""
        "the tied gradient is an average",
        change
            "Runtime/RankModel.Step.cs"
            "ends.AllReduce(own, ReduceOperation.Sum,"
            "ends.AllReduce(own, ReduceOperation.Average,"
        "gradients are not reduced at the end", change "Runtime/RankModel.Step.cs" "Optimizer.Finish();" ""
        "gradients are clipped twice",
        change
            "Runtime/RankModel.Step.cs"
            "Optimizer.Update(rates, update, ShardedOptimizer.ClipFactor(norm, clip))"
            "Optimizer.Update(rates, update, ShardedOptimizer.ClipFactor(norm, clip) * ShardedOptimizer.ClipFactor(norm, clip))"
        "gradients are not clipped",
        change
            "Runtime/RankModel.Step.cs"
            "Optimizer.Update(rates, update, ShardedOptimizer.ClipFactor(norm, clip))"
            "Optimizer.Update(rates, update, 1)"
        "updates are counted from two",
        change
            "Runtime/RankModel.Step.cs"
            "Optimizer.Update(rates, update, ShardedOptimizer"
            "Optimizer.Update(rates, update + 1, ShardedOptimizer"
        "every backward pass is taken for the last",
        change
            "Runtime/RankModel.Step.cs"
            "(_, last) => Optimizer.LastBackward = last"
            "(_, last) => Optimizer.LastBackward = true"
        "every rank of a tensor group tells the loss",
        change
            "Runtime/RankModel.Step.cs"
            "var speaks = Groups.Tensor.Rank == 0;\n        var router"
            "var speaks = true;\n        var router"
        "every replica tells the routers' loss",
        change
            "Runtime/RankModel.Step.cs"
            "speaks && Groups.Data.Rank == 0 ? passes.RouterLoss"
            "speaks ? passes.RouterLoss"
        // What a rank is made of.
        "a rank knows its own norm",
        change "Runtime/RankModel.cs" "SumOverWorld([own], RuntimeSites.Norm)[0]" "own"
        "replicas of tensor ranks all count",
        change "Runtime/RankModel.cs" "(ClassOf(info, ranks) != ReductionClass.Data || " "(true || "
        "what tensor ranks share does not count",
        change "Runtime/RankModel.cs" " || Models.Layout.CutsOf(info, ranks).Count > 0)" ")"
        "a tied table counts twice",
        change
            "Runtime/RankModel.cs"
            "&& (info.Name != tied || ends is null || stages.Any(stage => stage.First == 0))"
            ""
        "a tied table does not wait for the other stage",
        change
            "Runtime/RankModel.cs"
            "WaitsForStage = info.Name == tied && ends is not null"
            "WaitsForStage = false"
        "weights of the weight axis are summed over data ranks",
        change
            "Runtime/RankModel.cs"
            "GradientSumAxis.WeightData => ReductionClass.WeightData"
            "GradientSumAxis.WeightData => ReductionClass.Data"
        "experts are summed over data ranks",
        change
            "Runtime/RankModel.cs"
            "GradientSumAxis.ExpertData => ReductionClass.ExpertData"
            "GradientSumAxis.ExpertData => ReductionClass.Data"
        "both ends on one rank have a gradient each",
        change "Runtime/RankModel.cs" "parameter.grad = shared[^1];" ""
        "everything decays", change "Runtime/RankModel.cs" "Options.DecayAll || info.Decays" "true"
        "replicas of an expert's share are all data ranks",
        change
            "Runtime/RankModel.cs"
            "[ReductionClass.ExpertData] = Groups.Reduction(MeshAxis.ExpertData)"
            "[ReductionClass.ExpertData] = Groups.Reduction(MeshAxis.Data)"
        // The loss.
        "a mean over micro-batches of what is summed",
        change "Runtime/LossShare.cs" "sum / (double)targets;" "sum / (double)targets / (double)microBatches;"
        "the routers' losses are summed", change "Runtime/LossShare.cs" " / (double)microBatches;" ";"
        "the routers' loss is the last one",
        change
            "Runtime/LossShare.cs"
            "RouterLoss = (RouterLoss ?? 0) + added.ToDouble()"
            "RouterLoss = added.ToDouble()"
        "the loss is that of the last micro-batch", change "Runtime/LossShare.cs" "LossSum += " "LossSum = "
        // A schedule is run.
        "the last but one pass is taken for the last",
        change "Runtime/PipelineRunner.cs" "left[chunk] == 1" "left[chunk] == 2"
        "products that were put off are forgotten",
        change "Runtime/PipelineRunner.cs" "pass.Weights?.Invoke();" ""
        "routers begin anew in each stage",
        change "Runtime/PipelineRunner.cs" "module.Routers(pass.Input?.Statistics)" "module.Routers(null)"
        "statistics have no gradient",
        change
            "Runtime/StagePass.cs"
            "Output.Statistics is { requires_grad: true } statistics"
            "Output.Statistics is { requires_grad: true } statistics && Output.X.numel() < 0"
        "the gradient of statistics is not sent",
        change
            "Runtime/StagePass.cs"
            "statistics.grad ?? zeros_like(statistics) : null"
            "zeros_like(statistics) : null"
        // Groups.
        "replicas of a share are all ranks of the axis",
        change
            "Runtime/RankGroups.cs"
            "Topology.ZeroReplicaGroupOf(parent, Rank)"
            "Topology.GroupOf(parent, Rank)"
        "a share has no replicas",
        change "Runtime/RankGroups.cs" "Topology.ZeroReplicaGroupOf(parent, Rank)" "[Rank]"
        "replicas of a fully sharded share are those of ZeRO",
        change "Runtime/RankGroups.cs" "Topology.FsdpReplicaGroupOf(parent, Rank)" "[Rank]"
        // The optimizer.
        "elements count that are not to", change "Optimizer/ClassShard.cs" "run.Counts && Groups" "Groups"
        "every replica of a share counts", change "Optimizer/ClassShard.cs" " && Groups.Replica.Rank == 0" ""
        "every run decays",
        change "Optimizer/ClassShard.cs" "run.Decays ? rates.WeightDecay : 0" "rates.WeightDecay"
        "the factor of the clip has another epsilon",
        change "Optimizer/ShardedOptimizer.cs" "limit / (norm + 1e-6)" "limit / norm"
        "the first bucket is not finished",
        change
            "Optimizer/ReplicatedWeights.cs"
            "begun.Length - 1; bucket >= 0; bucket--)"
            "begun.Length - 1; bucket > 0; bucket--)"
        "the last bucket never arrives",
        change "Optimizer/ReplicatedWeights.cs" "underWay.Count > 0)" "underWay.Count > 1)"
        "a forward does not wait for its weights",
        change
            "Optimizer/ReplicatedWeights.cs"
            "if (bucketOf.TryGetValue(block, out var bucket))\n        {\n            Arrive(bucket);"
            "if (bucketOf.TryGetValue(block, out var bucket))\n        {"
        "an owner takes the first share of a sum",
        change "Optimizer/ReplicatedWeights.cs" "range.Offset - Plan.Buckets[bucket].Offset" "0"
        "replicas of a share are not summed",
        change "Optimizer/ReplicatedWeights.cs" "if (replica.Size > 1)" "if (replica.Size > 99)"
        "owners are not summed",
        change "Optimizer/ReplicatedWeights.cs" "if (zero.Size > 1)" "if (zero.Size > 99)"
        "a bucket leaves with its first block",
        change "Optimizer/ReplicatedWeights.cs" "blocksOf[bucket].All(ended.Contains)" "true"
        "only the own share is updated here",
        change "Optimizer/ReplicatedWeights.cs" "if (Groups.Zero.Size == 1)" "if (Groups.Zero.Size > 0)"
        "a micro-batch replaces the one before",
        change "Optimizer/FullyShardedWeights.cs" "range.Length).add_(sums);" "range.Length).copy_(sums);"
        "the last block never arrives",
        change
            "Optimizer/FullyShardedWeights.cs"
            "        Arrive();\n        if (Groups.Replica"
            "        if (Groups.Replica"
        "replicas of a block are not summed",
        change
            "Optimizer/FullyShardedWeights.cs"
            "if (Groups.Replica.Size > 1)"
            "if (Groups.Replica.Size > 99)"
        "a maximum stands for the sum of a block",
        change
            "Optimizer/FullyShardedWeights.cs"
            "ReduceOperation.Sum, new(OptimizerSites.Reduce, false))]));"
            "ReduceOperation.Max, new(OptimizerSites.Reduce, false))]));"
        "a step adds to the one before", change "Optimizer/FullyShardedWeights.cs" "Gradient.zero_();" ""
    ]

let private parseOptions =
    CSharpParseOptions(LanguageVersion.Latest, DocumentationMode.None)

let private parse (path: string) (text: string) =
    CSharpSyntaxTree.ParseText(text, parseOptions, path)

/// What every file of the room sees without saying so.
let private usings =
    [
        "System"
        "System.Collections.Generic"
        "System.IO"
        "System.Linq"
        "System.Net.Http"
        "System.Threading"
        "System.Threading.Tasks"
    ]
    |> List.map (fun name -> $"global using {name};")
    |> String.concat "\n"
    |> parse "usings.cs"

/// The part of the room that steps at a layout are made of; what it needs of the rest is little.
let private files =
    lazy
        (dict
            [
                for folder in [ "Runtime"; "Optimizer"; "Parity"; "Groups"; "Faults" ] do
                    for file in
                        Directory.GetFiles(Path.Combine(room, folder), "*.cs", SearchOption.AllDirectories) do
                        Path.GetRelativePath(room, file), File.ReadAllText(file).ReplaceLineEndings "\n"
                for name in [ "BatchFigures"; "MicroBatch"; "RouterCoefficients" ] do
                    let file = $"Training/{name}.cs"
                    file, File.ReadAllText(Path.Combine(room, file)).ReplaceLineEndings "\n"
            ])

let private trees =
    lazy (dict [ for KeyValue(file, text) in files.Value -> file, parse file text ])

let private references =
    lazy
        [
            match AppContext.GetData "TRUSTED_PLATFORM_ASSEMBLIES" with
            | :? string as paths ->
                for path in paths.Split Path.PathSeparator do
                    if Path.GetFileName path <> "Evo.Parallel.dll" then
                        MetadataReference.CreateFromFile path :> MetadataReference
            | _ -> ()
        ]

/// The room with one change, compiled and loaded beside the true one.
let private compiled (change: Change) =
    let text = files.Value[change.File]
    let at = text.IndexOf(change.Old, StringComparison.Ordinal)

    if at < 0 || text.IndexOf(change.Old, at + 1, StringComparison.Ordinal) >= 0 then
        invalidOp $"{change.File} has not exactly one \"{change.Old}\"; the mutant is to follow the text"

    let changed = text.Replace(change.Old, change.New, StringComparison.Ordinal)

    let options =
        CSharpCompilationOptions(
            OutputKind.DynamicallyLinkedLibrary,
            nullableContextOptions = NullableContextOptions.Enable,
            optimizationLevel = OptimizationLevel.Release,
            allowUnsafe = true
        )

    let all =
        [
            usings
            for KeyValue(file, tree) in trees.Value do
                if file = change.File then parse file changed else tree
        ]

    use image = new MemoryStream()

    let result =
        CSharpCompilation.Create("Evo.Parallel", all, references.Value, options).Emit image

    if not result.Success then
        let errors =
            result.Diagnostics
            |> Seq.filter (fun d -> d.Severity = DiagnosticSeverity.Error)
            |> Seq.truncate 5
            |> Seq.map string

        invalidOp (String.concat "\n" errors)

    image.Position <- 0L
    AssemblyLoadContext("a mistaken runtime", isCollectible = true).LoadFromStream image

let private make (t: Type) (arguments: (obj | null) array) (properties: (string * (obj | null)) list) =
    let made = nonNull (Activator.CreateInstance(t, arguments))

    for name, value in properties do
        (nonNull (t.GetProperty name)).SetValue(made, value)

    made

/// What the mistaken runtime makes of a ground, in the true room's types.
let private figures (assembly: Assembly) (ground: Ground) : Evo.Parallel.LayoutFigures =
    let typeOf name =
        nonNull (assembly.GetType $"Evo.Parallel.{name}")

    let batch =
        let micro = typeOf "ParityBatch"
        let microList = typedefof<IReadOnlyList<_>>.MakeGenericType micro

        let step (micros: IReadOnlyList<Evo.Parallel.ParityBatch>) =
            let array = Array.CreateInstance(micro, micros.Count)

            micros
            |> Seq.iteri (fun i m -> array.SetValue(make micro [| m.Ids; m.Labels; null |] [], i))

            array

        let steps = Array.CreateInstance(microList, ground.Batch.Steps.Count)
        ground.Batch.Steps |> Seq.iteri (fun i micros -> steps.SetValue(step micros, i))
        make (typeOf "LayoutBatch") [| steps |] []

    let probe =
        make
            (typeOf "ParityProbe")
            [||]
            [ "BucketElements", box ground.BucketElements; "TimeLimit", box limit ]

    let run =
        (typeOf "LayoutParity").GetMethods()
        |> Array.find (fun m -> m.Name = "Run" && m.GetParameters().Length = 4)

    let found =
        nonNull (run.Invoke(null, [| ground.Spec; ground.Layout; batch; probe |]))

    let look name (from: obj) =
        (nonNull (from.GetType().GetProperty name)).GetValue from

    let get name from = nonNull (look name from)

    let steps =
        [|
            for step in (get "Steps" found :?> System.Collections.IEnumerable) do
                let step = nonNull step

                Evo.Parallel.StepQuantities(
                    (get "Loss" step :?> float),
                    (match look "RouterLoss" step with
                     | null -> Nullable()
                     | value -> Nullable(value :?> float)),
                    (get "Norm" step :?> float),
                    (get "Gradients" step :?> IReadOnlyDictionary<string, float array>),
                    (get "Parameters" step :?> IReadOnlyDictionary<string, float array>)
                )
        |]

    Evo.Parallel.LayoutFigures(steps, (get "Unequal" found :?> IReadOnlyList<string>))

/// The first ground where the law fails, or none.
let private seen (change: Change) =
    let assembly = compiled change

    all.Value
    |> Array.tryFind (fun ground ->
        try
            not (Layouts.wrongIn ground.Serial (figures assembly ground)).IsEmpty
        with :? TargetInvocationException ->
            true)

let private run (chosen: (string * Change) list) =
    let watch = Diagnostics.Stopwatch.StartNew()
    let results = [ for what, change in chosen -> what, change, seen change ]
    let survivors = results |> List.filter (fun (_, _, ground) -> ground.IsNone)
    let dead = results.Length - survivors.Length

    let text =
        String.concat
            "\n"
            [
                $"{dead} of {results.Length} changed lines of the runtime seen, {watch.Elapsed.TotalSeconds:f0} s"
                for what, change, _ in survivors do
                    $"  survived: {what} ({change.File})"
            ]

    Console.WriteLine text
    Assert.True(float dead >= 0.98 * float results.Length, text)

[<Fact>]
let ``the runtime as it is, compiled in the same way, obeys the law`` () =
    let assembly =
        compiled (change "Runtime/RankModel.Step.cs" "        SumTied();" "        SumTied(); // as it is")

    for ground in all.Value do
        Assert.Empty(Layouts.wrongIn ground.Serial (figures assembly ground))

[<Fact>]
let ``some changed lines of the runtime are seen`` () =
    run (changes |> List.indexed |> List.filter (fun (i, _) -> i % 8 = 4) |> List.map snd)

[<Fact; Trait("Category", "Full")>]
let ``every changed line of the runtime is seen`` () = run changes
