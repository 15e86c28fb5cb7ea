/// The tests' entry point, and that of the child processes that some tests start and kill.
module Evo.Parallel.Tests.Program

open Evo.Core
open Xunit.Runner.InProc.SystemConsole

[<EntryPoint>]
let main arguments =
    match List.ofArray arguments with
    | [ "--child"; "save-forever"; folder ] -> KilledWriters.saveForever folder
    | [ "--child"; "save-some"; folder ] -> KilledWriters.saveSome folder
    | [ "--child"; "train"; folder; ranks; steps ] -> KilledRuns.trainInChild folder (int ranks) (int steps)
    | [ "--child"; "rank"; what; folder; seconds ] -> RankPrograms.rank what folder (float seconds)
    | [ "--child"; "train-rank"; folder; steps ] -> KilledRanks.trainRank folder (int steps)
    | [ "--child"; "train-ranks"; folder; steps ] ->
        RankPrograms.supervise
            { LaunchFlags.None with
                Nproc = Some KilledRanks.ranks
            }
            [ "train-rank"; folder; steps ]
    | [ "--child"; "law"; folder ] -> LayoutPrograms.rank folder
    | "--child" :: "supervise" :: count :: rest ->
        RankPrograms.supervise
            { LaunchFlags.None with
                Nproc = Some(int count)
            }
            ("rank" :: rest)
    | "--child" :: "host" :: place :: rest ->
        RankPrograms.supervise
            { LaunchFlags.None with
                Nproc = Some 2
                Nnodes = Some 2
                NodeRank = Some(int place)
                MasterAddr = Some "10.77.0.1"
            }
            ("rank" :: rest)
    | _ -> ConsoleRunner.Run(arguments).GetAwaiter().GetResult()
