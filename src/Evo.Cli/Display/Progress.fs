/// One line of progress on long work: redrawn in place on a terminal, a plain line every few seconds otherwise.
namespace Evo.Cli

open System
open System.Diagnostics

/// Shows how far a piece of work is. Reports may come from any thread.
[<Sealed>]
type Progress(title: string) =
    let clock = Stopwatch.StartNew()

    let live =
        not Console.IsErrorRedirected
        && Environment.GetEnvironmentVariable "TERM" <> "dumb"

    let gate = obj ()
    // A terminal is redrawn ten times a second; a log gets a line every five seconds.
    let interval = if live then 0.1 else 5.0
    let mutable shown = if live then -1.0 else 0.0

    // Where the first report found the work: what an earlier run has done says nothing about the speed of this one.
    let mutable first = None

    let left (fraction: float) =
        let elapsed = clock.Elapsed.TotalSeconds

        match first with
        | None ->
            first <- Some(fraction, elapsed)
            ""
        | Some(start, at) when fraction - start > 0.02 && fraction < 1.0 ->
            $", {Terminal.duration ((elapsed - at) * (1.0 - fraction) / (fraction - start))} left"
        | Some _ -> ""

    /// Seconds since the work began.
    member _.Seconds = clock.Elapsed.TotalSeconds

    /// A fraction from 0 to 1 is done; `detail` says how much of what, and how fast.
    member _.Report(fraction: float, detail: string) =
        lock gate (fun () ->
            let now = clock.Elapsed.TotalSeconds
            let left = left fraction

            if now - shown >= interval then
                shown <- now
                let percent = (100.0 * fraction).ToString("0").PadLeft 3
                let line = $"{title}  {percent} %%  {detail}{left}"

                if live then
                    Console.Error.Write("\r\x1b[2K" + line)
                else
                    Console.Error.WriteLine line)

    /// The work is done; one line stays.
    member _.Finish(result: string) =
        lock gate (fun () ->
            let start = if live then "\r\x1b[2K" else ""

            Console.Error.WriteLine
                $"{start}{title}  {result} in {Terminal.duration clock.Elapsed.TotalSeconds}")

/// Takes progress of C# rooms and reports it at once, on the thread that works.
[<Sealed>]
type Each<'T>(act: 'T -> unit) =
    interface IProgress<'T> with
        member _.Report value = act value
