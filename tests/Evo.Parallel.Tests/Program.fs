/// The tests' entry point, and that of the child processes that some tests start and kill.
module Evo.Parallel.Tests.Program

open Xunit.Runner.InProc.SystemConsole

[<EntryPoint>]
let main arguments =
    match List.ofArray arguments with
    | [ "--child"; "save-forever"; folder ] -> KilledWriters.saveForever folder
    | [ "--child"; "train"; folder; steps ] -> KilledRuns.trainInChild folder (int steps)
    | [ "--child"; "rank"; what; folder; seconds ] -> RankPrograms.rank what folder (float seconds)
    | [ "--child"; "law"; folder ] -> LayoutPrograms.rank folder
    | "--child" :: "supervise" :: count :: rest -> RankPrograms.supervise (int count) rest
    | _ -> ConsoleRunner.Run(arguments).GetAwaiter().GetResult()
