/// What can be seen of GPUs where there is none: the native side compiles for them, and bench/gpu does all of its work on a processor,
/// from a package that lies outside of the checkout. Where they cannot be had they are skipped with the reason.
module Evo.Parallel.Tests.GpuMachines

open System
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.RunningPrograms
open Xunit

let private root =
    Path.GetDirectoryName(Path.GetDirectoryName(script "style")) |> nonNull

let private bench (name: string) = Path.Combine(root, "bench", name)

[<Fact; Trait("Category", "Machine")>]
let ``kernels, flash attention, memory counters and NCCL compile with CUDA, and the library loads`` () =
    use program = new Program([ script "cuda-here" ], [])
    endOrSkip 2300.0 program

    for part in [ "kernels"; "flash attention"; "memory counters"; "graphs"; "Gloo"; "NCCL" ] do
        Assert.Contains($"\n{part}: yes", program.Text)

[<Fact; Trait("Category", "Machine")>]
let ``kernels for GPUs, run on the processor, pass the tests of kernels`` () =
    use program = new Program([ script "cuda-on-cpu" ], [])
    Assert.True((program.End 1500.0 = 0), program.Text)

    let tests =
        Regex.Match(program.Text, "Total: (\\d+), Errors: 0, Failed: 0, Skipped: 0,")

    Assert.True(tests.Success && int tests.Groups[1].Value >= 40, program.Text)

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
                "--profile"
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
    Assert.Contains("--device cpu --json --profile", head.GetProperty("command").GetString())
    let operators = head.GetProperty "operators"
    Assert.True(operators.GetProperty("checked").GetInt32() > 40, string operators)
    Assert.Equal(0, operators.GetProperty("wrong").GetArrayLength())

    // Where PyTorch has torch.compile, every case but that by layer was compiled ahead or its absence has a reason.
    let ahead = head.GetProperty "compiled_ahead"

    if head.GetProperty("machine").GetProperty("compile").GetBoolean() then
        let ready = ahead.GetProperty("ready").GetArrayLength()

        let reasons =
            [
                for other in ahead.GetProperty("not").EnumerateObject() -> string (other.Value.GetString())
            ]

        Assert.Equal(2, ready + reasons.Length)
        Assert.DoesNotContain("", reasons)
    else
        Assert.Equal(JsonValueKind.Null, ahead.ValueKind)

    Assert.Equal<string list>(
        [ "tiny/64"; "tiny-bf16/64"; "tiny-gpt2/64" ],
        [ for case in cases -> string (case.GetProperty("case").GetString()) ]
    )

    for case in cases do
        Assert.True(case.GetProperty("losses_agree").GetBoolean(), string case)

        for contender in case.GetProperty("contenders").EnumerateArray() do
            let profiled, profile = contender.TryGetProperty "profile"
            Assert.Equal((contender.GetProperty("name").GetString() = "evo"), profiled)

            if profiled then
                Assert.Contains(
                    "matrix products",
                    [
                        for kind in profile.GetProperty("kinds").EnumerateArray() ->
                            string (kind.GetProperty("name").GetString())
                    ]
                )

            Assert.InRange(contender.GetProperty("recompute").GetDouble(), 0.0, 1.0)

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

    // What was built serves a second call, which says so by the table.
    let code, program =
        run
            300.0
            [
                Path.Combine(there, "run")
                "--device"
                "cpu"
                "--built"
                "--profile"
                "--case"
                "tiny/64"
                "--only"
                "evo"
            ]

    use program = program
    Assert.True((code = 0), program.Text)
    Assert.DoesNotContain("built in", program.Text)
    Assert.Contains("one step of Evo, each operator waited for", program.Text)

/// What a Python program says that imports parts of bench/gpu.
let private says (program: string) =
    use program =
        new Program(
            [
                "python3"
                "-c"
                "import sys\nsys.path.insert(0, sys.argv[1])\n" + program
                root + "/bench"
            ],
            [ "PYTHONDONTWRITEBYTECODE", "1" ]
        )

    Assert.True((program.End 60.0 = 0), program.Text)
    [ for line in program.Lines -> line.Text ]

[<Fact>]
let ``contenders that have no room beside one another follow, and those that have none at all are told`` () =
    let said =
        says
            """
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

    Assert.Equal<string list>(
        [
            "[[0, 1, 2]] [1, 1, 1] [False, False, False]"
            "[[0, 1, 2], [3]] [1, 1, 1, 2] [False, False, False, False]"
            "[[0], [1], [2]] [1, 2, 3] [False, False, False]"
            "[[1], [2]] [None, 1, 2] [True, False, False]"
        ],
        said
    )

[<Fact>]
let ``the benchmark's models have as many weights as their makers say`` () =
    let said =
        says
            """
from gpu_cases import CASES, parameters
of = {case.name.split("/")[0]: parameters(case.config) for case in CASES if not case.small and not case.name.startswith("gpt2-124M/4")}
for name in sorted(of):
    print(name, of[name])
"""

    Assert.Equal<string list>(
        [
            "gpt2-124M 124439808"
            "llama-3-8B 8030261248"
            "qwen2.5-0.5B 494032768"
            "qwen2.5-1.5B 1543714304"
            "qwen2.5-7B 7615616512"
        ],
        said
    )

[<Fact>]
let ``what is compiled ahead begins in order as it has room; what has none alone begins alone`` () =
    let said =
        says
            """
from types import SimpleNamespace as Entry
from gpu_cases import admitted

def tried(room, most, running, *waiting):
    chosen = admitted([Entry(needs=needs) for needs in waiting], [Entry(needs=needs) for needs in running], room, most)
    print([entry.needs for entry in chosen])

tried(100, 5, [], 40, 50, 30, 40)
tried(100, 5, [40], 50, 30, 10)
tried(100, 2, [10], 10, 20)
tried(100, 5, [], 90, 10)
tried(100, 5, [10], 90)
tried(None, 3, [10], 90, 80, 70)
"""

    Assert.Equal<string list>([ "[40, 30]"; "[30, 10]"; "[10]"; "[90]"; "[]"; "[90, 80]" ], said)

[<Fact>]
let ``a contender that is not ready in time drops out, and the others have all their turns`` () =
    let said =
        says
            """
import os, tempfile, time
from types import SimpleNamespace as Entry
from gpu_contender import Contender
from gpu_run import turns

quick = '''
import json, sys
assert sys.stdin.readline() == "begin\\n"
print('{"version": "1"}', flush=True)
for line in sys.stdin:
    print(json.dumps({"seconds": 0.01 * int(line), "losses": [], "peak_bytes": 1}), flush=True)
'''
with tempfile.TemporaryDirectory() as folder:
    programs = [("evo", quick), ("compile", "import time; time.sleep(100)"), ("eager", quick)]
    group = [Contender(name, [sys.executable, "-c", text], None, 1, 1, os.path.join(folder, name)) for name, text in programs]
    turns(group, 10, Entry(turn_seconds=0.1, repeats=3, device="cpu", profile=False), time.monotonic() + 8)
    for c in group:
        print(c.name, len(c.rates), c.problem, c.process.returncode)
"""

    Assert.Equal<string list>(
        [
            "evo 3 None -9"
            "compile 0 no answer in the time that the case has -9"
            "eager 3 None -9"
        ],
        said
    )
