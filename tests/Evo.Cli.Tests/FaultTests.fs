/// `evo train --nproc` whose ranks are killed and suspended in the middle.
module Evo.Cli.Tests.FaultTests

open System
open System.Diagnostics
open Evo.Core
open Evo.Parallel.Tests.RunningPrograms
open Evo.Torch
open Xunit
open Evo.Cli.Tests.BrokenRuns
open Evo.Cli.Tests.RankTests

let private command run =
    training run @ layout @ [ "--nproc"; "4" ]

/// Sends a signal to a rank of a run in the middle; gives the exit code when all have ended.
let private strike signal culprit run program =
    awaitStep 1 program
    let ranks = processes run
    Assert.Equal<int list>([ 0..3 ], List.map fst ranks)
    awaitStep 10 program
    let clock = Stopwatch.StartNew()
    Assert.True(ProcessSignal.Send(snd ranks[culprit], signal))

    endInTime
        clock
        [
            for rank, id in ranks do
                if rank <> culprit then
                    $"rank {rank}", id
        ]

    program.End 60.0

[<Fact>]
let ``a rank that is killed in the middle is named by the others, and the same line continues to the same losses``
    ()
    =
    use folder = TrainTests.world ()
    let whole, broken = folder.File "whole", folder.File "broken"
    complete folder (command whole) |> ignore
    use program = start folder (evo @ command broken)
    Assert.Equal(128 + 9, strike ProcessSignal.Kill 2 broken program)

    for rank in [ 0; 1; 3 ] do
        Assert.Matches(
            $@"evo: rank 2 was killed by signal 9 \(SIGKILL\), last seen at step 1\d, (in|after) [a-z]+.* site .*; rank {rank} ends at step 1\d, in [a-z]+.* site ",
            said rank [ program ]
        )

        Assert.StartsWith("rank 2 was killed by signal 9 (SIGKILL)", flight broken rank)

    Assert.Matches("resumed after step (8|12) ", complete folder (command broken))
    tell $"losses that nothing broke: %A{fst (metrics whole)}"
    tell $"resumed: %A{fst (metrics broken)}"
    Assert.Equal(metrics whole, metrics broken)

[<Fact>]
let ``a rank that is suspended in the middle is named by the others, and ended`` () =
    use folder = TrainTests.world ()
    let broken = folder.File "broken"
    use program = start folder (evo @ command broken)
    Assert.Equal(int ExitCode.RankFault, strike ProcessSignal.Suspend 1 broken program)
    Assert.Empty(processes broken)

    for rank in [ 0; 2; 3 ] do
        Assert.Matches(
            $@"evo: rank 1 gave no sign of life for 7 s \(killed, suspended, or cut off\): rank 1 was last seen at step 1\d, (in|after) [a-z]+.* site .*; rank {rank} ends at step 1\d, in [a-z]+.* site ",
            said rank [ program ]
        )

        Assert.StartsWith("rank 1 gave no sign of life", flight broken rank)

/// Starts four ranks, of which the first reads a text that never comes while the others wait for it.
let private startSilent (folder: Command.Folder) (run: string) (assignments: string list) =
    use made = new Program([ "mkfifo"; folder.File "silent.txt" ], [])
    Assert.Equal(0, made.End 60.0)

    start folder (evo @ command run @ sets ("prepare.input=silent.txt" :: assignments))

[<Fact>]
let ``a rank that hangs outside of any collective is named when the time limit is over, and ended`` () =
    use folder = TrainTests.world ()
    let run = folder.File "run"
    use program = startSilent folder run [ "train.timeout=5" ]
    Assert.Equal(int ExitCode.RankFault, program.End 120.0)

    let fault =
        "rank 0 hangs: the others have waited for 5 s before its first step, in barrier, site "

    for rank in 1..3 do
        Assert.Matches(
            $"evo: {fault}.*; rank 0 is before its first step, before its first collective; rank {rank} ends before its first step, in barrier, site ",
            said rank [ program ]
        )

        Assert.StartsWith(fault, flight run rank)

    // The last words are of the command, when all ranks have ended.
    let told = program.Lines |> List.filter (fun line -> line.Text.Contains fault)
    Assert.StartsWith(fault, (List.last told).Text)
    Assert.True((List.last told).At - told.Head.At < TimeSpan.FromSeconds 15.0, program.Text)

[<Fact>]
let ``a rank that is busy outside of any collective when another is killed ends with the same words`` () =
    use folder = TrainTests.world ()
    let run = folder.File "run"
    use program = startSilent folder run []
    program.Await("extracting text", 120.0) |> ignore
    let ranks = processes run
    let clock = Stopwatch.StartNew()
    Assert.True(ProcessSignal.Send(snd ranks[2], ProcessSignal.Kill))
    endInTime clock [ "rank 0", snd ranks[0] ]
    Assert.Equal(128 + 9, program.End 60.0)

    Assert.Matches(
        @"evo: rank 2 was killed by signal 9 \(SIGKILL\), .*; rank 0 ends before its first step, before its first collective",
        said 0 [ program ]
    )
