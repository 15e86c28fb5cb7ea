namespace Evo.Core

/// The rank that holds a virtual stage, and as which of its chunks.
[<Struct>]
type Holder = { Rank: int; Chunk: int }

/// What a schedule is made for: its kind, the ranks of the pipeline, micro-batches, and chunks of layers on each rank.
/// The chunks of all ranks, in the order of the model, are the virtual stages.
type PipelineShape =
    {
        Kind: ScheduleKind
        /// Ranks of the pipeline.
        Stages: int
        /// Micro-batches of a step.
        MicroBatches: int
        /// Parts of the model on each rank.
        Chunks: int
    }

    /// The number of parts into which the model is cut.
    member shape.VirtualStages = shape.Stages * shape.Chunks

    /// Which part of the model a chunk of a rank is: around the ranks again and again, or, in a V, down and up.
    member shape.VirtualStage(rank: int, chunk: int) =
        match shape.Kind with
        | ScheduleKind.ZeroBubbleV when chunk = 1 -> 2 * shape.Stages - 1 - rank
        | _ -> chunk * shape.Stages + rank

    /// Who holds a part of the model.
    member shape.HolderOf(virtualStage: int) =
        match shape.Kind with
        | ScheduleKind.ZeroBubbleV when virtualStage >= shape.Stages ->
            {
                Rank = 2 * shape.Stages - 1 - virtualStage
                Chunk = 1
            }
        | _ ->
            {
                Rank = virtualStage % shape.Stages
                Chunk = virtualStage / shape.Stages
            }

    /// Everything that forbids the shape, as sentences; empty for one that can be scheduled.
    member shape.Problems: string list =
        let kind, stages, batches, chunks =
            shape.Kind, shape.Stages, shape.MicroBatches, shape.Chunks

        [
            if stages < 1 then
                $"stages = {stages}: a pipeline has 1 stage or more"

            if batches < 1 then
                $"micro-batches = {batches}: a step has 1 micro-batch or more"

            match kind with
            | ScheduleKind.OneForwardOneBackward
            | ScheduleKind.ZeroBubbleH1 when chunks <> 1 ->
                $"chunks = {chunks}: in {kind} each rank holds 1 chunk; several need interleaved, two also ZBV"
            | ScheduleKind.Interleaved when chunks < 2 ->
                $"chunks = {chunks}: an interleaved schedule needs 2 chunks or more; with one it is 1F1B"
            | ScheduleKind.ZeroBubbleV when chunks <> 2 ->
                $"chunks = {chunks}: in ZBV each rank holds 2 chunks, one on the way down and one on the way up"
            | _ -> ()

            if stages >= 1 && batches >= 1 then
                match kind with
                | ScheduleKind.Interleaved when batches % stages <> 0 ->
                    let above = (batches / stages + 1) * stages

                    let near =
                        if above > stages then
                            $"{above - stages} or {above}"
                        else
                            string above

                    $"micro-batches = {batches}: an interleaved schedule of {stages} stages needs a multiple of {stages}; use {near}"
                | ScheduleKind.ZeroBubbleV when batches < 2 * stages ->
                    $"micro-batches = {batches}: ZBV of {stages} stages needs {2 * stages} or more"
                | _ -> ()
        ]
