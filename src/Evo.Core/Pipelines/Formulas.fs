namespace Evo.Core

/// What each schedule costs, in closed form. The simulator agrees for every shape (`docs/pipelines.md`).
module ScheduleFormulas =

    /// The most activations that a rank holds at a time, each those of one chunk for one micro-batch.
    let peakActivations (shape: PipelineShape) rank : int =
        let stages, batches, chunks = shape.Stages, shape.MicroBatches, shape.Chunks

        match shape.Kind with
        | ScheduleKind.OneForwardOneBackward -> min batches (stages - rank)
        | ScheduleKind.Interleaved ->
            // The warm-up, and the forward that is paid for next.
            min (batches * chunks) (2 * (stages - rank - 1) + (chunks - 1) * stages + 1)
        | ScheduleKind.ZeroBubbleH1 -> min batches stages
        | ScheduleKind.ZeroBubbleV -> 2 * stages

    /// The time that a rank computes in a step.
    let work (shape: PipelineShape) (costs: Costs) : float =
        float (shape.MicroBatches * shape.Chunks) * (costs.Forward + costs.Backward)

    /// The time of a step without its messages, where all virtual stages cost the same and nobody waits for a transport.
    /// None where no formula is known: for ZBH1 that is where a weight gradient takes longer than a forward or an input
    /// gradient, for ZBV unless an input gradient takes at least as long as a forward or a weight gradient and at most as
    /// two weight gradients.
    let makespan (shape: PipelineShape) (costs: Costs) : float option =
        let forward, input, weight =
            costs.Forward, costs.BackwardInput, costs.BackwardWeight

        let batches, others = float shape.MicroBatches, float (shape.Stages - 1)

        match shape.Kind with
        | ScheduleKind.OneForwardOneBackward
        | ScheduleKind.Interleaved -> Some(work shape costs + others * (forward + costs.Backward))
        | ScheduleKind.ZeroBubbleH1 when weight <= min forward input ->
            Some((batches + others) * (forward + input) + max 1.0 (batches - others) * weight)
        | ScheduleKind.ZeroBubbleV when max forward weight <= input && input <= 2.0 * weight ->
            Some(work shape costs + others * input)
        | _ -> None

    /// The part of the time, from 0 to 1, in which a rank computes nothing.
    let bubble (shape: PipelineShape) (costs: Costs) : float option =
        makespan shape costs |> Option.map (fun whole -> 1.0 - work shape costs / whole)
