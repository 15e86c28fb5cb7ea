/// Recorders of the processor, and what passes are recorded over.
module Evo.Parallel.Tests.PassRecorders

open System
open System.Collections.Generic
open Evo.Core
open Evo.Parallel
open Evo.Torch
open FsCheck.FSharp
open TorchSharp

/// What a recorder was told, in order; a pass that was recorded is the closure of that time, run again: it knows no row but the one in
/// memory.
type Recorder(failing: bool) =
    let said = List<string>()
    let mutable recordings, freed = 0, 0
    member _.Said = List.ofSeq said
    member _.Recordings = recordings
    member _.Freed = freed

    /// Told where a replay begins, and where it ends.
    member val Marked: bool -> unit = ignore with get, set

    interface IPassCapture with
        member _.Warm pass =
            said.Add "warm"
            pass.Invoke()

        member recorder.Capture pass =
            said.Add "capture"

            if failing then
                raise (TorchException("cuda graph", "operation not permitted when stream is capturing"))

            recordings <- recordings + 1

            { new IRecordedPass with
                member _.Replay() =
                    said.Add "replay"
                    recorder.Marked true
                    pass.Invoke()
                    recorder.Marked false

                member _.Dispose() = freed <- freed + 1
            }

        member _.Dispose() = said.Add "closed"

let tokens = 24

/// A row of documents of these lengths, with labels that count where drawn.
let row (random: Random) (lengths: int list) =
    let borders = lengths |> List.scan (+) 0 |> Array.ofList

    MicroBatch(
        Array.init tokens (fun _ -> int64 (random.Next 61)),
        Array.init tokens (fun _ -> if random.Next 4 = 0 then -100L else int64 (random.Next 61)),
        [|
            for length in lengths do
                yield! [| 0L .. int64 length - 1L |]
        |],
        borders
    )

/// Lengths that fill a row.
let lengths (most: int) =
    let rec cut left =
        gen {
            if left = 0 then
                return []
            else
                let! length = Gen.choose (1, min most left)
                let! rest = cut (left - length)
                return length :: rest
        }

    cut tokens

let loss = LossOptions(0.1, RouterCoefficients(0.0, 0.0), 0, 0.01)

let graphs (recorder: IPassCapture) (told: string -> unit) =
    GraphOptions(12, PassGraphs.Start(2, 1, Int64.MaxValue), (fun _ -> recorder), Action<string> told)

/// Three steps of two rows, all of one shape.
let alike =
    let random = Random 7
    [ for _ in 1..3 -> [ for _ in 1..2 -> row random [ 5; 12; 7 ] ] ]

/// One update by gradients.
let update (model: RankModel) number (figures: GradientFigures) =
    model.Update(AdamRates(1e-2, 0.9, 0.95, 1e-8, 0.1), number, figures, 1.0)

/// Every bit that training left in a rank's optimizer.
let bitsOf (model: RankModel) =
    [
        for kind in
            [
                StateKind.Gradient
                StateKind.Weight
                StateKind.Master
                StateKind.ExpAvg
                StateKind.ExpAvgSq
            ] do
            for parameter in model.Optimizer.Parameters do
                use values = model.Optimizer.ReadWhole(parameter.Name, kind)
                TensorBytes.Of(values.contiguous ()).ToArray()
    ]
