/// The tests' entry point, and that of the child process that one of them starts.
module Evo.Torch.Tests.Program

open Xunit.Runner.InProc.SystemConsole

[<EntryPoint>]
let main arguments =
    match List.ofArray arguments with
    | [ "--child"; "multiply"; seconds ] -> ProductSignals.multiply (float seconds)
    | _ -> ConsoleRunner.Run(arguments).GetAwaiter().GetResult()
