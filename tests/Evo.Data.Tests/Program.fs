/// The tests' entry point, and that of the child process that a test starts and kills.
module Evo.Data.Tests.Program

open Xunit.Runner.InProc.SystemConsole

[<EntryPoint>]
let main arguments =
    match List.ofArray arguments with
    | [ "--child"; "tokenize"; input; output ] -> Tokenizing.inChild input output
    | _ -> ConsoleRunner.Run(arguments).GetAwaiter().GetResult()
