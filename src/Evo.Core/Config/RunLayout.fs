namespace Evo.Core

open System
open System.Collections.Generic
open System.Runtime.CompilerServices

/// How a run is laid out on a number of ranks: what its keys say, once the launcher has said how many there are.
[<Extension; AbstractClass; Sealed>]
type RunLayout private () =

    static let modeOf (name: string) =
        match name with
        | "msp" -> TensorMode.Msp
        | "fsp" -> TensorMode.Fsp
        | "isp" -> TensorMode.Isp
        | _ -> TensorMode.Mtp

    static let scheduleOf (name: string) =
        match name with
        | "ZBH1" -> PipelineMode.ZeroBubbleH1
        | "ZBV" -> PipelineMode.ZeroBubbleV
        | _ -> PipelineMode.OneForwardOneBackward

    /// What the keys leave open is filled in for a stage of so many ranks; sizes that do not fit are passed on as they are.
    static let filled (run: RunConfig) (world: int) (experts: int) : Degrees =
        let split = run.Parallel

        let plain =
            {
                World = world
                Mode = modeOf split.Tensor.Mode
                Tensor = split.Tensor.Size
                Weight = split.Weight.Size
                Pipeline = split.Pipeline.Size
                Zero = split.Zero1.Size
                Expert = 1
                NoTp = split.Expert.NoTp
                Fsdp = 1
            }

        if plain.Tensor < 1 || plain.Pipeline < 1 || plain.Weight < 1 then
            { plain with
                Expert = if split.Expert.Size = -1 then 1 else split.Expert.Size
            }
        else
            let expert =
                if split.Expert.Size <> -1 then
                    split.Expert.Size
                else
                    // InternEvo's min(ranks, experts), cut down to what divides both.
                    DegreeRules.gcd (max 1 experts) (max 1 (plain.StageSize / plain.ExpertTensor))

            let fsdp =
                if not split.Fsdp.Enable then 1
                elif split.Fsdp.Size = -1 then max 1 plain.Data
                else split.Fsdp.Size

            { plain with
                Expert = expert
                Fsdp = fsdp
                // Who shares the parameters shares the state with them.
                Zero = if fsdp > 1 && plain.Zero = -1 then 1 else plain.Zero
            }

    /// The sizes of the mesh on a number of ranks, for a model with so many experts in a layer (0 for none). They may be
    /// illegal.
    [<Extension>]
    static member Degrees(run: RunConfig, world: int, experts: int) : Degrees = filled run world experts

    // Degrees that do not divide are reported as such, not here.
    static member private DataOf(degrees: Degrees) =
        if degrees.Tensor < 1 || degrees.Pipeline < 1 then
            1
        else
            max 1 degrees.Data

    /// Rows of a step that cannot be dealt out.
    static member private RowProblems(run: RunConfig, degrees: Degrees) : LayoutProblem list =
        let ranks = RunLayout.DataOf degrees

        [
            if run.Data.RowsPerStep.HasValue && run.Data.RowsPerStep.Value % ranks <> 0 then
                {
                    Path = "data.rows_per_step"
                    Found = string run.Data.RowsPerStep.Value
                    Rule = $"rows do not deal out evenly over {ranks} data-parallel ranks"
                    Hint = $"use a multiple of {ranks}"
                }
        ]

    /// The layout on a number of ranks, for a model with so many experts in a layer (0 for none). It may be illegal.
    [<Extension>]
    static member LayoutAt(run: RunConfig, world: int, experts: int) : Layout =
        let schedule = scheduleOf run.Parallel.Pipeline.Mode
        let degrees = filled run world experts

        {
            Degrees = degrees
            Schedule = schedule
            Chunks =
                if schedule = PipelineMode.ZeroBubbleV && run.Model.NumChunks = 1 then
                    2
                else
                    run.Model.NumChunks
            MicroBatches = RunRanks.MicroBatchesOn(run, RunLayout.DataOf degrees)
            Recompute = run.Model.Checkpoint.Given
            Selective = run.SelectiveCheckpoint && run.Model.Checkpoint <> Auto
            Reduction =
                if run.HybridZeroOptimizer.Reduce = "all_reduce" then
                    GradientReduction.AllReduce
                else
                    GradientReduction.ReduceScatter
        }

    /// Numbers of micro-batches on the way up to data.micro_num that the schedule cannot run.
    static member internal RampProblems(run: RunConfig, layout: Layout) : LayoutProblem list =
        match RampUp.TryParse run.Data.RampupBatchSize with
        | None -> []
        | Some ramp ->
            ramp.Levels layout.MicroBatches
            |> List.filter (fun level -> level <> layout.MicroBatches)
            |> List.collect (fun level -> Legality.ofRun { layout with MicroBatches = level })
            |> List.filter (fun problem -> problem.Path = "data.micro_num")
            |> List.map (fun problem ->
                { problem with
                    Path = "data.rampup_batch_size"
                    Found = Json.quote run.Data.RampupBatchSize
                    Rule = $"passes through {problem.Found} micro-batches, and {problem.Rule}"
                    Hint = "change start and incr"
                })

    /// Everything that stands against running on a number of ranks, in one line each that begins with the key.
    [<Extension>]
    static member LayoutProblems
        (run: RunConfig, world: int, facts: ModelFacts)
        : IReadOnlyList<LayoutProblem> =
        let layout = RunLayout.LayoutAt(run, world, facts.Experts)

        Legality.problems facts layout
        @ RunLayout.RampProblems(run, layout)
        @ RunLayout.RowProblems(run, layout.Degrees)

    /// What of that can be said before the number of ranks is known.
    static member internal KnownProblems(run: RunConfig) : LayoutProblem list =
        let split = run.Parallel
        let layout = RunLayout.LayoutAt(run, 1, 0)

        let asked =
            { layout.Degrees with
                Zero = split.Zero1.Size
                Expert = if split.Expert.Size = -1 then 1 else split.Expert.Size
                Fsdp = if split.Fsdp.Enable then split.Fsdp.Size else 1
            }

        DegreeRules.known asked
        @ Legality.ofRun { layout with Degrees = asked }
        @ RunLayout.RampProblems(run, layout)
