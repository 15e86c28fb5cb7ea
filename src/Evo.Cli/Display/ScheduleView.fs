/// How schedules are described, simulated or measured.
module Evo.Cli.ScheduleView

open System.Globalization
open Evo.Core

/// A part from 0 to 1, as `7.7 %`.
let percent (part: float) =
    (100.0 * part).ToString("0.0", CultureInfo.InvariantCulture) + " %"

let private plural count (one: string) =
    if count = 1 then $"1 {one}"
    elif one.EndsWith "batch" then $"{count} {one}es"
    else $"{count} {one}s"

/// `1F1B: 2 stages, 4 micro-batches, 1 chunk on each rank`.
let title (shape: PipelineShape) =
    $"""{shape.Kind}: {plural shape.Stages "stage"}, {plural shape.MicroBatches "micro-batch"}, {plural shape.Chunks "chunk"} on each rank"""
