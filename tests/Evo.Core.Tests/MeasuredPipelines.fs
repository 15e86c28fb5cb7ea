/// What the ranks of a pipeline measured: its means, its bubble, its chart and its file.
module Evo.Core.Tests.MeasuredPipelines

open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Pipelines
open Evo.Core.Tests.Properties

/// A step of training in which every computation takes what it costs, on ranks whose sends never wait.
let private stepOf (costs: int -> Costs) shape =
    match Simulate.runWith Transport.Mailbox costs (MeasuredPipeline.ScheduleOf shape) with
    | Error deadlock -> raise (ScheduleException(string deadlock))
    | Ok timeline ->
        timeline,
        {
            Step = 3L
            Shape = shape
            Apart = 0.0
            Steps = List.ofSeq timeline.Steps
        }

[<Fact>]
let ``of a step that took what the simulator says, the chart and the bubble are the simulator's`` () =
    for shape in legal 4 8 3 do
        // Whole numbers, so that means are exact; those of the second kind differ from stage to stage.
        for cost in outOfStep shape.Kind do
            for costs in
                [
                    fun _ -> cost
                    fun stage ->
                        { cost with
                            Forward = cost.Forward + float (stage % 3)
                        }
                ] do
                let timeline, measured = stepOf costs shape
                let again = measured.Simulated
                Assert.Equal<TimedStep seq>(timeline.Steps, again.Steps)
                Assert.Equal(Chart.text 160 timeline.Steps, Chart.text 160 measured.Steps)
                Assert.Equal(timeline.Makespan, measured.Makespan)
                Assert.Equal(timeline.Bubble, measured.Bubble, 1e-12)

                for stage in 0 .. shape.VirtualStages - 1 do
                    let found = measured.Costs[stage]
                    Assert.Equal((costs stage).Forward, found.Forward)
                    Assert.Equal((costs stage).Backward, found.Backward)

let private measuredGen =
    gen {
        let! shape = Gen.elements (legal 3 6 3)

        let steps =
            Seq.sum
                [
                    for rank in 0 .. shape.Stages - 1 ->
                        (MeasuredPipeline.ScheduleOf shape).StepsOf(rank).Count
                ]

        let time = Gen.map (fun n -> float n * 1.7e-7) (Gen.choose (0, 1_000_000_000))

        let! times =
            Gen.listOfLength steps (Gen.map2 (fun first last -> [ min first last; max first last ]) time time)

        let! step = Gen.choose (1, 1_000_000)
        let! apart = time
        return MeasuredPipeline.OfTimes(step, shape, apart, times |> List.concat |> Array.ofList)
    }

[<Fact>]
let ``what is written to a file is read back`` () =
    forAll measuredGen noShrink (fun measured ->
        MeasuredPipelineFile.read "pipeline.json" (MeasuredPipelineFile.write measured) = Ok measured)

/// Two stages and two micro-batches: forwards of 1 s and 2 s, one of them late, backwards of 2 s and 4 s.
let private uneven =
    let at rank step first last =
        {
            Rank = rank
            Step = step
            Begin = first
            End = last
        }

    {
        Step = 7L
        Shape = shape ScheduleKind.OneForwardOneBackward 2 2 1
        Apart = 1e-5
        Steps =
            [
                at 0 (Forward(0, 0)) 0.0 1.0
                at 0 (SendForward(0, 0, 1)) 1.0 1.0
                at 0 (Forward(0, 1)) 1.0 2.0
                at 0 (SendForward(0, 1, 1)) 2.0 2.0
                at 0 (ReceiveBackward(0, 0, 1)) 2.0 8.0
                at 0 (Backward(0, 0)) 8.0 10.0
                at 0 (ReceiveBackward(0, 1, 1)) 10.0 14.0
                at 0 (Backward(0, 1)) 14.0 16.0
                at 1 (ReceiveForward(0, 0, 0)) 0.0 2.0
                at 1 (Forward(0, 0)) 2.0 4.0
                at 1 (Backward(0, 0)) 4.0 8.0
                at 1 (SendBackward(0, 0, 0)) 8.0 8.0
                at 1 (ReceiveForward(0, 1, 0)) 8.0 8.0
                at 1 (Forward(0, 1)) 8.0 10.0
                at 1 (Backward(0, 1)) 10.0 14.0
                at 1 (SendBackward(0, 1, 0)) 14.0 14.0
            ]
    }

[<Fact>]
let ``a step whose first message took 1 s has that in its makespan and its bubble, and the simulated one has not``
    ()
    =
    Assert.Equal(16.0, uneven.Makespan)
    Assert.Equal(1.0 - 18.0 / 32.0, uneven.Bubble, 1e-12)
    Assert.Equal(15.0, uneven.Simulated.Makespan)
    Assert.Equal(1.0 - 18.0 / 30.0, uneven.Simulated.Bubble, 1e-12)

    Assert.Equal<Costs seq>([ costs 1.0 2.0 0.0; costs 2.0 4.0 0.0 ], uneven.Costs)

[<Fact>]
let ``two charts on one scale: what takes twice as long is drawn twice as long`` () =
    let slow =
        uneven.Steps
        |> List.map (fun at ->
            { at with
                Begin = 2.0 * at.Begin
                End = 2.0 * at.End
            })

    let charts, legend = Chart.texts 100 [ uneven.Steps; slow ]

    Assert.Equal<string list list>(
        [
            [
                "rank 0 |F0F1............B0--........B1--|"
                "rank 1 |....F0--B0------F1--B1------....|"
            ]
            [
                "rank 0 |F0--F1--........................B0------................B1------|"
                "rank 1 |........F0------B0--------------F1------B1--------------........|"
            ]
        ],
        charts
    )

    Assert.Equal("F3 forward of micro-batch 3, B3 its backward, - goes on, . idle", legend)

let private refusals: (string * string * string) list =
    [
        "\"kind\": \"1F1B\"",
        "\"kind\": \"gpipe\"",
        "pipeline.json:3:11: kind = gpipe: must be 1F1B, interleaved, ZBH1 or ZBV."
        "\"stages\": 2", "\"stages\": 3", "ranks = 2 ranks: a pipeline of 3 stages has as many."
        "\"micro_batches\": 2",
        "\"micro_batches\": 3",
        "ranks[0].steps = 8 steps: rank 0 of this schedule has 12."
        "\"micro_batches\": 2", "\"micro_batches\": 0", "micro-batches = 0: a step has 1 micro-batch or more."
        "\"apart\": 1e-5", "\"apart\": -1", "apart = -1: must be seconds, 0 or more."
        "\"apart\": 1e-5,", "", "\"apart\" is missing: this is not what evo train --profile pipeline wrote."
        "\"step\": \"backward\"",
        "\"step\": \"backward_input\"",
        "ranks[0].steps[5].step = \"backward_input\": must be the backward of chunk 0, micro-batch 0."
        "\"end\": 10", "\"end\": 7", "ranks[0].steps[5].end = 7: lies before its beginning."
    ]

[<Fact>]
let ``a file that holds no measured step is refused with its place`` () =
    for written, changed, message in refusals do
        let text = MeasuredPipelineFile.write uneven
        let at = text.IndexOf(written, System.StringComparison.Ordinal)
        Assert.True(at >= 0, $"{written} is not in the file")
        let text = text.Remove(at, written.Length).Insert(at, changed)

        match MeasuredPipelineFile.read "pipeline.json" text with
        | Ok _ -> Assert.Fail $"{changed} was read"
        | Error problem ->
            Assert.StartsWith("pipeline.json:", string problem)
            Assert.EndsWith(message, string problem)
