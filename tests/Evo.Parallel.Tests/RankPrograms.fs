/// What the processes do that the tests of launching and of faults start: ranks, and who starts ranks.
module Evo.Parallel.Tests.RankPrograms

open System
open System.IO
open System.Runtime.InteropServices
open System.Threading
open Evo.Core
open Evo.Parallel
open Evo.Torch
open TorchSharp

let private say (text: string) =
    Console.Out.WriteLine text
    Console.Out.Flush()

/// The rank that misbehaves, and the step in which it does.
let culprit = 2

let badStep = 5

let private misbehave (world: RankWorld) how =
    match how with
    | "kill"
    | "kill, receive" -> ProcessSignal.Send(Environment.ProcessId, ProcessSignal.Kill) |> ignore
    | "suspend" ->
        // Not in the midst of the sign of life that the step's beginning makes: see docs/launch.md.
        Thread.Sleep 50
        ProcessSignal.Send(Environment.ProcessId, ProcessSignal.Suspend) |> ignore
    | "throw" -> raise (TimeoutException "the disk is gone")
    | "hang" -> Thread.Sleep Timeout.Infinite
    | "exit" -> exit 9
    | _ -> invalidArg (nameof how) how

/// A few steps, each with an all-reduce, a begun one and an all-gather.
let private step (world: RankWorld) (number: int) =
    world.AtStep(int64 number)
    let group = world.Everyone "data"
    let x = torch.full ([| 4L |], Scalar.op_Implicit (float (world.Rank + number)))
    let begun = group.StartAllReduce(x, ReduceOperation.Sum, Site(1, true))
    let gathered = group.AllGather(x, 0, Site(2, false))
    let sum = group.AllReduce(x, ReduceOperation.Sum, Site(3, false))
    let later = begun.Wait()

    if Grids.bits later <> Grids.bits sum then
        failwith "what was begun is another sum"

    gathered.sum().ToDouble() + sum.sum().ToDouble()

/// One rank. `what` is "sum", "signals", "leave", or how the culprit misbehaves.
let rank (what: string) (folder: string) (seconds: float) =
    let ending (message: string) =
        Console.Error.WriteLine $"evo: {message}"
        Console.Error.Flush()
        exit (int ExitCode.RankFault)

    let options =
        C10dOptions(Timeout = TimeSpan.FromSeconds seconds, EndProcess = ending)

    try
        use world = RankLaunch.Connect options
        world.FlightFolder <- Path.Combine(folder, "flight")

        world.Guard(fun () ->
            match what with
            | "sum" ->
                let sums = [ for number in 1..3 -> step world number ]
                say $"rank {world.Rank} of {world.Size} has %A{sums}"
                0
            | "signals" ->
                use asked = new ManualResetEventSlim()

                use _ =
                    PosixSignalRegistration.Create(
                        PosixSignal.SIGTERM,
                        fun context ->
                            context.Cancel <- true
                            asked.Set()
                    )

                step world 1 |> ignore
                say "ready"
                asked.Wait()
                say "asked to end"
                int ExitCode.Stopped
            | "forever" ->
                for number in 1 .. Int32.MaxValue do
                    step world number |> ignore

                    if number = badStep then
                        say "under way"

                    Thread.Sleep 20

                0
            | _ ->
                for number in 1..1000 do
                    if world.Rank = culprit && number = badStep then
                        say "misbehaves"
                        world.AtStep(int64 number)

                        if what = "leave" then
                            world.Dispose()
                            exit 0

                        misbehave world what

                    if what = "kill, receive" && number = badStep then
                        // By now the connection is known to be closed.
                        Thread.Sleep 1000
                        let group = world.Everyone "data"
                        world.AtStep(int64 number)
                        group.Receive([| 4L |], torch.float32, culprit, Site(4, false)) |> ignore

                    step world number |> ignore
                    Thread.Sleep 20

                0)
    with
    | :? RankFaultException as error ->
        Console.Error.WriteLine $"evo: {error.Message}"
        int ExitCode.RankFault
    | error ->
        Console.Error.WriteLine $"evo: {error.GetType().Name}: {error.Message}"
        int ExitCode.Defect

/// Starts ranks of this program, each with these arguments, as `evo train` does for these options.
let supervise (flags: LaunchFlags) (arguments: string list) =
    match RankLaunch.Decide flags with
    | Launch.Spawn spawning ->
        let command = RankSupervisor.OwnCommand [| "--child"; yield! arguments |]
        RankSupervisor(spawning, command, (fun line -> Console.Error.WriteLine $"evo: {line}")).Run()
    | other -> invalidOp $"{other}"
