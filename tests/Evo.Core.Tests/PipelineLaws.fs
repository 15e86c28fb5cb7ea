/// The laws of schedules, for every legal shape up to 16 stages, 64 micro-batches and 4 chunks: ranks are fixed programs,
/// so that one run of each is a proof.
module Evo.Core.Tests.PipelineLaws

open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Pipelines
open Evo.Core.Tests.Properties

let private all = lazy legal 16 64 4

[<Fact>]
let ``there are 3449 legal shapes of up to 16 stages, 64 micro-batches and 4 chunks`` () =
    let count =
        all.Value |> List.countBy _.Kind |> List.map (fun (kind, n) -> string kind, n)

    Assert.Equal<(string * int) list>([ "1F1B", 1024; "interleaved", 633; "ZBH1", 1024; "ZBV", 768 ], count)

[<Fact>]
let ``every forward and backward is done once and in order, every message is sent and received in one order, nobody waits in a circle on any transport, and time and activations are the formulas'``
    ()
    =
    for shape in all.Value do
        let schedule = Schedule.Of shape
        clean shape "early" (ScheduleLaws.broken schedule)

        for transport in [ Transport.Blocking; Transport.Batched; Transport.Posted ] do
            clean shape $"{transport}" (wrongRun transport (inStep shape.Kind) schedule)

        for costs in outOfStep shape.Kind do
            clean shape $"posted, {costs}" (wrongRun Transport.Posted costs schedule)

        let late = schedule.With Receipt.Late
        clean shape "late" (ScheduleLaws.broken late)
        clean shape "late, mailbox" (wrongRun Transport.Mailbox (List.head (outOfStep shape.Kind)) late)

[<Fact>]
let ``the formulas hold for whatever costs they are given for`` () =
    for shape in legal 5 10 3 do
        let schedule = Schedule.Of shape

        for forward in 1.0 .. 5.0 do
            for input in 1.0 .. 5.0 do
                for weight in 1.0 .. 5.0 do
                    let costs = costs forward input weight
                    clean shape $"{costs}" (wrongRun Transport.Posted costs schedule)

/// A legal shape of up to 6 stages and the costs of its virtual stages.
let private unevenly =
    gen {
        let! shape = Gen.elements (legal 6 14 4)

        let! numbers =
            Gen.listOfLength (3 * shape.VirtualStages) (Gen.choose (1, 9) |> Gen.map float)

        let! message = Gen.choose (0, 3)

        let costsOf stage =
            { costs numbers[3 * stage] numbers[3 * stage + 1] numbers[3 * stage + 2] with
                Message = float message
            }

        return shape, List.init shape.VirtualStages costsOf
    }

let private makespan transport (costs: Costs list) schedule =
    match Simulate.runWith transport (fun stage -> costs[stage]) schedule with
    | Ok run -> run.Makespan
    | Error deadlock -> raise (ScheduleException(string deadlock))

[<Fact>]
let ``whatever stages and messages cost, nobody waits in a circle, and who waits less is not later`` () =
    forAll unevenly noShrink (fun (shape, costs) ->
        let early = Schedule.Of shape
        let late = early.With Receipt.Late
        let posted = makespan Transport.Posted costs early

        posted <= makespan Transport.Batched costs early
        && posted <= makespan Transport.Blocking costs early
        && makespan Transport.Mailbox costs late <= makespan Transport.Mailbox costs early)

[<Fact>]
let ``with messages that take no time, mailboxes emptied late are as fast as receives posted early`` () =
    forAll unevenly noShrink (fun (shape, costs) ->
        let costs = costs |> List.map (fun costs -> { costs with Message = 0.0 })
        let early = Schedule.Of shape

        makespan Transport.Posted costs early = makespan Transport.Mailbox costs (early.With Receipt.Late))

[<Fact>]
let ``nothing begins before what it needs has ended, by the times of the simulator`` () =
    forAll unevenly noShrink (fun (shape, costs) ->
        let schedule = Schedule.Of shape

        match Simulate.runWith Transport.Posted (fun stage -> costs[stage]) schedule with
        | Error _ -> false
        | Ok run ->
            let ended select =
                run.Steps
                |> Seq.choose (fun at -> select at.Step |> Option.map (fun m -> at, m))
                |> Seq.map (fun (at, m) -> (shape.VirtualStage(at.Rank, at.Step.Chunk), m), at)
                |> dict

            let forwards =
                ended (function
                    | Forward(_, m) -> Some m
                    | _ -> None)

            let inputs =
                ended (function
                    | Backward(_, m)
                    | BackwardInput(_, m) -> Some m
                    | _ -> None)

            let weights =
                ended (function
                    | Backward(_, m)
                    | BackwardWeight(_, m) -> Some m
                    | _ -> None)

            let message (a: TimedStep) (b: TimedStep) =
                if a.Rank = b.Rank then 0.0 else costs[0].Message

            List.allPairs [ 0 .. shape.VirtualStages - 1 ] [ 0 .. shape.MicroBatches - 1 ]
            |> List.forall (fun (stage, m) ->
                let forward, input, weight =
                    forwards[(stage, m)], inputs[(stage, m)], weights[(stage, m)]

                let follows (later: TimedStep) (earlier: TimedStep) =
                    later.Begin >= earlier.End + message earlier later

                follows input forward
                && (input.Step = weight.Step || follows weight input)
                && (stage = 0 || follows forward forwards[(stage - 1, m)])
                && (stage = shape.VirtualStages - 1 || follows input inputs[(stage + 1, m)])))
