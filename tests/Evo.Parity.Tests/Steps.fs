/// One float32 training step on ranks of this process, watched from outside: what formulas are held against.
module Evo.Parity.Tests.Steps

open System
open Evo.Models
open Evo.Parallel
open Evo.Torch
open TorchSharp
open Xunit

/// Counters of the process: nothing else may run beside these tests.
[<CollectionDefinition("counters", DisableParallelization = true)>]
type Counters() = class end

let families =
    let data = TheoryData<string>()
    let all = System.Environment.GetEnvironmentVariable "EVO_TEST_FULL" = "1"

    // A dense family and a sparse one in the quick suite: every layout of a family is counted, which takes a while.
    for family in ModelFamilies.All do
        if all || family.Name = "LLAMA2" || family.Name = "MIXTRALMOE" then
            data.Add(family.Name: string)

    data

/// A family with small sizes.
let small (name: string) =
    let family = nonNull (ModelFamilies.Find name)
    Small.make (family.FromHuggingFace.Invoke(System.Text.Json.Nodes.JsonObject()))

/// One device, and every layout that the model's plan allows on up to eight ranks.
let layouts spec =
    ParityLayout.Serial
    :: [
        for mode in Small.modes do
            yield! Small.layouts spec mode
    ]

/// Experts over other ranks than the tensor axis; for a model that has any.
let expertLayouts (spec: CausalLM) =
    if spec.Parameters |> Seq.exists (fun p -> p.Kind = ParameterKind.Expert) then
        [
            for tensor, experts in [ 2, 1; 2, 2; 4, 2 ] do
                ParityLayout(ParallelMode.Mtp, tensor, Expert = experts, NoTp = true)

            for mode in [ ParallelMode.Msp; ParallelMode.Isp ] do
                for experts in [ 1; 2 ] do
                    ParityLayout(mode, 4, (if mode = ParallelMode.Isp then 2 else 1), Expert = experts)
        ]
    else
        []

/// A rank's groups; `around` decorates each.
let ranks (spec: CausalLM) (layout: ParityLayout) (rank: LocalRank) (around: ProcessGroup -> ProcessGroup) =
    let groups = layout.Groups(spec, rank).Ranks

    RankContext(
        groups.Mode,
        around groups.Tensor,
        around groups.Weight,
        Data = around groups.Data,
        Expert = around groups.Expert,
        NoTp = groups.NoTp,
        EmbedSplitHidden = groups.EmbedSplitHidden
    )

/// What the first rank read while all stood still: before the forward, after it, and after the backward.
type Readings<'r> =
    { Start: 'r; Forward: 'r; Backward: 'r }

/// Runs a step of `rows` x `length` tokens; `read` is called by one rank while all wait.
let step (spec: CausalLM) (layout: ParityLayout) rows length around (read: unit -> 'r) : Readings<'r> =
    let tokens =
        let random = Random 7
        Array2D.init rows length (fun _ _ -> random.Next spec.Size.VocabSize |> int64)

    let all =
        LocalWorld.Results(
            layout.World,
            (fun rank ->
                let everyone = rank.Everyone "all"

                let reading () =
                    everyone.Barrier(Site(-1, false))
                    let found = if rank.Rank = 0 then [ read () ] else []
                    everyone.Barrier(Site(-1, false))
                    found

                let context = ranks spec layout rank (around rank.Rank)

                use model =
                    spec.Build(
                        BuildOptions(
                            Dtype = torch.ScalarType.Float32,
                            InitSeed = Nullable 20UL,
                            Ranks = context,
                            Dropout = false
                        )
                    )

                model.train ()
                use ids = torch.tensor (tokens)
                use labels = torch.tensor (tokens)

                // Tables that all later steps share are made by the first.
                let first () =
                    use quiet = torch.no_grad ()
                    use scope = torch.NewDisposeScope()
                    use at = Positions.Sequential(rows, length)
                    model.Hidden(ids, at) |> ignore

                first ()

                use at = Positions.Sequential(rows, length)
                let start = reading ()

                let loss =
                    use scope = torch.NewDisposeScope()
                    let struct (sum, _, _, _) = model.Loss(ids, labels, at)
                    sum.MoveToOuterDisposeScope()

                let forward = reading ()
                loss.backward ()
                let backward = reading ()
                List.zip3 start forward backward),
            threads = Nullable 1
        )

    let start, forward, backward = List.exactlyOne all[0]

    {
        Start = start
        Forward = forward
        Backward = backward
    }

/// Fails with every line that was found.
let none what (lines: string seq) =
    let lines = List.ofSeq lines
    let text = String.concat "\n" lines
    Assert.True(lines.IsEmpty, $"{what}: {lines.Length} are off\n{text}")
