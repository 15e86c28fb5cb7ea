/// Ranks that are processes: joined by who starts them, or by the variables of torchrun; and what ends them.
module Evo.Parallel.Tests.RankProcesses

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open System.Net
open System.Net.Sockets
open System.Text.Json
open Evo.Core
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.RunningPrograms
open Evo.Torch
open Xunit

let private supervised count what folder seconds =
    new Program(ownCommand [ "supervise"; string count; what; folder; string (seconds: float) ], [])

/// What a rank wrote: rank 0's lines have nothing before them.
let private ofRank rank (program: Program) =
    program.Lines
    |> List.filter (fun line ->
        if rank = 0 then
            line.Text.StartsWith "evo: " && line.Text.Contains "rank 0 ends"
        else
            line.Text.StartsWith $"[{rank}] evo: ")

/// Each of the others has said one thing, in time, with these words.
let private othersSaid (words: string list) others (program: Program) =
    let began = program.Lines |> List.find (fun line -> line.Text.Contains "misbehaves")

    for rank in others do
        let said = ofRank rank program
        let line = Assert.Single said

        for word in words do
            Assert.True(line.Text.Contains word, $"rank {rank} said: {line.Text}\nand not: {word}")

        Assert.Contains($"rank {rank} ends at step 5, ", line.Text)
        Assert.InRange((line.At - began.At).TotalSeconds, 0.0, 15.0)

let private flightOf folder rank =
    JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "flight", $"rank-{rank}.json"))).RootElement

[<Fact>]
let ``nproc starts the ranks, joins them, and puts their number before their lines`` () =
    use folder = new TemporaryFolder()
    use program = supervised 4 "sum" folder.Path 60.0
    Assert.Equal(0, program.End 90.0)
    let said = program.Lines |> List.map _.Text |> List.sort
    // Step n: 4 × (Σ rank + 4n), and the same again.
    let sums = "has [80.0; 112.0; 144.0]"

    Assert.Equal<string list>(
        [
            $"[1] rank 1 of 4 {sums}"
            $"[2] rank 2 of 4 {sums}"
            $"[3] rank 3 of 4 {sums}"
            $"rank 0 of 4 {sums}"
        ],
        said
    )

    Assert.False(
        Directory.Exists(Path.Combine(folder.Path, "flight")),
        "a flight record of a run that went well"
    )

[<Fact>]
let ``a rank that is killed is named by all others, with the step and the collective`` () =
    use folder = new TemporaryFolder()
    use program = supervised 4 "kill" folder.Path 60.0
    Assert.Equal(128 + 9, program.End 90.0)

    program
    |> othersSaid
        [
            "rank 2 was killed by signal 9 (SIGKILL), last seen at step"
            "all-gather (dim 0) of float32 [4], site 2 forward, axis data"
        ]
        [ 0; 1; 3 ]

    for rank in [ 0; 1; 3 ] do
        let flight = flightOf folder.Path rank
        Assert.Equal(5L, flight.GetProperty("step").GetInt64())
        Assert.Contains("rank 2 was killed", flight.GetProperty("fault").GetString())
        let calls = flight.GetProperty("calls").EnumerateArray() |> List.ofSeq
        Assert.Equal(3 * 4 + 2, calls.Length)
        let last = List.last calls
        Assert.Equal("AllGather", last.GetProperty("operation").GetString())
        Assert.Equal("data [0, 1, 2, 3]", last.GetProperty("series").GetString())
        Assert.NotEqual<string>("Done", nonNull (last.GetProperty("state").GetString()))
        Assert.Equal("Done", calls.Head.GetProperty("state").GetString())

[<Fact>]
let ``a message from a rank whose connection is closed already ends with its name`` () =
    use folder = new TemporaryFolder()
    use program = supervised 3 "kill, receive" folder.Path 60.0
    Assert.Equal(128 + 9, program.End 90.0)

    program
    |> othersSaid
        [
            "rank 2 was killed by signal 9 (SIGKILL)"
            "receive (from 2) of float32 [4], site 4"
        ]
        [ 0; 1 ]

[<Fact>]
let ``a rank that is suspended is named by its silence`` () =
    use folder = new TemporaryFolder()
    use program = supervised 3 "suspend" folder.Path 60.0
    Assert.Equal(int ExitCode.RankFault, program.End 90.0)

    program
    |> othersSaid
        [
            "rank 2 gave no sign of life for 7 s (killed, suspended, or cut off): rank 2 was last seen"
        ]
        [ 0; 1 ]

[<Fact>]
let ``a rank that throws is quoted, and its exit code is the run's`` () =
    use folder = new TemporaryFolder()
    use program = supervised 3 "throw" folder.Path 60.0
    Assert.Equal(int ExitCode.Defect, program.End 90.0)

    program
    |> othersSaid
        [
            "rank 2 failed at step 5, after all-reduce (sum) of float32 [4], site 3 forward, axis data: TimeoutException: the disk is gone"
        ]
        [ 0; 1 ]

[<Fact>]
let ``a rank that hangs is named when the time limit is over, and is ended, too`` () =
    use folder = new TemporaryFolder()
    use program = supervised 3 "hang" folder.Path 5.0
    Assert.Equal(int ExitCode.RankFault, program.End 90.0)

    program |> othersSaid [ "rank 2 is at step 5, after all-reduce" ] [ 0; 1 ]

    // Two collectives wait for it, one of them begun in the backward: whichever has waited for the time limit first is named.
    let waiting =
        @"rank 2 hangs: the others have waited for 5 s at step 5, in (all-gather \(dim 0\) of float32 \[4\], site 2 forward|all-reduce \(sum\) of float32 \[4\], site 1 backward), axis data;"

    for rank in [ 0; 1 ] do
        Assert.Matches(waiting, (Assert.Single(ofRank rank program)).Text)

[<Fact>]
let ``a rank that ends with an exit code of its own, or leaves, is named`` () =
    use folder = new TemporaryFolder()
    use ended = supervised 3 "exit" folder.Path 60.0
    Assert.Equal(9, ended.End 90.0)

    ended
    |> othersSaid [ "rank 2 ended with exit code 9, last seen at step" ] [ 0; 1 ]

    use left = supervised 3 "leave" folder.Path 60.0
    Assert.Equal(int ExitCode.RankFault, left.End 90.0)
    left |> othersSaid [ "rank 2 left while rank" ] [ 0; 1 ]

[<Fact>]
let ``a signal is forwarded to all ranks, which end by themselves`` () =
    use folder = new TemporaryFolder()
    use program = supervised 3 "signals" folder.Path 60.0

    for prefix in [ "ready"; "[1] ready"; "[2] ready" ] do
        program.Await(prefix, 60.0) |> ignore

    ProcessSignal.Send(program.Id, ProcessSignal.Terminate) |> ignore
    Assert.Equal(int ExitCode.Stopped, program.End 60.0)
    Assert.Contains("[2] asked to end", program.Text)

let private freePort () =
    use listener = new TcpListener(IPAddress.Loopback, 0)
    listener.Start()
    (listener.LocalEndpoint :?> IPEndPoint).Port

/// Ranks as torchrun or another tool starts them: nobody minds them, and rank 0 serves the store.
let private byVariables count what folder seconds =
    let port = freePort ()

    [
        for rank in 0 .. count - 1 ->
            new Program(
                ownCommand [ "rank"; what; folder; string (seconds: float) ],
                [
                    "RANK", string rank
                    "WORLD_SIZE", string count
                    "LOCAL_RANK", string rank
                    "MASTER_ADDR", "127.0.0.1"
                    "MASTER_PORT", string port
                ]
            )
    ]

let private endAll (programs: Program list) =
    for program in programs do
        (program :> IDisposable).Dispose()

[<Fact>]
let ``the variables of torchrun join the ranks`` () =
    use folder = new TemporaryFolder()
    let programs = byVariables 3 "sum" folder.Path 60.0

    try
        for rank, program in List.indexed programs do
            Assert.Equal(0, program.End 90.0)
            Assert.Contains($"rank {rank} of 3 has [48.0; 72.0; 96.0]", program.Text)
    finally
        endAll programs

[<Theory; InlineData 1; InlineData 0>]
let ``without anybody who minds them a killed rank is named by the others, the one that serves the store included``
    killed
    =
    use folder = new TemporaryFolder()
    let programs = byVariables 3 "forever" folder.Path 60.0

    try
        for program in programs do
            program.Await("under way", 90.0) |> ignore

        // By then every rank has looked at the others.
        System.Threading.Thread.Sleep 1500
        let clock = Stopwatch.StartNew()
        ProcessSignal.Send(programs[killed].Id, ProcessSignal.Kill) |> ignore

        for rank in 0..2 do
            if rank <> killed then
                Assert.Equal(int ExitCode.RankFault, programs[rank].End 30.0)
                Assert.InRange(clock.Elapsed.TotalSeconds, 0.0, 15.0)

                let said =
                    Assert.Single(
                        programs[rank].Lines |> List.filter (fun line -> line.Text.StartsWith "evo: ")
                    )

                Assert.Contains(
                    (if killed = 0 then
                         "evo: rank 0, which serves the store of the run at 127.0.0.1:"
                     else
                         "evo: rank 1 gave no sign of life for 7 s"),
                    said.Text
                )

                for words in
                    [
                        $"rank {killed} was last seen at step \\d+, (in|after) all-"
                        $"rank {rank} ends at step \\d+, in all-"
                    ] do
                    Assert.True(Regex.IsMatch(said.Text, words), $"{words}: {said.Text}")
    finally
        endAll programs
