/// Processes that are killed while they write checkpoints.
module Evo.Parallel.Tests.KilledWriters

open System
open System.Diagnostics
open System.IO
open System.Threading
open Evo.Core
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.CheckpointStores
open Xunit

/// What the child process does: saves one checkpoint after the other, keeping two, and says so after each.
let saveForever (folder: string) =
    let store = opened folder
    let first = store.Steps() |> Seq.tryHead |> Option.defaultValue 0L

    for step in first + 1L .. 1_000_000L do
        save store { Last = 2; Every = 0L } step |> ignore
        Console.Out.WriteLine step
        Console.Out.Flush()

    0

/// What another child does: saves three checkpoints, the newest alone staying, and then the last one once more.
let saveSome (folder: string) =
    let store = opened folder
    let first = store.Steps() |> Seq.tryHead |> Option.defaultValue 0L

    for step in [ first + 1L; first + 2L; first + 3L; first + 3L ] do
        save store { Last = 1; Every = 0L } step |> ignore
        Console.Out.WriteLine step
        Console.Out.Flush()

    0

/// The command line of this executable as a child; started by `dotnet`, it needs the assembly's name first.
let private childCommand arguments =
    nonNull Environment.ProcessPath
    :: (if Path.GetFileNameWithoutExtension(Environment.ProcessPath) = "dotnet" then
            [ Environment.GetCommandLineArgs()[0] ]
        else
            [])
    @ arguments

let private startCommand (command: string list) =
    nonNull (
        Process.Start(
            ProcessStartInfo(
                command.Head,
                command.Tail,
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )
        )
    )

/// Starts this executable as a child with the given arguments.
let startChild (arguments: string list) = startCommand (childCommand arguments)

/// The same under a limit on the size of any file, in kilobytes; writing more fails as on a full disk.
let startUnderFileLimit (kilobytes: int) (arguments: string list) =
    let command = childCommand arguments

    let start =
        ProcessStartInfo("/bin/bash", RedirectStandardOutput = true, RedirectStandardError = true)
    // bash counts in blocks of 1024 bytes; SIGXFSZ must be ignored for the write to fail instead of the process.
    let quoted = command |> List.map (fun word -> "'" + word + "'") |> String.concat " "
    start.ArgumentList.Add "-c"
    start.ArgumentList.Add $"trap '' XFSZ; ulimit -f {kilobytes}; exec {quoted}"
    // Otherwise the runtime keeps compiled code in a file of its own that the limit would hit.
    start.Environment["DOTNET_EnableWriteXorExecute"] <- "0"
    nonNull (Process.Start start)

let private killAndLook (random: Random) rounds =
    use folder = new TemporaryFolder()
    let mutable committed = 0L

    for _ in 1..rounds do
        use child = startChild [ "--child"; "save-forever"; folder.Path ]
        let mutable said = committed
        // The first line tells that the child is up and saving; then it is killed within a few saves.
        said <- Int64.Parse(nonNull (child.StandardOutput.ReadLine()))
        Thread.Sleep(random.Next(0, 60))
        child.Kill()

        for line in child.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries) do
            match Int64.TryParse line with
            | true, step -> said <- max said step
            | _ -> ()

        child.WaitForExit()
        // Before any cleaning: what is there must already be readable, and no older than what the child said.
        let found =
            Checkpoint.Newest(
                CheckpointStore folder.Path,
                (fun path reason -> Assert.Fail $"{path}: {reason}")
            )

        let step = wholeStep (nonNull found)
        Assert.True(step >= said, $"the child committed step {said}, and {step} is the newest")
        committed <- step

    Assert.True(committed > 0L)

[<Fact>]
let ``killed at random moments, a writer loses nothing that it committed`` () = killAndLook (Random 7) 5

[<Fact; Trait("Category", "Full")>]
let ``killed at fifty random moments, a writer loses nothing that it committed`` () =
    killAndLook (Random 8) 50

/// What changes a file system, or makes a change last.
let private changing =
    [ "mkdir"; "ftruncate"; "fsync"; "rename"; "unlink"; "rmdir" ]

/// Starts a writer that is killed before the n-th of its calls of that name.
let private startKilledBefore (call: string) n folder =
    try
        [ "strace"; "-f"; "-qq"; "-o"; "/dev/null"; "-e"; $"trace={call}" ]
        @ [ "-e"; $"inject={call}:signal=SIGKILL:when={n}" ]
        @ childCommand [ "--child"; "save-some"; folder ]
        |> startCommand
    with :? ComponentModel.Win32Exception as error ->
        Assert.Skip $"strace cannot be run: {error.Message}"
        raise error

[<Fact; Trait("Category", "Machine")>]
let ``killed before each of its calls that change the file system, a writer loses nothing that it committed``
    ()
    =
    let mutable betweenRenames = 0

    // Whether it was killed, which it was not where there are fewer calls.
    let kills call n =
        use folder = new TemporaryFolder()
        save (opened folder.Path) keepAll 1L |> ignore
        use child = startKilledBefore call n folder.Path
        let words = child.StandardError.ReadToEndAsync()

        let lines =
            child.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)

        child.WaitForExit()
        Assert.SkipWhen(words.Result.Contains "ptrace", $"strace may not trace here: {words.Result}")
        let said = lines |> Seq.map Int64.Parse |> Seq.append [ 1L ] |> Seq.max

        let newest () =
            Checkpoint.Newest(
                CheckpointStore folder.Path,
                (fun path reason -> Assert.Fail $"{call} {n}, {path}: {reason}")
            )

        // A step that was being replaced lies under another name until the next start.
        match newest () with
        | null -> betweenRenames <- betweenRenames + 1
        | found -> Assert.True(wholeStep found >= said, $"{call} {n}: {said} was committed")

        let store = opened folder.Path
        let found = wholeStep (nonNull (newest ()))
        Assert.True(found >= said, $"{call} {n}: {said} was committed, {found} is the newest after a start")
        Assert.Empty(Directory.GetDirectories(folder.Path, ".*"))

        for step in store.Steps() do
            use files = (store :> ICheckpointStore).Files step
            Assert.Equal(step, wholeStep (Checkpoint.Open files))

        child.ExitCode <> 0

    let counts =
        [
            for call in changing -> call, Seq.initInfinite ((+) 1) |> Seq.takeWhile (kills call) |> Seq.length
        ]

    // Four saves, two that remove another and one that replaces one.
    Assert.True(Map.ofList counts |> Map.find "rename" >= 7, $"{counts}")
    Assert.True((betweenRenames = 1), $"{betweenRenames} times between two renames")

    (nonNull TestContext.Current.TestOutputHelper).WriteLine $"killed before each of these calls: {counts}"
