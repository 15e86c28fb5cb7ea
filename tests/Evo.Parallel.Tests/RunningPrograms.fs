/// Programs that a test starts, and what they write, with the time of each line.
module Evo.Parallel.Tests.RunningPrograms

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open System.Threading
open Evo.Parallel

/// This program as a child (Program.fs lists what it can be).
let ownCommand (arguments: string list) =
    RankSupervisor.OwnCommand [| "--child"; yield! arguments |] |> List.ofSeq

/// A line of a program, and when it came.
type Line = { At: TimeSpan; Text: string }

/// A program under way, its lines as they come.
type Program(command: string list, variables: (string * string) list) =
    let clock = Stopwatch.StartNew()
    let lines = ConcurrentQueue<Line>()

    let start =
        let start =
            ProcessStartInfo(
                command.Head,
                command.Tail,
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
