/// Ranks under Slurm, and on two hosts whose cable is cut. They need root; elsewhere they are skipped with the reason.
module Evo.Parallel.Tests.RankMachines

open System
open System.Diagnostics
open System.IO
open Evo.Core
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.RunningPrograms
open Xunit

[<Fact; Trait("Category", "Machine")>]
let ``four tasks of Slurm join one another and sum`` () =
    use folder = new TemporaryFolder()

    use program =
        new Program(
            script "slurm-here"
            :: "srun"
            :: "-n"
            :: "4"
            :: ownCommand [ "rank"; "sum"; folder.Path; "60" ],
            []
        )

    endOrSkip 400.0 program

    for rank in 0..3 do
        Assert.Contains($"rank {rank} of 4 has [80.0; 112.0; 144.0]", program.Text)

[<Fact; Trait("Category", "Machine")>]
let ``when the cable between two hosts is cut every rank ends in time and says what it knows`` () =
    use folder = new TemporaryFolder()
    use hosts = new TwoHosts()

    let host name place =
        new Program(hosts.On(name, ownCommand [ "host"; place; "forever"; folder.Path; "120" ]), [])

    use first = host "a" "0"
    use second = host "b" "1"

    for program, line in
        [
            first, "under way"
            first, "[1] under way"
            second, "[2] under way"
            second, "[3] under way"
        ] do
        program.Await(line, 90.0) |> ignore

    let clock = Stopwatch.StartNew()
    hosts.Cut()

    for program in [ first; second ] do
        Assert.Equal(int ExitCode.RankFault, program.End 60.0)

    /// The one line in which a rank says with these words how it ends.
    let said (program: Program) (rank: int) (words: string) =
        let lines =
            program.Lines
            |> List.map _.Text
            |> List.filter (fun text ->
                text.Contains "evo: " && text.Contains $"rank {rank} " && text.Contains words)

        Assert.True((lines.Length = 1), $"rank {rank}, '{words}': {lines.Length} lines of {program.Text}")
        lines.Head

    // On the host of the store the two that are cut off are silent; on the other the store is.
    for rank in 0..1 do
        let line = said first rank $"rank {rank} ends at step "

        Assert.Contains(
            "ranks 2, 3 gave no sign of life for 7 s (killed, suspended, or cut off): rank 2 was last seen at step ",
            line
        )

        Assert.Contains(", in all-", line)

    for rank in 2..3 do
        let line = said second rank "has had no answer for"

        Assert.Contains(
            "from the store of the run at 10.77.0.1:29500: its host, or the network between, is gone",
            line
        )

        Assert.Matches($"rank {rank} ends at step \\d+, in all-", line)

    let last = [ first; second ] |> List.collect _.Lines |> List.map _.Text

    Assert.True(
        clock.Elapsed.TotalSeconds < 15.0,
        $"the last rank ended {clock.Elapsed.TotalSeconds} s after the cut: {last}"
    )
