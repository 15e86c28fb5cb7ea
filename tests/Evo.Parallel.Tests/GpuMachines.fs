/// What can be seen of GPUs where there is none: the native side compiles for them, and bench/gpu does all of its work on a processor,
/// from a package that lies outside of the checkout. Where they cannot be had they are skipped with the reason.
module Evo.Parallel.Tests.GpuMachines

open System
open System.IO
open System.Text.Json
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.RunningPrograms
open Xunit

let private root =
    Path.GetDirectoryName(Path.GetDirectoryName(script "style")) |> nonNull

let private bench (name: string) = Path.Combine(root, "bench", name)

[<Fact; Trait("Category", "Machine")>]
let ``kernels, attention, memory counters and NCCL compile with CUDA, and the library loads`` () =
    use program = new Program([ script "cuda-here" ], [])
    endOrSkip 2300.0 program

    for part in [ "kernels"; "attention"; "memory counters"; "graphs"; "Gloo"; "NCCL" ] do
        Assert.Contains($"\n{part}: yes", program.Text)

/// A python3 that has torch, as bench/gpu looks for one; else the test is skipped.
let private needTorch () =
    let has (python: string) =
        try
            use program = new Program([ python; "-c"; "import torch" ], [])
            program.End 100.0 = 0
        with :? ComponentModel.Win32Exception ->
            false

    Assert.SkipUnless(
        List.exists has [ "python3"; "/usr/bin/python3" ],
        "no python3 here has torch (python3-torch)"
    )

[<Fact; Trait("Category", "Machine")>]
let ``the benchmark for GPUs goes in a package under 60 MB to a folder with nothing else, builds, checks and trains as PyTorch does``
    ()
    =
    needTorch ()
    use folder = new TemporaryFolder()
    let packed, there = folder.File "packed", folder.File "over there"

    let run seconds words =
        let program =
            new Program(words, [ "DOTNET_ROOT", "/nonexistent"; "LC_ALL", "C.UTF-8" ], folder.Path)

        program.End seconds, program

    let pack more =
        use program = new Program([ bench "gpu"; "--pack"; packed ] @ more, [])
        program.End 900.0, program.Text

    let code, said = pack []
    Assert.True((code = 0), said)
    let files = Directory.GetFiles(packed, "*", SearchOption.AllDirectories)
    Assert.InRange(files |> Array.sumBy (fun file -> FileInfo(file).Length), 1_000_000L, 60_000_000L)

    // One that is too large is not let out.
    let code, said = pack [ "1000000" ]
    Assert.Equal(1, code)
    Assert.Contains("it may have 1000000", said)

    Directory.Move(packed, there)

    let code, program =
        run
            1300.0
            [
                Path.Combine(there, "run")
                "--device"
                "cpu"
                "--json"
                "--minutes"
                "20"
                "--turn-seconds"
                "0.2"
                "--case"
                "tiny/64"
                "--case"
                "tiny-bf16/64"
                "--case"
                "tiny-gpt2/64"
            ]

    use program = program
    Assert.True((code = 0), program.Text)

    let objects =
        [
            for line in program.Lines do
                if line.Text.StartsWith '{' then
                    JsonDocument.Parse(line.Text).RootElement
        ]

    let head, cases = objects.Head, objects.Tail
    Assert.NotEqual<string>("", nonNull (head.GetProperty("commit").GetString()))
    Assert.Contains("--device cpu --json", head.GetProperty("command").GetString())
    let operators = head.GetProperty "operators"
    Assert.True(operators.GetProperty("checked").GetInt32() > 40, string operators)
    Assert.Equal(0, operators.GetProperty("wrong").GetArrayLength())

    Assert.Equal<string list>(
        [ "tiny/64"; "tiny-bf16/64"; "tiny-gpt2/64" ],
        [ for case in cases -> string (case.GetProperty("case").GetString()) ]
    )

    for case in cases do
        Assert.True(case.GetProperty("losses_agree").GetBoolean(), string case)

        for contender in case.GetProperty("contenders").EnumerateArray() do
            match contender.GetProperty("name").GetString() with
            | "evo"
            | "eager" ->
                for figure in [ "tokens_per_s"; "tflops"; "model_tflops"; "peak_gib" ] do
                    Assert.True(contender.GetProperty(figure).GetDouble() > 0.0, $"{figure}: {contender}")
            | other ->
                // Other ways of PyTorch are there, or their absence has a reason.
                let works, _ = contender.TryGetProperty "tokens_per_s"
                let problem = contender.GetProperty("problem").GetString()
                Assert.True(works || not (String.IsNullOrEmpty problem), $"{other}: {contender}")

[<Fact>]
let ``contenders that have no room beside one another follow, and those that have none at all are told`` () =
    let program =
        """
import sys
sys.path.insert(0, sys.argv[1])
from types import SimpleNamespace as Entry
from gpu_cases import groups

def tried(room, *pairs):
    entries = [Entry(place=i, needs=needs, least=least, group=None, problem=None) for i, (needs, least) in enumerate(pairs)]
    together = groups(entries, room)
    print([[e.place for e in group] for group in together], [e.group for e in entries], [bool(e.problem) for e in entries])

tried(None, (80, 80), (90, 70), (90, 70))
tried(100, (30, 30), (30, 20), (30, 20), (30, 20))
tried(100, (80, 80), (90, 70), (120, 70))
tried(100, (98, 98), (120, 90), (10, 10))
"""

    use program =
        new Program([ "python3"; "-c"; program; root + "/bench" ], [ "PYTHONDONTWRITEBYTECODE", "1" ])

    Assert.True((program.End 60.0 = 0), program.Text)

    Assert.Equal<string list>(
        [
            "[[0, 1, 2]] [1, 1, 1] [False, False, False]"
            "[[0, 1, 2], [3]] [1, 1, 1, 2] [False, False, False, False]"
            "[[0], [1], [2]] [1, 2, 3] [False, False, False]"
            "[[1], [2]] [None, 1, 2] [True, False, False]"
        ],
        [ for line in program.Lines -> line.Text ]
    )
