/// Charts, and the surface that C# sees.
module Evo.Core.Tests.Charts

open System
open System.Xml.Linq
open Xunit
open Evo.Core
open Evo.Core.Tests.Pipelines

let private simulated costs kind stages microBatches chunks =
    let schedule = Schedule.Make(kind, stages, microBatches, chunks)

    match Simulate.run Transport.Posted costs schedule with
    | Ok run -> run
    | Error deadlock -> raise (ScheduleException(string deadlock))

let private isChart expected columns (run: Timeline) =
    Assert.Equal(String.concat "\n" expected, Chart.text columns run.Steps)

[<Fact>]
let ``1F1B, drawn`` () =
    simulated Costs.Unit ScheduleKind.OneForwardOneBackward 3 4 1
    |> isChart
        [
            "rank 0 |F0F1F2........B0--F3B1--..B2--..B3--|"
            "rank 1 |..F0F1....B0--F2B1--F3B2--..B3--....|"
            "rank 2 |....F0B0--F1B1--F2B2--F3B3--........|"
            "F3 forward of micro-batch 3, B3 its backward, - goes on, . idle"
        ]
        100

[<Fact>]
let ``zero bubble H1, drawn`` () =
    simulated Costs.Unit ScheduleKind.ZeroBubbleH1 3 4 1
    |> isChart
        [
            "rank 0 |F0F1F2....B0--F3B1--B2--B3--|"
            "rank 1 |..F0F1..B0F2B1W0F3B2W1B3W2W3|"
            "rank 2 |....F0B0F1B1F2B2W0F3B3W1W2W3|"
            "F3 forward of micro-batch 3, B3 its backward, or the half for the input, W3 the half for the weights, - goes on, . idle"
        ]
        100

[<Fact>]
let ``zero bubble V, drawn`` () =
    simulated Costs.Unit ScheduleKind.ZeroBubbleV 2 4 2
    |> isChart
        [
            "rank 0 |F0aF1aF2aF0bB0bW0bF1bB1bW1bF3aB0aW0aF2bB2bW2bB1aW1aF3bB3bW3bB2aW2aB3aW3a...|"
            "rank 1 |...F0aF0bF1aF1bB0bW0bF2aB0aW0aF2bB1bW1bF3aB1aW1aF3bB2bW2bB2aB3bB3aW2aW3bW3a|"
            "F3 forward of micro-batch 3, B3 its backward, or the half for the input, W3 the half for the weights, a, b … the chunk, - goes on, . idle"
        ]
        100

[<Fact>]
let ``where names do not fit there is one character for each computation, and then fewer`` () =
    let run = simulated (inStep ScheduleKind.Interleaved) ScheduleKind.Interleaved 2 4 2

    run
    |> isChart
        [
            "rank 0 |01012a3b2a3b.c.dcd|"
            "rank 1 |.010a1b2a3b2c3dcd.|"
            "by the last digit of the micro-batch: 0-9 forward, a-j backward, . idle"
        ]
        40

    let narrow = (Chart.text 10 run.Steps).Split '\n'
    Assert.All(narrow[0..1], fun line -> Assert.Equal("rank 0 |".Length + 10 + 1, line.Length))

[<Fact>]
let ``a measured run is drawn from its own beginning, with its own bubble`` () =
    let at rank step first last =
        {
            Rank = rank
            Step = step
            Begin = first
            End = last
        }

    let measured =
        [
            at 0 (Forward(0, 0)) 100.0 101.0
            at 0 (SendForward(0, 0, 1)) 101.0 101.5
            at 1 (Forward(0, 0)) 101.0 102.0
            at 1 (Backward(0, 0)) 102.0 104.0
            at 0 (Backward(0, 0)) 104.0 106.0
        ]

    Assert.Equal(0.5, Chart.bubble measured)

    Assert.Equal(
        "rank 0 |F0......B0--|\n\
         rank 1 |..F0B0--....|\n\
         F3 forward of micro-batch 3, B3 its backward, - goes on, . idle",
        Chart.text 80 measured
    )

[<Fact>]
let ``the bubble of a chart is the timeline's and the formula's`` () =
    for shape in legal 4 8 3 do
        let run =
            simulated (inStep shape.Kind) shape.Kind shape.Stages shape.MicroBatches shape.Chunks

        Assert.Equal(run.Bubble, Chart.bubble run.Steps, 1e-12)
        Assert.Equal(Option.get (ScheduleFormulas.bubble shape (inStep shape.Kind)), run.Bubble, 1e-12)

[<Fact>]
let ``a picture is XML with one box for each computation`` () =
    let run = simulated Costs.Unit ScheduleKind.ZeroBubbleV 2 4 2
    let picture = XDocument.Parse(Chart.svg 600 run.Steps)

    let boxes =
        picture.Descendants()
        |> Seq.filter (fun e -> e.Name.LocalName = "rect")
        |> Seq.length

    Assert.Equal(run.Steps |> Seq.filter _.Step.Computes |> Seq.length, boxes)

[<Fact>]
let ``Match and Switch call the one function that is meant, with chunk, micro-batch and rank`` () =
    let steps =
        [
            Forward(1, 2), "forward 1 2"
            Backward(1, 2), "backward 1 2"
            BackwardInput(1, 2), "input 1 2"
            BackwardWeight(1, 2), "weight 1 2"
            SendForward(1, 2, 3), "send forward 1 2 3"
            ReceiveForward(1, 2, 3), "receive forward 1 2 3"
            SendBackward(1, 2, 3), "send backward 1 2 3"
            ReceiveBackward(1, 2, 3), "receive backward 1 2 3"
        ]

    for step, expected in steps do
        let two (what: string) =
            Func<int, int, string>(fun chunk m -> $"{what} {chunk} {m}")

        let three (what: string) =
            Func<int, int, int, string>(fun chunk m rank -> $"{what} {chunk} {m} {rank}")

        Assert.Equal(
            expected,
            step.Match(
                two "forward",
                two "backward",
                two "input",
                two "weight",
                three "send forward",
                three "receive forward",
                three "send backward",
                three "receive backward"
            )
        )

        let said = ResizeArray<string>()

        let act (what: string) =
            Action<int, int>(fun chunk m -> said.Add $"{what} {chunk} {m}")

        let message (what: string) =
            Action<int, int, int>(fun chunk m rank -> said.Add $"{what} {chunk} {m} {rank}")

        step.Switch(
            act "forward",
            act "backward",
            act "input",
            act "weight",
            message "send forward",
            message "receive forward",
            message "send backward",
            message "receive backward"
        )

        Assert.Equal<string seq>([ expected ], said)

[<Fact>]
let ``a shape that cannot be scheduled is refused with everything that is wrong and the nearest that can``
    ()
    =
    let problems kind stages microBatches chunks =
        List.ofSeq (Schedule.Problems(kind, stages, microBatches, chunks))

    Assert.Equal<string list>(
        [
            "chunks = 2: in 1F1B each rank holds 1 chunk; several need interleaved, two also ZBV"
        ],
        problems ScheduleKind.OneForwardOneBackward 4 8 2
    )

    Assert.Equal<string list>(
        [
            "chunks = 1: an interleaved schedule needs 2 chunks or more; with one it is 1F1B"
            "micro-batches = 6: an interleaved schedule of 4 stages needs a multiple of 4; use 4 or 8"
        ],
        problems ScheduleKind.Interleaved 4 6 1
    )

    Assert.Equal<string list>(
        [ "micro-batches = 7: ZBV of 4 stages needs 8 or more" ],
        problems ScheduleKind.ZeroBubbleV 4 7 2
    )

    Assert.Equal<string list>(
        [
            "stages = 0: a pipeline has 1 stage or more"
            "micro-batches = 0: a step has 1 micro-batch or more"
        ],
        problems ScheduleKind.OneForwardOneBackward 0 0 1
    )

    let error =
        Assert.Throws<ArgumentException>(fun () -> Schedule.Make(ScheduleKind.ZeroBubbleV, 4, 7, 2) |> ignore)

    Assert.Equal("micro-batches = 7: ZBV of 4 stages needs 8 or more", error.Message)

[<Fact>]
let ``a mode by InternEvo's name and a number of chunks name a kind`` () =
    Assert.Equal(Some ScheduleKind.OneForwardOneBackward, ScheduleKind.Named("1f1b", 1))
    Assert.Equal(Some ScheduleKind.Interleaved, ScheduleKind.Named("1F1B", 2))
    Assert.Equal(Some ScheduleKind.ZeroBubbleH1, ScheduleKind.Named("ZBH1", 1))
    Assert.Equal(Some ScheduleKind.ZeroBubbleV, ScheduleKind.Named("zbv", 2))
    Assert.Equal(None, ScheduleKind.Named("gpipe", 1))

    for kind in kinds do
        Assert.Equal(Some kind, ScheduleKind.Named(string kind, 1))
