namespace Evo.Core

open System
open System.Collections.Generic
open System.Globalization

/// How the micro-batches of a step pass through the stages; `parallel.pipeline.mode`.
type PipelineMode =
    /// One forward, one backward. With more than one chunk on a stage, interleaved.
    | OneForwardOneBackward = 0
    /// The gradients of weights are computed where the pipeline would wait.
    | ZeroBubbleH1 = 1
    /// As that, with two chunks on each stage, the second in reverse order.
    | ZeroBubbleV = 2

/// How gradients are summed where the optimizer's state is shared; `hybrid_zero_optimizer.reduce`.
type GradientReduction =
    /// Each rank receives the sum of its share.
    | ReduceScatter = 0
    /// Each rank receives the whole sum and updates its share, as InternEvo does.
    | AllReduce = 1

/// One way to run a model on ranks: the mesh, the schedule of its pipeline, and what is kept or computed again. A value
/// that may be illegal for a model: `Legality` says so.
type Layout =
    {
        Degrees: Degrees
        Schedule: PipelineMode
        /// Pieces of the model that a stage holds, one after the other in the model's order of pieces.
        Chunks: int
        /// Micro-batches of a step on every data rank.
        MicroBatches: int
        /// Part of each chunk's layers, counted from its first, that is computed again in the backward pass.
        Recompute: float
        /// True where recomputed layers keep what attention gave.
        Selective: bool
        Reduction: GradientReduction
    }

    /// One rank and one micro-batch.
    static member Single =
        {
            Degrees = Degrees.Single
            Schedule = PipelineMode.OneForwardOneBackward
            Chunks = 1
            MicroBatches = 1
            Recompute = 0.0
            Selective = false
            Reduction = GradientReduction.ReduceScatter
        }

    /// Pieces that the layers are cut into.
    member layout.VirtualStages = layout.Degrees.Pipeline * layout.Chunks

    /// What the pipeline's schedule is made for: it says which rank holds which piece.
    member layout.Shape: PipelineShape =
        {
            Kind =
                match layout.Schedule with
                | PipelineMode.ZeroBubbleH1 -> ScheduleKind.ZeroBubbleH1
                | PipelineMode.ZeroBubbleV -> ScheduleKind.ZeroBubbleV
                | _ when layout.Chunks > 1 -> ScheduleKind.Interleaved
                | _ -> ScheduleKind.OneForwardOneBackward
            Stages = layout.Degrees.Pipeline
            MicroBatches = layout.MicroBatches
            Chunks = layout.Chunks
        }

    /// The schedule's name: `1F1B`, `interleaved`, `ZBH1` or `ZBV`.
    member layout.ScheduleName = string layout.Shape.Kind

    /// In the words of a person, on one line.
    override layout.ToString() =
        let micro =
            if layout.MicroBatches = 1 then
                "1 micro-batch"
            else
                $"{layout.MicroBatches} micro-batches"

        [
            string layout.Degrees
            if layout.Degrees.Pipeline > 1 then
                layout.ScheduleName
            if layout.Chunks > 1 then
                $"{layout.Chunks} chunks"
            micro
            if layout.Recompute > 0.0 then
                let part = layout.Recompute.ToString("0.##", CultureInfo.InvariantCulture)

                if layout.Selective then
                    $"recompute {part} but attention"
                else
                    $"recompute {part}"
            if layout.Reduction = GradientReduction.AllReduce then
                "all-reduce"
        ]
        |> fun parts -> String.Join(", ", parts)

/// What of a model decides how it can be laid out. The room that knows models fills it in.
[<NoEquality; NoComparison>]
type ModelFacts =
    {
        /// Layers of its stack.
        Layers: int
        /// Experts of a layer; 0 for a model without them.
        Experts: int
        /// Tokens of one row, over which modes that spread the sequence deal them out; 0 where they will suit.
        RowTokens: int
        /// What stands against a degree of the tensor axis in a mode, in one line each with what would do.
        TensorProblems: Func<TensorMode, int, IReadOnlyList<string>>
        /// Why the model cannot be cut into stages; null where it can.
        NotPipelined: string | null
    }

    /// A model of which nothing is asked but layers and experts.
    static member Any(layers: int, experts: int) =
        {
            Layers = layers
            Experts = experts
            RowTokens = 0
            TensorProblems = Func<_, _, _>(fun _ _ -> [] :> IReadOnlyList<string>)
            NotPipelined = null
        }
