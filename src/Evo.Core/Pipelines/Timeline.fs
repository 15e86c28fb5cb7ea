namespace Evo.Core

open System
open System.Collections.Generic

/// How long the steps of a chunk take, in any unit.
type Costs =
    {
        Forward: float
        /// The half of the backward that gives the gradient of the chunk's input.
        BackwardInput: float
        /// The half of the backward that gives the gradients of the chunk's weights.
        BackwardWeight: float
        /// From the moment when both sides are ready until what is sent is there.
        Message: float
    }

    /// The whole backward.
    member costs.Backward = costs.BackwardInput + costs.BackwardWeight

    /// The forward and each half of the backward take 1, messages nothing.
    static member Unit =
        {
            Forward = 1.0
            BackwardInput = 1.0
            BackwardWeight = 1.0
            Message = 0.0
        }

/// Who waits for whom when something is sent.
[<RequireQualifiedAccess>]
type Transport =
    /// A send holds its rank until it was received, a receive until it was sent; one at a time.
    | Blocking
    /// Messages between two computations are posted together, as NCCL's groups are; the rank goes on when all are there.
    | Batched
    /// Sends and receives are posted and hold nobody; a computation waits for what it needs. A message goes when both
    /// sides have posted it.
    | Posted
    /// A send never waits; a receive holds its rank until the message is there.
    | Mailbox

/// A step of a rank, and when it began and ended.
type TimedStep =
    {
        Rank: int
        Step: Step
        Begin: float
        End: float
    }

/// When everything in a schedule happened. A step that was never reached is not among it.
[<Sealed>]
type Timeline
    internal
    (
        schedule: Schedule,
        begins: float array array,
        ends: float array array,
        reached: int array,
        peaks: int array
    ) =
    /// What was run.
    member _.Schedule = schedule

    /// What each rank did, with its times: rank after rank, each in its order.
    member _.Steps: IReadOnlyList<TimedStep> =
        [|
            for rank in 0 .. schedule.Stages - 1 do
                for place in 0 .. reached[rank] - 1 do
                    {
                        Rank = rank
                        Step = schedule.StepsOf(rank)[place]
                        Begin = begins[rank][place]
                        End = ends[rank][place]
                    }
        |]

    /// From the first beginning to the last end.
    member _.Makespan =
        let mutable last = 0.0

        for rank in 0 .. schedule.Stages - 1 do
            for place in 0 .. reached[rank] - 1 do
                last <- max last ends.[rank].[place]

        last

    /// The part of all ranks' time, from 0 to 1, in which nothing is computed.
    member timeline.Bubble =
        let mutable busy = 0.0

        for rank in 0 .. schedule.Stages - 1 do
            for place in 0 .. reached[rank] - 1 do
                if schedule.Steps.[rank].[place].Computes then
                    busy <- busy + ends[rank][place] - begins[rank][place]

        let whole = float schedule.Stages * timeline.Makespan
        if whole > 0.0 then 1.0 - busy / whole else 0.0

    /// For each rank the most activations that it held at a time. A chunk's activations for a micro-batch live from its
    /// forward to its backward, or to the half for the weights.
    member _.PeakActivations: IReadOnlyList<int> = peaks

/// Where a rank stood when nobody could go on.
type Standing = { Rank: int; Place: int; Step: Step }

/// Ranks that wait for one another for ever, where each of them stands, and what was done until then.
type Deadlock =
    {
        Standing: Standing list
        SoFar: Timeline
    }

    /// One line for each rank that stands.
    override deadlock.ToString() =
        let lines =
            deadlock.Standing
            |> List.map (fun at -> $"rank {at.Rank} waits at step {at.Place}, the {at.Step}")

        String.Join("\n", "deadlock:" :: lines)
