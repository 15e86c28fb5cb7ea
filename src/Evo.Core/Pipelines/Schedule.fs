namespace Evo.Core

open System
open System.Collections.Generic

/// Where a schedule lists its receives.
[<RequireQualifiedAccess>]
type Receipt =
    /// As soon as the message may be there: right for every transport, also where a send waits for its receive.
    | Early
    /// Right before the message is used: for transports whose sends never wait.
    | Late

/// All that the ranks of a pipeline do in one step of training, in order: a value that can be printed, checked,
/// simulated, and run by folding over one rank's steps.
[<Sealed>]
type Schedule private (shape: PipelineShape, receipt: Receipt, steps: Step array array) =

    /// What it was made for.
    member _.Shape = shape
    /// How its work is ordered.
    member _.Kind = shape.Kind
    /// Ranks of the pipeline.
    member _.Stages = shape.Stages
    /// Micro-batches of a step.
    member _.MicroBatches = shape.MicroBatches
    /// Parts of the model on each rank.
    member _.Chunks = shape.Chunks
    /// Where its receives are listed.
    member _.Receipt = receipt
    /// Which part of the model a chunk of a rank is, counted from the model's entry.
    member _.VirtualStage(rank: int, chunk: int) = shape.VirtualStage(rank, chunk)
    /// Who holds a part of the model.
    member _.HolderOf(virtualStage: int) = shape.HolderOf virtualStage

    /// Everything that one rank does, in order. Where two neighbouring virtual stages are on one rank, no message is
    /// listed between them: the rank hands over to itself.
    member _.StepsOf(rank: int) : IReadOnlyList<Step> = steps[rank]

    member internal _.Steps = steps

    /// The same computations in the same order, with the receives listed elsewhere.
    member schedule.With(receipt: Receipt) : Schedule =
        Schedule.OfOrder(shape, receipt, steps |> Array.map (Array.filter _.Computes))

    /// Everything that forbids such a schedule, as sentences; empty where there is one.
    static member Problems
        (kind: ScheduleKind, stages: int, microBatches: int, chunks: int)
        : IReadOnlyList<string> =
        {
            Kind = kind
            Stages = stages
            MicroBatches = microBatches
            Chunks = chunks
        }
            .Problems

    /// The schedule of a shape; its receives are listed early. An `ArgumentException` says all that forbids it.
    static member Make(kind: ScheduleKind, stages: int, microBatches: int, chunks: int) : Schedule =
        Schedule.Of
            {
                Kind = kind
                Stages = stages
                MicroBatches = microBatches
                Chunks = chunks
            }

    /// As `Make`.
    static member Of(shape: PipelineShape) : Schedule =
        match shape.Problems with
        | [] -> Schedule.OfOrder(shape, Receipt.Early, Array.init shape.Stages (Orders.ofRank shape))
        | problems -> raise (ArgumentException(String.Join("\n", problems)))

    /// A schedule from what each rank computes. A `ScheduleException` names a computation that can never be done.
    static member OfOrder(shape: PipelineShape, receipt: Receipt, order: Step array array) : Schedule =
        let steps =
            match receipt with
            | Receipt.Early -> Lowering.early shape order
            | Receipt.Late -> Lowering.late shape order

        Schedule(shape, receipt, steps)

    /// A schedule as somebody wrote it, messages included; `ScheduleLaws.broken` says what is wrong with it.
    static member OfSteps(shape: PipelineShape, receipt: Receipt, steps: Step array array) : Schedule =
        Schedule(shape, receipt, steps)
