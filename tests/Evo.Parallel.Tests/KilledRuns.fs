/// Training that is killed, and disks that are full.
module Evo.Parallel.Tests.KilledRuns

open System
open System.IO
open System.Threading
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.KilledWriters
open Evo.Parallel.Tests.TinyRuns
open Xunit

let internal sets (steps: int) =
    [
        "data.rows_per_step=4"
        $"data.total_steps={steps}"
        "ckpt.checkpoint_every=2"
        "ckpt.keep_last=3"
        "data.valid_every=0"
    ]

/// Four ranks are two stages of two that share their state.
let internal layout ranks =
    if ranks = 1 then
        []
    else
        [ "parallel.pipeline.size=2"; "parallel.zero1.size=2"; "model.num_layers=4" ]

/// Says each step and each checkpoint.
let internal speaker =
    { new IProgress<TrainEvent> with
        member _.Report event =
            match event with
            | :? TrainEvent.StepDone as it -> Console.Out.WriteLine $"step {it.Report.Batch}"
            | :? TrainEvent.CheckpointSaved as it -> Console.Out.WriteLine $"saved {it.Step}"
            | _ -> ()

            Console.Out.Flush()
    }

/// What the child process does: the run in a folder on so many ranks, saying each step and each checkpoint.
let trainInChild (folder: string) ranks steps =
    try
        let config = config folder "LLAMA2" (sets steps @ layout ranks)

        LocalWorld.Run(
            ranks,
            (fun rank ->
                Trainer(config, speaker, ResumeRule.AsConfigured, rank).Run CancellationToken.None
                |> ignore),
            threads = 1
        )

        0
    with error ->
        Console.Out.WriteLine(string error)
        1

/// Where a kill fell, by what was last said and by what lies in the folder of checkpoints.
let internal place (checkpoints: string) (said: string option) =
    let holds (beginning: string) =
        Directory.Exists checkpoints
        && Directory.GetDirectories(checkpoints, beginning + "*").Length > 0

    if holds ".deleting-" then
        "while an old checkpoint was removed"
    elif holds ".replaced-" then
        "between two renames"
    elif holds ".staging-" then
        "inside a save"
    elif said.IsNone then
        "while starting or resuming"
    elif said.Value.StartsWith "saved " then
        "just after a commit"
    else
        "inside a step"

let private killUntilDone seed ranks kills steps =
    use folder = new TemporaryFolder()
    writeData folder.Path
    // The run that is never killed.
    let straight =
        config folder.Path "LLAMA2" (sets steps @ layout ranks @ [ $"run_folder={folder.Path}/straight" ])

    ResumedLayouts.runOn ranks Int64.MaxValue straight |> ignore
    let killed = config folder.Path "LLAMA2" (sets steps @ layout ranks)
    let places = ResizeArray<string>()
    let random = Random(seed: int)
    let mutable saved = 0L
    let mutable finished = false
    let mutable startSeconds = 1.0

    while not finished do
        use child =
            startChild [ "--child"; "train"; folder.Path; string ranks; string steps ]

        let clock = Diagnostics.Stopwatch.StartNew()
        let kills = places.Count < kills
        // One of four is killed before it says anything.
        let early = kills && random.Next 4 = 0

        if early then
            Thread.Sleep(TimeSpan.FromSeconds(startSeconds * random.NextDouble()))
            child.Kill()

        let patience = if kills then random.Next(1, 7) else Int32.MaxValue
        let mutable said = None
        let mutable lines = 0
        let mutable reading = true

        while reading do
            match child.StandardOutput.ReadLine() with
            | null -> reading <- false
            | line ->
                if lines = 0 && not early then
                    startSeconds <- clock.Elapsed.TotalSeconds

                lines <- lines + 1
                said <- Some line

                if line.StartsWith "saved " then
                    saved <- max saved (Int64.Parse(line.Substring 6))

                if lines = patience && not early then
                    Thread.Sleep(random.Next 15)
                    child.Kill()

        child.WaitForExit()
        finished <- child.ExitCode = 0

        if not finished then
            places.Add(place killed.CheckpointFolder said)

        let found =
            Checkpoint.Newest(
                CheckpointStore killed.CheckpointFolder,
                (fun path reason -> Assert.Fail $"{path}: {reason}")
            )

        if saved > 0L then
            let found = nonNull found

            Assert.True(
                found.Manifest.Data.NextBatch >= saved,
                $"step {saved} was committed and {found.Manifest.Data.NextBatch} is the newest"
            )

    Assert.Equal(kills, places.Count)

    let table =
        places
        |> Seq.countBy id
        |> Seq.sort
        |> Seq.map (fun (where, count) -> $"{count} {where}")

    (nonNull TestContext.Current.TestOutputHelper)
        .WriteLine($"{ranks} ranks, {kills} kills: " + String.Join(", ", table))

    let last (config: Evo.Core.RunConfig) =
        Path.Combine(config.CheckpointFolder, string steps)

    Assert.Equal<(string * string) list>(bits (last straight), bits (last killed))
    Assert.Equal<(string * string) list list>(metrics straight, metrics killed)

[<Theory>]
[<InlineData(1, 10, 60)>]
[<InlineData(4, 10, 60)>]
let ``killed at random moments and started again, a run ends in the same bits`` ranks kills steps =
    killUntilDone ranks ranks kills steps

[<Theory; Trait("Category", "Full")>]
[<InlineData(1, 100, 640)>]
[<InlineData(4, 100, 640)>]
let ``killed at a hundred random moments and started again, a run ends in the same bits`` ranks kills steps =
    killUntilDone (ranks + 1) ranks kills steps

[<Fact>]
let ``when files may not grow, the run ends with one error, and what was committed stands`` () =
    use folder = new TemporaryFolder()
    writeData folder.Path
    let config = config folder.Path "LLAMA2" (sets 40)
    runUntil 2L config |> ignore
    let before = bits (Path.Combine(config.CheckpointFolder, "2"))
    // A limit on the size of files that the next checkpoint exceeds.
    use child = startUnderFileLimit 40 [ "--child"; "train"; folder.Path; "1"; "40" ]
    let said = child.StandardOutput.ReadToEnd()
    child.WaitForExit()
    Assert.NotEqual(0, child.ExitCode)
    Assert.Contains("could not be written", said)
    Assert.Contains("step 2 stands unharmed", said)
    Assert.Equal<(string * string) list>(before, bits (Path.Combine(config.CheckpointFolder, "2")))
    // With room again the run goes on.
    let result, _ = run config
    Assert.Equal(40L, result.Step)

/// Runs a command as root; its failure is the reason to skip.
let private asRoot (command: string) (arguments: string) =
    use tool =
        nonNull (
            Diagnostics.Process.Start(
                Diagnostics.ProcessStartInfo(command, arguments, RedirectStandardError = true)
            )
        )

    let said = tool.StandardError.ReadToEnd()
    tool.WaitForExit()
    Assert.SkipWhen(tool.ExitCode <> 0, $"{command} {arguments}: {said}")

[<Fact; Trait("Category", "Machine")>]
let ``on a full disk the run ends with one error, what was committed stands, and with space the run goes on``
    ()
    =
    use folder = new TemporaryFolder()
    writeData folder.Path
    let disk = folder.File "disk"
    Directory.CreateDirectory disk |> ignore
    asRoot "mount" $"-t tmpfs -o size=900k tmpfs {disk}"

    try
        let sets = sets 40 @ [ $"run_folder={disk}/run"; "ckpt.keep_last=0" ]
        let config = config folder.Path "LLAMA2" sets
        let error = Assert.Throws<CheckpointException>(fun () -> run config |> ignore)
        Assert.Equal(CheckpointFault.NotWritten, error.Fault)
        Assert.True(error.Message.Contains "disk is full", error.Message)
        Assert.Contains("stands unharmed", error.Message)

        let committed =
            Checkpoint.Newest(
                CheckpointStore config.CheckpointFolder,
                (fun path reason -> Assert.Fail $"{path}: {reason}")
            )

        // What is open on it holds the disk.
        (use files = (nonNull committed).Files
         Assert.True((nonNull committed).Manifest.Step >= 2L))

        Assert.Empty(Directory.GetDirectories(config.CheckpointFolder, ".staging*"))
        asRoot "mount" $"-o remount,size=60m {disk}"
        let result, events = run config
        Assert.Equal(40L, result.Step)
        Assert.Contains(events, (fun event -> event :? TrainEvent.Resumed))
    finally
        asRoot "umount" disk
