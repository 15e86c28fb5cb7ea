namespace Evo.Cli

open System
open System.Runtime.InteropServices
open System.Threading
open Evo.Core

/// Ctrl-C and SIGTERM ask for an end: the step under way is finished and the run saved. A second one leaves at once.
[<Sealed>]
type Stop() =
    let source = new CancellationTokenSource()
    let mutable asked = 0

    let ask (context: PosixSignalContext) =
        context.Cancel <- true

        if Interlocked.Increment(&asked) = 1 then
            source.Cancel()
        else
            Terminal.tell "evo: left at once; the last committed checkpoint stands"
            exit (int ExitCode.Killed)

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
