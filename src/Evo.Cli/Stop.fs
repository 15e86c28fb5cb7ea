namespace Evo.Cli

open System
open System.Diagnostics
open System.Runtime.InteropServices
open System.Threading
open Evo.Core
open Evo.Torch

/// Ctrl-C and SIGTERM ask for an end: the step under way is finished and the run saved. A second one leaves at once.
[<Sealed>]
type Stop() =
    let source = new CancellationTokenSource()
    let mutable asked = 0L

    // `timeout` and others signal the process, and the group that it is in a moment later: that is one wish.
    let oneWish = TimeSpan.FromSeconds 0.5

    let ask (context: PosixSignalContext) =
        context.Cancel <- true
        let now = Stopwatch.GetTimestamp()
        let first = Interlocked.CompareExchange(&asked, now, 0L)

        if first = 0L then
            source.Cancel()
        elif Stopwatch.GetElapsedTime(first, now) > oneWish then
            Terminal.tell "evo: left at once; the last committed checkpoint stands"
            ProcessEnd.AtOnce(int ExitCode.Killed)

    let registrations =
        [
            for signal in [ PosixSignal.SIGINT; PosixSignal.SIGTERM ] ->
                PosixSignalRegistration.Create(signal, ask)
        ]

    /// Cancelled by the first signal.
    member _.Token = source.Token

    interface IDisposable with
        member _.Dispose() =
            for registration in registrations do
                registration.Dispose()

            source.Dispose()
