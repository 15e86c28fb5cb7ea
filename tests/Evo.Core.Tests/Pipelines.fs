/// The shapes of pipelines on which schedules are tried, and what a run of one says.
module Evo.Core.Tests.Pipelines

open Xunit
open Evo.Core

let shape kind stages microBatches chunks =
    {
        Kind = kind
        Stages = stages
        MicroBatches = microBatches
        Chunks = chunks
    }

let kinds =
    [
        ScheduleKind.OneForwardOneBackward
        ScheduleKind.Interleaved
        ScheduleKind.ZeroBubbleH1
        ScheduleKind.ZeroBubbleV
    ]

/// Every shape that can be scheduled, with at most so many stages, micro-batches and chunks.
let legal stages microBatches chunks =
    [
        for kind in kinds do
            for stages in 1..stages do
                for microBatches in 1..microBatches do
                    for chunks in 1..chunks do
                        let shape = shape kind stages microBatches chunks

                        if shape.Problems.IsEmpty then
                            shape
    ]

let costs forward input weight =
    {
        Forward = forward
        BackwardInput = input
        BackwardWeight = weight
        Message = 0.0
    }

/// Costs at which all ranks end their steps together, so that nobody waits even where a send waits for its receive.
let inStep kind =
    match kind with
    | ScheduleKind.OneForwardOneBackward
    | ScheduleKind.Interleaved -> costs 2.0 1.0 1.0
    | _ -> Costs.Unit

/// Costs out of step, for which a formula is known.
let outOfStep kind =
    match kind with
    | ScheduleKind.OneForwardOneBackward
    | ScheduleKind.Interleaved -> [ costs 1.0 1.0 1.0; costs 3.0 5.0 4.0; costs 5.0 1.0 2.0 ]
    | ScheduleKind.ZeroBubbleH1 -> [ costs 4.0 5.0 3.0; costs 5.0 2.0 2.0 ]
    | ScheduleKind.ZeroBubbleV -> [ costs 4.0 5.0 3.0; costs 1.0 4.0 4.0; costs 2.0 4.0 2.0 ]

/// What is wrong with how a schedule runs, beside its formulas: nothing for a right one.
let wrongRun transport costs (schedule: Schedule) =
    match Simulate.run transport costs schedule with
    | Error deadlock -> [ string deadlock ]
    | Ok run ->
        [
            match ScheduleFormulas.makespan schedule.Shape costs with
            | Some makespan when run.Makespan <> makespan ->
                $"takes {run.Makespan} where the formula has {makespan}"
            | _ -> ()

            for rank in 0 .. schedule.Stages - 1 do
                let peak = ScheduleFormulas.peakActivations schedule.Shape rank

                if run.PeakActivations[rank] <> peak then
                    $"rank {rank} holds {run.PeakActivations[rank]} activations where the formula has {peak}"
        ]

/// All that the checks say against a schedule whose receives are early.
let wrong (schedule: Schedule) =
    ScheduleLaws.broken schedule
    @ wrongRun Transport.Blocking (inStep schedule.Kind) schedule
    @ wrongRun Transport.Posted (List.head (outOfStep schedule.Kind)) schedule

/// Fails with the first finding, and the shape that it is about.
let clean (shape: PipelineShape) (what: string) (findings: string list) =
    if not findings.IsEmpty then
        Assert.Fail
            $"{shape.Kind}, {shape.Stages} stages, {shape.MicroBatches} micro-batches, {shape.Chunks} chunks, {what}: {findings.Head}"
