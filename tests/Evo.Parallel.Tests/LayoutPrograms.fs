/// Layouts that are run by processes, and what a rank of them writes down.
module Evo.Parallel.Tests.LayoutPrograms

open System
open System.IO
open Evo.Models
open Evo.Parallel
open Evo.Parity.Tests
open Evo.Torch
open Evo.Core

/// Ranks of every case.
let ranks = 4

let private single = Layout.Single
let private one = { Degrees.Single with World = ranks }

/// Families at layouts: each mode, ZeRO, fully sharded, stages under every schedule, experts.
let cases: (string * Layout) list =
    let of' family degrees =
        family,
        { single with
            Degrees = degrees
            MicroBatches = 2
        }

    let staged family degrees schedule chunks =
        family,
        { single with
            Degrees = degrees
            Schedule = schedule
            Chunks = chunks
            MicroBatches = 4
        }

    [
        of' "LLAMA2" { one with Tensor = 4 }
        of' "LLAMA2" { one with Tensor = 2; Zero = 2 }
        of'
            "GPT2"
            { one with
                Mode = TensorMode.Msp
                Tensor = 2
                Zero = 2
            }
        of'
            "LLAMA2"
            { one with
                Mode = TensorMode.Fsp
                Tensor = 4
            }
        of'
            "LLAMA2"
            { one with
                Mode = TensorMode.Isp
                Tensor = 2
                Weight = 2
                Zero = 2
            }
        of'
            "LLAMA2"
            { one with
                Mode = TensorMode.Isp
                Tensor = 2
                Weight = 4
            }
        of' "LLAMA2" { one with Zero = 4 }
        (let family, layout = of' "GPT2" { one with Zero = 2 }

         family,
         { layout with
             Reduction = GradientReduction.AllReduce
             Recompute = 0.5
         })
        of' "LLAMA2" { one with Fsdp = 4 }
        of' "GPT2" { one with Fsdp = 2 }
        staged "GEMMA" { one with Pipeline = 2; Zero = 2 } PipelineMode.OneForwardOneBackward 1
        staged "LLAMA2" { one with Pipeline = 4 } PipelineMode.OneForwardOneBackward 1
        staged "LLAMA2" { one with Pipeline = 2; Tensor = 2 } PipelineMode.OneForwardOneBackward 2
        staged "LLAMA2" { one with Pipeline = 2; Zero = 2 } PipelineMode.ZeroBubbleH1 1
        staged "GPT2" { one with Pipeline = 2 } PipelineMode.ZeroBubbleV 2
        of' "MIXTRALMOE" { one with Expert = 4 }
        of'
            "MIXTRALMOE"
            { one with
                Tensor = 2
                Expert = 2
                Zero = 2
            }
        staged "MIXTRALMOE" { one with Pipeline = 2; Expert = 2 } PipelineMode.OneForwardOneBackward 1
    ]

/// The model of a case and its tokens.
let subject (family: string) (layout: Layout) =
    let family = nonNull (ModelFamilies.Find family)

    let spec =
        Small.make (family.FromHuggingFace.Invoke(Text.Json.Nodes.JsonObject()))
        |> Small.with' SizeRole.Layers 4

    spec, LayoutBatch.Random(7, spec.Size.VocabSize, 3, layout.MicroBatches, 2 * layout.Degrees.Data, 8)

/// All numbers that a rank knows of a run, in one order.
let numbers (figures: RankFigures) =
    [|
        for step in figures.Steps do
            step.Loss
            step.RouterLoss.GetValueOrDefault nan
            step.ZLoss
            step.Norm

            for piece in Seq.append step.Gradients step.Parameters do
                yield! piece.Values
        for piece in figures.Weights do
            yield! piece.Values
    |]

/// Figures of the same shape with other numbers.
let withNumbers (figures: RankFigures) (numbers: float array) =
    let mutable at = 0

    let take count =
        at <- at + count
        Array.sub numbers (at - count) count

    let pieces (held: HeldPiece seq) =
        [|
            for p in held -> HeldPiece(p.Info, p.Cuts, p.Shape, p.Start, take p.Values.Length)
        |]

    let steps =
        [|
            for step in figures.Steps ->
                let head = take 4
                let gradients = pieces step.Gradients
                let parameters = pieces step.Parameters

                let router =
                    if step.RouterLoss.HasValue then
                        Nullable head[1]
                    else
                        Nullable()

                RankStep(head[0], router, head[2], head[3], gradients, parameters)
        |]

    RankFigures(figures.Rank, steps, pieces figures.Weights)

/// Where a rank writes a case's numbers.
let file (folder: string) case rank =
    Path.Combine(folder, $"case-{case}-rank-{rank}")

/// One rank: all cases, one after the other, over real groups.
let rank (folder: string) =
    Threads.Set 1

    let ending (message: string) =
        Console.Error.WriteLine $"evo: {message}"
        exit (int ExitCode.RankFault)

    use world =
        RankLaunch.Connect(C10dOptions(Timeout = TimeSpan.FromSeconds 120.0, EndProcess = ending))

    world.Guard(fun () ->
        for case, (family, layout) in List.indexed cases do
            let spec, batch = subject family layout

            let found = LayoutParity.Run(spec, layout, batch, world, ParityProbe()) |> numbers

            use out = new BinaryWriter(File.Create(file folder case world.Rank))

            for number in found do
                out.Write number

        0)
