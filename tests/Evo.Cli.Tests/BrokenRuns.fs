/// Training by several ranks that something breaks: how it is started, when each rank ends, what it says and leaves behind.
module Evo.Cli.Tests.BrokenRuns

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open System.Threading
open Evo.Parallel.Tests.RunningPrograms
open Xunit
open Evo.Cli.Tests.Command
open Evo.Cli.Tests.RankTests

/// The command, for programs that start it.
let evo = [ "dotnet"; Path.Combine(AppContext.BaseDirectory, "evo.dll") ]

let private steps = 30

/// A run of some seconds in a folder, given in full, that saves every few steps.
let training (run: string) =
    [ "train"; "run.json"; "--run-dir"; run ]
    @ sets
        [
            "data.rows_per_step=4"
            $"data.total_steps={steps}"
            "data.valid_every=0"
            "ckpt.checkpoint_every=4"
            "prepare.baselines=false"
            "train.sample_prompt=null"
        ]

/// Four ranks: two hold each layer's tensors together, twice.
let layout = sets [ "parallel.tensor.size=2"; "parallel.tensor.mode=msp" ]

/// Starts a command of `evo` in a folder, or a command that starts it. The number of threads, which changes the order of sums, is one.
let start (folder: Folder) (command: string list) =
    new Program(command, [ "OMP_NUM_THREADS", "1" ], folder.Path)

/// Waits until a step is done.
let awaitStep (step: int) (program: Program) =
    program.Await($"step {step}/{steps}", 120.0) |> ignore

/// Runs it to its end.
let complete (folder: Folder) (arguments: string list) =
    use program = start folder (evo @ arguments)
    let code = program.End 300.0
    Assert.True((code = 0), program.Text)
    program.Text

/// Losses and gradient norms of all steps, as the run folder has them.
let metrics (run: string) =
    let lines =
        File.ReadAllLines(Path.Combine(run, "metrics.jsonl"))
        |> Array.map (fun line -> JsonDocument.Parse(line).RootElement)
        |> List.ofArray

    Assert.Equal<int64 list>(
        [ 1L .. int64 steps ],
        [ for line in lines -> line.GetProperty("batch_count").GetInt64() ]
    )

    [ for line in lines -> line.GetProperty("loss").GetDouble() ],
    [ for line in lines -> line.GetProperty("grad_norm").GetDouble() ]

// What the system says of a process; "" when it is gone.
let private read (id: int) (what: string) =
    try
        File.ReadAllText $"/proc/{id}/{what}"
    with
    | :? IOException
    | :? UnauthorizedAccessException -> ""

/// The processes of the ranks that train in a run folder, by rank.
let processes (run: string) =
    [
        for path in Directory.GetDirectories "/proc" do
            match Int32.TryParse(Path.GetFileName path) with
            | true, id when (read id "cmdline").Contains run ->
                for variable in (read id "environ").Split '\000' do
                    if variable.StartsWith "RANK=" then
                        int (variable.Substring 5), id
            | _ -> ()
    ]
    |> List.sort

/// A line for the test's report.
let tell (line: string) =
    TestContext.Current.TestOutputHelper
    |> Option.ofObj
    |> Option.iter (fun output -> output.WriteLine line)

/// Waits until processes are gone, which have 15 seconds from the start of a clock.
let endInTime (clock: Stopwatch) (processes: (string * int) list) =
    let gone (id: int) =
        let stat = read id "stat"
        stat = "" || stat.Contains ") Z "

    let rec wait (left: (string * int) list) (said: string list) =
        let ended, left = left |> List.partition (fun (_, id) -> gone id)

        let said =
            said
            @ [ for who, _ in ended -> $"{who} after {clock.Elapsed.TotalSeconds:F1} s" ]

        if not left.IsEmpty && clock.Elapsed.TotalSeconds < 60.0 then
            Thread.Sleep 50
            wait left said
        else
            said, left

    let said, left = wait processes []
    let seconds = clock.Elapsed.TotalSeconds
    let text = String.Join(", ", said)
    tell $"ended {text}"

    Assert.True(
        (left.IsEmpty && seconds <= 15.0),
        $"15 s after the fault some were there; ended {text}; left {left}"
    )

/// The one line that a rank wrote about the fault.
let said (rank: int) (programs: Program list) =
    let lines =
        programs
        |> List.collect _.Lines
        |> List.filter (fun line -> line.Text.Contains "evo: " && line.Text.Contains $"; rank {rank} ends ")

    let line = Assert.Single(lines).Text
    tell line
    line

/// What a rank has left in the run folder: the fault, and its last collectives, of which it waits in one at least.
let flight (run: string) (rank: int) =
    let page =
        JsonDocument.Parse(File.ReadAllText(Path.Combine(run, "flight", $"rank-{rank}.json"))).RootElement

    let calls = page.GetProperty("calls").EnumerateArray() |> List.ofSeq
    Assert.Contains(calls, fun call -> call.GetProperty("state").GetString() <> "Done")
    nonNull (page.GetProperty("fault").GetString())
