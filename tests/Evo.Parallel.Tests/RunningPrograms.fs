/// Programs that a test starts, what they write with the time of each line, and two hosts on which they may run.
module Evo.Parallel.Tests.RunningPrograms

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open System.Threading
open Evo.Parallel
open Xunit

/// This program as a child (Program.fs lists what it can be).
let ownCommand (arguments: string list) =
    RankSupervisor.OwnCommand [| "--child"; yield! arguments |] |> List.ofSeq

/// A line of a program, and when it came.
type Line = { At: TimeSpan; Text: string }

/// A program under way in a folder, its lines as they come.
type Program(command: string list, variables: (string * string) list, ?folder: string) =
    let clock = Stopwatch.StartNew()
    let lines = ConcurrentQueue<Line>()

    let start =
        let start =
            ProcessStartInfo(
                command.Head,
                command.Tail,
                WorkingDirectory = defaultArg folder "",
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

        for name, value in variables do
            start.Environment[name] <- value

        start

    let running = nonNull (Process.Start start)

    let reader (stream: StreamReader) =
        let thread =
            Thread(fun () ->
                let mutable line = stream.ReadLine()

                while not (isNull line) do
                    lines.Enqueue
                        {
                            At = clock.Elapsed
                            Text = nonNull line
                        }

                    line <- stream.ReadLine())

        thread.Start()
        thread

    let readers = [ reader running.StandardOutput; reader running.StandardError ]
    member _.Id = running.Id
    member _.IsUnderWay = not running.HasExited
    member _.Lines = List.ofSeq lines
    member program.Text = String.Join("\n", [ for line in program.Lines -> line.Text ])

    member program.Await(text: string, seconds: float) =
        let deadline = clock.Elapsed + TimeSpan.FromSeconds seconds

        let rec look () =
            match program.Lines |> List.tryFind (fun line -> line.Text.Contains text) with
            | Some line -> line
            | None when
                clock.Elapsed > deadline
                || running.HasExited && readers |> List.forall (fun r -> not r.IsAlive)
                ->
                failwith $"\"{text}\" never came; there is:\n{program.Text}"
            | None ->
                Thread.Sleep 20
                look ()

        look ()

    /// The exit code.
    member program.End(seconds: float) =
        if not (running.WaitForExit(TimeSpan.FromSeconds seconds)) then
            running.Kill true
            failwith $"not at an end after {seconds} s:\n{program.Text}"

        for r in readers do
            r.Join()

        running.ExitCode

    interface IDisposable with
        member _.Dispose() =
            if not running.HasExited then
                running.Kill true

            running.Dispose()

/// A script of the checkout.
let script name =
    let rec find (folder: string) =
        let file = Path.Combine(folder, "scripts", name)

        if File.Exists file then
            file
        else
            match Path.GetDirectoryName folder with
            | null -> failwith $"scripts/{name} is not above {AppContext.BaseDirectory}"
            | parent -> find parent

    find AppContext.BaseDirectory

/// A program's end; that it says "unavailable" is the reason to skip.
let endOrSkip (seconds: float) (program: Program) =
    let code = program.End seconds
    Assert.SkipWhen((code = 69), program.Text)
    Assert.True((code = 0), program.Text)

/// Two hosts whose cable can be cut and mended, gone at the end of the test.
type TwoHosts() =
    let name = $"evo{Environment.ProcessId}"

    let act (what: string) =
        use program = new Program([ script "two-hosts"; what; name ], [])
        endOrSkip 120.0 program

    do act "up"
    member _.Cut() = act "cut"
    member _.Join() = act "join"

    /// A command of host "a" (10.77.0.1) or "b" (10.77.0.2).
    member _.On(host: string, command: string list) =
        [ "ip"; "netns"; "exec"; $"{name}-{host}" ] @ command

    interface IDisposable with
        member _.Dispose() = act "down"
