/// Training on ranks that are processes, of which one is killed.
module Evo.Parallel.Tests.KilledRanks

open System
open System.IO
open System.Threading
open Evo.Core
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.KilledRuns
open Evo.Parallel.Tests.RunningPrograms
open Evo.Parallel.Tests.TinyRuns
open Evo.Torch
open Xunit

let ranks = 4

let private runConfig folder steps more =
    config folder "LLAMA2" (sets steps @ layout ranks @ more)

/// One rank: says which process it is; the first one says each step and each checkpoint.
let trainRank (folder: string) steps =
    let ending (message: string) =
        Console.Error.WriteLine $"evo: {message}"
        exit (int ExitCode.RankFault)

    try
        use world = RankLaunch.Connect(C10dOptions(EndProcess = ending))
        Console.Out.WriteLine $"process {Environment.ProcessId} is rank {world.Rank}"
        Console.Out.Flush()

        world.Guard(fun () ->
            Trainer(runConfig folder steps [], speaker, ResumeRule.AsConfigured, world).Run
                CancellationToken.None
            |> ignore

            0)
    with :? RankFaultException as error ->
        Console.Error.WriteLine $"evo: {error.Message}"
        int ExitCode.RankFault

/// Starts all ranks; gives the program and the process of each.
let private start folder steps =
    let program =
        new Program(ownCommand [ "train-ranks"; folder; string (steps: int) ], [])

    let ofRank rank =
        let line = program.Await($"is rank {rank}", 120.0)
        let words = line.Text.Split ' '
        int words[Array.IndexOf(words, "process") + 1]

    program, [ for rank in 0 .. ranks - 1 -> ofRank rank ]

let private saved (program: Program) =
    program.Lines
    |> List.choose (fun line ->
        if line.Text.StartsWith "saved " then
            Some(Int64.Parse(line.Text.Substring 6))
        else
            None)

/// Waits until a save begins, and a moment longer; false where the run has ended before.
let private awaitSave (random: Random) (checkpoints: string) (program: Program) =
    // Not the first save after a start: whatever that one leaves was there before.
    let seen = saved program |> List.length

    let staging () =
        Directory.Exists checkpoints
        && Directory.GetDirectories(checkpoints, ".staging-*").Length > 0

    let mutable waiting = true

    while waiting && program.IsUnderWay do
        waiting <- not (List.length (saved program) > seen && staging ())
        Thread.Sleep 1

    Thread.Sleep(random.Next 6)
    not waiting

let private killUntilDone seed kills steps =
    use folder = new TemporaryFolder()
    writeData folder.Path
    let straight = runConfig folder.Path steps [ $"run_folder={folder.Path}/straight" ]
    ResumedLayouts.runOn ranks Int64.MaxValue straight |> ignore
    let killed = runConfig folder.Path steps []
    let random = Random(seed: int)
    let places = ResizeArray<int * string>()
    let mutable committed = 0L
    let mutable finished = false

    while not finished do
        let program, processes = start folder.Path steps
        use program = program

        if places.Count < kills && awaitSave random killed.CheckpointFolder program then
            let victim = random.Next ranks
            // Nobody writes any more while the place is looked at: all are suspended, then one dies.
            for one in processes do
                ProcessSignal.Send(one, ProcessSignal.Suspend) |> ignore

            places.Add(victim, place killed.CheckpointFolder (Some "step"))

            ProcessSignal.Send(processes[victim], ProcessSignal.Kill) |> ignore

            for one in processes do
                ProcessSignal.Send(one, ProcessSignal.Continue) |> ignore

            // The others name the dead one and end; none waits for it.
            let code = program.End 40.0
            Assert.True((code = 128 + 9), $"exit code {code}\n{program.Text}")
            Assert.Contains($"rank {victim} was killed by signal 9", program.Text)
        else
            finished <- true
            Assert.True((program.End 300.0 = 0), program.Text)

        for step in saved program do
            committed <- max committed step

        let newest =
            nonNull (
                Checkpoint.Newest(
                    CheckpointStore killed.CheckpointFolder,
                    (fun path reason -> Assert.Fail $"{path}: {reason}")
                )
            )

        use _ = newest.Files
        Assert.True(newest.Manifest.Data.NextBatch >= committed, $"step {committed} was committed")

    Assert.True(places.Count = kills, $"{places.Count} kills; the run was over")

    let table =
        places
        |> Seq.countBy id
        |> Seq.sort
        |> Seq.map (fun ((rank, where), count) -> $"{count} of rank {rank} {where}")

    (nonNull TestContext.Current.TestOutputHelper).WriteLine(String.Join(", ", table))

    Assert.True(
        places |> Seq.filter (fun (_, where) -> where <> "inside a step") |> Seq.length
        >= kills / 2,
        "too few kills fell into saves"
    )

    let last (config: RunConfig) =
        Path.Combine(config.CheckpointFolder, string steps)

    Assert.Equal<(string * string) list>(bits (last straight), bits (last killed))
    Assert.Equal<(string * string) list list>(metrics straight, metrics killed)

[<Fact>]
let ``one process of four killed inside saves: the others end, and the run goes on to the same bits`` () =
    killUntilDone 1 3 50

[<Fact; Trait("Category", "Full")>]
let ``one process of four killed inside forty saves: the others end, and the run goes on to the same bits``
    ()
    =
    killUntilDone 2 40 640
