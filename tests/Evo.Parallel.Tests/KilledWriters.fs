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

/// Starts this executable as a child with the given arguments.
let startChild (arguments: string list) =
    let start =
        ProcessStartInfo(
            nonNull Environment.ProcessPath,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    // Started by `dotnet`, the child needs the assembly's name first.
    if Path.GetFileNameWithoutExtension(Environment.ProcessPath) = "dotnet" then
        start.ArgumentList.Add(Environment.GetCommandLineArgs()[0])

    for argument in arguments do
        start.ArgumentList.Add argument

    nonNull (Process.Start start)

/// The same under a limit on the size of any file, in kilobytes; writing more fails as on a full disk.
let startUnderFileLimit (kilobytes: int) (arguments: string list) =
    let command =
        [ nonNull Environment.ProcessPath ]
        @ (if Path.GetFileNameWithoutExtension(Environment.ProcessPath) = "dotnet" then
               [ Environment.GetCommandLineArgs()[0] ]
           else
               [])
        @ arguments

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
