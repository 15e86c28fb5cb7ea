namespace Evo.Core

open System

/// What a layout obeys for a model. Everything that stands against it is said at once.
module Legality =

    let private problem = DegreeRules.problem

    let private modeName (mode: TensorMode) = mode.ToString().ToLowerInvariant()

    let private tensor (facts: ModelFacts) (degrees: Degrees) =
        let spreads = degrees.Mode <> TensorMode.Mtp

        [
            if degrees.Tensor > 1 then
                for text in facts.TensorProblems.Invoke(degrees.Mode, degrees.Tensor) do
                    problem "parallel.tensor.size" degrees.Tensor text ""
            if
                spreads
                && degrees.Tensor > 1
                && facts.RowTokens > 0
                && facts.RowTokens % degrees.Tensor <> 0
            then
                let fits = [ 1 .. degrees.Tensor ] |> List.filter (fun n -> facts.RowTokens % n = 0)

                problem
                    "parallel.tensor.size"
                    degrees.Tensor
                    $"mode {modeName degrees.Mode} deals out the tokens of a row, and {facts.RowTokens} (data.seq_len x data.micro_bsz) do not split {degrees.Tensor} ways"
                    $"use {DegreeRules.spoken fits}"
        ]

    let private experts (facts: ModelFacts) (degrees: Degrees) =
        [
            if degrees.Expert > 1 && facts.Experts < 2 then
                problem "parallel.expert.size" degrees.Expert "the model has no experts" "use 1"
            elif degrees.Expert > 1 && facts.Experts % degrees.Expert <> 0 then
                problem
                    "parallel.expert.size"
                    degrees.Expert
                    $"does not divide the model's {facts.Experts} experts"
                    $"use {DegreeRules.spoken (DegreeRules.divisors facts.Experts)}"
        ]

    let private stages (facts: ModelFacts) (layout: Layout) =
        let stages = layout.Degrees.Pipeline

        [
            if stages > 1 then
                match facts.NotPipelined with
                | null -> ()
                | reason -> problem "parallel.pipeline.size" stages reason "use 1"

                if facts.Layers < layout.VirtualStages then
                    let chunks =
                        if layout.Chunks = 1 then
                            ""
                        else
                            $" of {layout.Chunks} chunks"

                    problem
                        "parallel.pipeline.size"
                        stages
                        $"{stages} stages{chunks} need at least {layout.VirtualStages} layers, and the model has {facts.Layers}"
                        $"use at most {max 1 (facts.Layers / layout.Chunks)}"
        ]

    let private schedule (layout: Layout) =
        let stages = layout.Degrees.Pipeline

        [
            if layout.Chunks < 1 then
                problem "model.num_chunks" layout.Chunks "must be at least 1" ""
            if layout.MicroBatches < 1 then
                problem "data.micro_num" layout.MicroBatches "must be at least 1" ""
            if stages = 1 && layout.Schedule <> PipelineMode.OneForwardOneBackward then
                problem
                    "parallel.pipeline.mode"
                    $"\"{layout.ScheduleName}\""
                    "has no effect on one stage"
                    "use \"1F1B\", or a parallel.pipeline.size above 1"
            if stages = 1 && layout.Chunks > 1 && layout.Schedule <> PipelineMode.ZeroBubbleV then
                problem
                    "model.num_chunks"
                    layout.Chunks
                    "has no effect on one stage"
                    "use 1, or a parallel.pipeline.size above 1"
            if stages > 1 && layout.Chunks >= 1 && layout.MicroBatches >= 1 then
                match layout.Schedule with
                | PipelineMode.ZeroBubbleH1 when layout.Chunks <> 1 ->
                    problem
                        "model.num_chunks"
                        layout.Chunks
                        "the schedule \"ZBH1\" has one chunk on a stage"
                        "use 1, or the schedule \"ZBV\" with 2"
                | PipelineMode.ZeroBubbleV ->
                    if layout.Chunks <> 2 then
                        problem
                            "model.num_chunks"
                            layout.Chunks
                            "the schedule \"ZBV\" has two chunks on a stage"
                            "use 2"

                    if layout.MicroBatches < 2 * stages then
                        problem
                            "data.micro_num"
                            layout.MicroBatches
                            $"the schedule \"ZBV\" needs at least {2 * stages} micro-batches on {stages} stages"
                            $"use {2 * stages} or more"
                | PipelineMode.OneForwardOneBackward when
                    layout.Chunks > 1 && layout.MicroBatches % stages <> 0
                    ->
                    let below = layout.MicroBatches / stages * stages

                    let near =
                        if below = 0 then
                            string stages
                        else
                            $"{below} or {below + stages}"

                    problem
                        "data.micro_num"
                        layout.MicroBatches
                        $"interleaved chunks need micro-batches in multiples of the {stages} stages"
                        $"use {near}"
                | _ -> ()
        ]

    let private recompute (layout: Layout) =
        [
            if not (layout.Recompute >= 0.0 && layout.Recompute <= 1.0) then
                problem "model.checkpoint" (Json.number layout.Recompute) "must be from 0 to 1" ""
            elif layout.Selective && layout.Recompute = 0.0 then
                problem
                    "selective_checkpoint"
                    "true"
                    "has no effect: no layer is recomputed"
                    "set model.checkpoint above 0, or take it out"
            if layout.Degrees.Fsdp <> 1 && layout.Reduction = GradientReduction.AllReduce then
                problem
                    "hybrid_zero_optimizer.reduce"
                    "\"all_reduce\""
                    "each rank keeps its share of the parameters only (parallel.fsdp)"
                    "use \"reduce_scatter\""
        ]

    /// What stands against the schedule and what is kept, whatever the model and the ranks.
    let internal ofRun (layout: Layout) : LayoutProblem list = schedule layout @ recompute layout

    /// What a model has against a layout, whatever the number of ranks.
    let ofModel (facts: ModelFacts) (layout: Layout) : LayoutProblem list =
        [
            if layout.Degrees.Tensor >= 1 then
                yield! tensor facts layout.Degrees

            yield! experts facts layout.Degrees

            if layout.Degrees.Pipeline >= 1 && layout.Chunks >= 1 then
                yield! stages facts layout
        ]

    /// What stands against a layout for a model; none for a layout that can run.
    let problems (facts: ModelFacts) (layout: Layout) : LayoutProblem list =
        DegreeRules.problems layout.Degrees @ ofModel facts layout @ ofRun layout

    /// Whether nothing stands against a layout.
    let isLegal (facts: ModelFacts) (layout: Layout) = (problems facts layout).IsEmpty
