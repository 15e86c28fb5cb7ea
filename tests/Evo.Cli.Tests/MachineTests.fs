/// Training under Slurm, and on two hosts whose cable is cut. They need root; elsewhere they are skipped with the reason.
module Evo.Cli.Tests.MachineTests

open System
open System.Diagnostics
open System.IO
open Evo.Core
open Evo.Parallel.Tests.RunningPrograms
open Xunit
open Evo.Cli.Tests.BrokenRuns
open Evo.Cli.Tests.RankTests

[<Fact; Trait("Category", "Machine")>]
let ``four tasks of Slurm train to the losses of one process`` () =
    use folder = TrainTests.world ()
    let alone = figures folder (sets [ "job_name=alone" ])

    use program =
        start
            folder
            ([ script "slurm-here"; "srun"; "-n"; "4"; Path.Combine(Command.root, "evo") ]
             @ threeSteps
             @ layout)

    endOrSkip 550.0 program

    let spread =
        program.Lines
        |> List.map _.Text
        |> List.filter (fun line -> line.StartsWith '{')
        |> String.concat "\n"
        |> figuresOf

    tell $"losses and norms of one process: %A{alone}"
    tell $"of four tasks: %A{spread}"
    close "steps" (fst alone) (fst spread)
    close "held out" (snd alone) (snd spread)

[<Fact; Trait("Category", "Machine")>]
let ``when the cable between two hosts is cut in the middle every rank says so and ends, and the run resumes on two hosts and on one rank``
    ()
    =
    use folder = TrainTests.world ()
    use hosts = new TwoHosts()

    let whole, broken, alone =
        folder.File "whole", folder.File "broken", folder.File "alone"

    complete folder (training whole @ layout @ [ "--nproc"; "4" ]) |> ignore

    let host name place =
        let place =
            [
                "--nproc"
                "2"
                "--nnodes"
                "2"
                "--node-rank"
                place
                "--master-addr"
                "10.77.0.1"
            ]

        start folder (hosts.On(name, evo @ training broken @ layout @ place))

    let breakIt () =
        use first = host "a" "0"
        use second = host "b" "1"
        awaitStep 1 first
        let ranks = processes broken
        Assert.Equal<int list>([ 0..3 ], List.map fst ranks)
        awaitStep 10 first
        let clock = Stopwatch.StartNew()
        hosts.Cut()

        endInTime
            clock
            ([ "the command on host 0", first.Id; "the command on host 1", second.Id ]
             @ [ for rank, id in ranks -> $"rank {rank}", id ])

        for program in [ first; second ] do
            Assert.Equal(int ExitCode.RankFault, program.End 60.0)

        // On the host of the store the ranks of the other are silent; there the store is, and the ranks beside it.
        for rank in 0..3 do
            let words, gone =
                if rank < 2 then
                    @"ranks 2, 3 gave no sign of life for 7 s \(killed, suspended, or cut off\)", [ 2; 3 ]
                else
                    $@"rank {rank} has had no answer for [0-9.]+ s from the store of the run at 10\.77\.0\.1:29500: its host, or the network between, is gone, and with it ranks 0, 1",
                    [ 0; 1 ]

            let seen =
                [
                    for other in gone ->
                        $@"rank {other} was last seen at step \d+, (in|after) [a-z]+.* site .*"
                ]
                |> String.concat "; "

            Assert.Matches(
                $@"evo: {words}: {seen}; rank {rank} ends at step \d+, in [a-z]+.* site ",
                said rank [ first; second ]
            )

            Assert.Matches(words, flight broken rank)

    breakIt ()

    // When the cable is mended the two hosts go on; one rank goes on from a copy of what was left.
    use copied = new Program([ "cp"; "-a"; broken; alone ], [])
    endOrSkip 60.0 copied
    hosts.Join()
    use first = host "a" "0"
    use second = host "b" "1"

    for program in [ first; second ] do
        Assert.True((program.End 300.0 = 0), program.Text)

    Assert.Contains("resumed after step ", first.Text)
    tell $"losses that nothing broke: %A{fst (metrics whole)}"
    tell $"resumed on two hosts: %A{fst (metrics broken)}"
    Assert.Equal(metrics whole, metrics broken)
    Assert.Contains("resumed after step ", complete folder (training alone))
    let losses, norms = metrics whole
    let ownLosses, ownNorms = metrics alone
    tell $"resumed on one rank: %A{ownLosses}"
    close "losses" losses ownLosses
    close "norms" norms ownNorms
