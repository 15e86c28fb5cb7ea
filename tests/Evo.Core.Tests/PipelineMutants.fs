/// Wrong schedules: the checks of `Pipelines.wrong` must see every one.
module Evo.Core.Tests.PipelineMutants

open Xunit
open Evo.Core
open Evo.Core.Tests.Pipelines

let private tried =
    [
        shape ScheduleKind.OneForwardOneBackward 4 8 1
        shape ScheduleKind.Interleaved 3 6 2
        shape ScheduleKind.Interleaved 4 8 3
        shape ScheduleKind.ZeroBubbleH1 4 8 1
        shape ScheduleKind.ZeroBubbleV 3 7 2
    ]

let private stepsOf (schedule: Schedule) =
    Array.init schedule.Stages (fun rank -> Array.ofSeq (schedule.StepsOf rank))

let private replace rank steps (all: Step array array) =
    all |> Array.mapi (fun r own -> if r = rank then steps else own)

/// Whether the checks see that what one rank does was changed.
let private seen (shape: PipelineShape) steps =
    not (wrong (Schedule.OfSteps(shape, Receipt.Early, steps))).IsEmpty

/// Every place of every rank, with the step there.
let private places steps =
    [
        for rank in 0 .. Array.length steps - 1 do
            for place in 0 .. Array.length steps[rank] - 1 do
                rank, place, steps[rank][place]
    ]

[<Fact>]
let ``a step that is left out is seen, wherever it is`` () =
    for shape in tried do
        let steps = stepsOf (Schedule.Of shape)

        for rank, place, step in places steps do
            let mutant = replace rank (Array.removeAt place steps[rank]) steps
            Assert.True(seen shape mutant, $"{shape.Kind}: rank {rank} without the {step}")

[<Fact>]
let ``a step that is done twice is seen, wherever it is`` () =
    for shape in tried do
        let steps = stepsOf (Schedule.Of shape)

        for rank, place, step in places steps do
            let mutant = replace rank (Array.insertAt place step steps[rank]) steps
            Assert.True(seen shape mutant, $"{shape.Kind}: rank {rank} with the {step} twice")

[<Fact>]
let ``a message to or from the wrong rank, of the wrong micro-batch or chunk is seen`` () =
    for shape in tried do
        let steps = stepsOf (Schedule.Of shape)
        let batch m = (m + 1) % shape.MicroBatches
        let part chunk = (chunk + 1) % shape.Chunks
        let far rank = (rank + 1) % shape.Stages

        let wrongOnes step =
            match step with
            | SendForward(c, m, to') ->
                [
                    SendForward(c, batch m, to')
                    SendForward(c, m, far to')
                    SendForward(part c, m, to')
                ]
            | ReceiveForward(c, m, from) ->
                [
                    ReceiveForward(c, batch m, from)
                    ReceiveForward(c, m, far from)
                    ReceiveForward(part c, m, from)
                ]
            | SendBackward(c, m, to') ->
                [
                    SendBackward(c, batch m, to')
                    SendBackward(c, m, far to')
                    SendBackward(part c, m, to')
                ]
            | ReceiveBackward(c, m, from) ->
                [
                    ReceiveBackward(c, batch m, from)
                    ReceiveBackward(c, m, far from)
                    ReceiveBackward(part c, m, from)
                ]
            | Forward(c, m) -> [ Forward(c, batch m); Forward(part c, m); BackwardInput(c, m) ]
            | Backward(c, m) -> [ Backward(c, batch m); BackwardInput(c, m); BackwardWeight(c, m) ]
            | BackwardInput(c, m) -> [ BackwardInput(c, batch m); Backward(c, m); BackwardWeight(c, m) ]
            | BackwardWeight(c, m) -> [ BackwardWeight(c, batch m); Backward(c, m); BackwardInput(c, m) ]

        for rank, place, step in places steps do
            for other in wrongOnes step |> List.filter (fun other -> other <> step) do
                let mutant = replace rank (Array.updateAt place other steps[rank]) steps
                Assert.True(seen shape mutant, $"{shape.Kind}: rank {rank} with the {other} for the {step}")

/// What each rank computes, changed before messages are added: so only time, activations or a circle can give it away.
let private seenOrder (shape: PipelineShape) order =
    try
        let schedule = Schedule.OfOrder(shape, Receipt.Early, order)
        not (wrong schedule).IsEmpty
    with :? ScheduleException ->
        true

[<Fact>]
let ``a warm-up with one forward more or less is seen, on every rank`` () =
    for stages, microBatches in [ 2, 4; 4, 8; 5, 7 ] do
        let shape = shape ScheduleKind.OneForwardOneBackward stages microBatches 1
        let right = Array.init stages (Orders.ofRank shape)

        let withWarmup warmup =
            [|
                for m in 0 .. warmup - 1 do
                    Forward(0, m)
                for m in 0 .. microBatches - warmup - 1 do
                    Forward(0, warmup + m)
                    Backward(0, m)
                for m in microBatches - warmup .. microBatches - 1 do
                    Backward(0, m)
            |]

        for rank in 0 .. stages - 1 do
            let warmup = stages - rank - 1
            Assert.Equal<Step array>(right[rank], withWarmup warmup)

            for other in [ warmup - 1; warmup + 1 ] do
                if other >= 0 then
                    Assert.True(seenOrder shape (replace rank (withWarmup other) right), $"{rank}: {other}")

[<Fact>]
let ``in 1F1B a forward and a backward that change places are seen, wherever they are`` () =
    // Other schedules have slack: there some such changes cost neither time nor activations.
    for stages, microBatches in [ 2, 2; 4, 8; 5, 3 ] do
        let shape = shape ScheduleKind.OneForwardOneBackward stages microBatches 1
        let right = Array.init shape.Stages (Orders.ofRank shape)

        for rank, place, step in places right do
            if place + 1 < right[rank].Length then
                let next = right[rank][place + 1]

                let swapped =
                    right[rank] |> Array.updateAt place next |> Array.updateAt (place + 1) step

                if step.IsForward <> next.IsForward then
                    Assert.True(
                        seenOrder shape (replace rank swapped right),
                        $"rank {rank}, the {next} before the {step}"
                    )

/// Ways to misunderstand an algorithm, on all ranks alike.
let private misreadings: (string * (PipelineShape -> Step array -> Step array)) list =
    let weightsAfter (steps: Step array) =
        let weights, others = steps |> Array.partition _.IsBackwardWeight
        Array.append others weights

    [
        "all forwards first",
        fun _ steps ->
            let forwards, others = steps |> Array.partition _.IsForward
            Array.append forwards others
        "all weight gradients last", (fun _ steps -> weightsAfter steps)
        "every weight gradient at once",
        fun _ steps ->
            steps
            |> Array.filter (fun step -> not step.IsBackwardWeight)
            |> Array.collect (function
                | BackwardInput(chunk, m) -> [| BackwardInput(chunk, m); BackwardWeight(chunk, m) |]
                | step -> [| step |])
        "backwards of the last micro-batch first",
        fun shape steps ->
            steps
            |> Array.map (function
                | Backward(chunk, m) -> Backward(chunk, shape.MicroBatches - 1 - m)
                | BackwardInput(chunk, m) -> BackwardInput(chunk, shape.MicroBatches - 1 - m)
                | BackwardWeight(chunk, m) -> BackwardWeight(chunk, shape.MicroBatches - 1 - m)
                | step -> step)
        "backwards in the order of the chunks",
        fun shape steps ->
            steps
            |> Array.map (function
                | Backward(chunk, m) -> Backward(shape.Chunks - 1 - chunk, m)
                | BackwardInput(chunk, m) -> BackwardInput(shape.Chunks - 1 - chunk, m)
                | BackwardWeight(chunk, m) -> BackwardWeight(shape.Chunks - 1 - chunk, m)
                | step -> step)
        "chunks change places",
        fun shape steps ->
            steps
            |> Array.map (function
                | Forward(chunk, m) -> Forward(shape.Chunks - 1 - chunk, m)
                | step -> step)
    ]

[<Fact>]
let ``an algorithm misread on all ranks alike is seen`` () =
    for shape in tried do
        let right = Array.init shape.Stages (Orders.ofRank shape)

        for what, misread in misreadings do
            let other = right |> Array.map (misread shape)

            if other <> right then
                Assert.True(seenOrder shape other, $"{shape.Kind}: {what}")

[<Fact>]
let ``with receives where they are used and sends that wait, 1F1B stands still in 105 of 128 shapes`` () =
    let stands transport =
        legal 8 16 1
        |> List.filter (fun shape -> shape.Kind = ScheduleKind.OneForwardOneBackward)
        |> List.filter (fun shape ->
            (Schedule.Of shape).With Receipt.Late
            |> Simulate.run transport Costs.Unit
            |> Result.isError)
        |> List.length

    Assert.Equal(105, stands Transport.Blocking)
    Assert.Equal(0, stands Transport.Batched)
    Assert.Equal(0, stands Transport.Mailbox)

[<Fact>]
let ``a deadlock says where every rank stands`` () =
    let schedule =
        Schedule.Make(ScheduleKind.OneForwardOneBackward, 2, 2, 1).With Receipt.Late

    match Simulate.run Transport.Blocking Costs.Unit schedule with
    | Ok _ -> Assert.Fail "nobody waits"
    | Error deadlock ->
        Assert.Equal(
            "deadlock:\n\
             rank 0 waits at step 3, the send of a forward of chunk 0, micro-batch 1, to rank 1\n\
             rank 1 waits at step 3, the send of a gradient of chunk 0, micro-batch 0, to rank 0",
            string deadlock
        )

[<Fact>]
let ``an order in which ranks wait for one another is refused with the rank and the step`` () =
    let shape = shape ScheduleKind.OneForwardOneBackward 2 1 1

    let backwardFirst =
        [| [| Backward(0, 0); Forward(0, 0) |]; [| Forward(0, 0); Backward(0, 0) |] |]

    let error =
        Assert.Throws<ScheduleException>(fun () ->
            Schedule.OfOrder(shape, Receipt.Early, backwardFirst) |> ignore)

    Assert.Equal(
        "rank 0 can never do step 0, the backward of chunk 0, micro-batch 0: what it needs is never given; the order of some rank is wrong",
        error.Message
    )
