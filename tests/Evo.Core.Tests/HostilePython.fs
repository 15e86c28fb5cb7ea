/// Python texts that were made to take long, or that were damaged.
module Evo.Core.Tests.HostilePython

open System
open Xunit
open Evo.Core
open Evo.Core.Python
open Evo.Core.Tests.PythonTests

/// Texts that grow with every line, by every way in which something can.
let private growing: (string * string) list =
    [
        "text", "x = 'a'\n" + String.replicate 100 "x = x + x\n"
        "list", "x = [1]\n" + String.replicate 100 "x = x + x\n"
        "number", "x = 3\n" + String.replicate 100 "x = x * x\n"
        "shared dict", "x = dict(a=1)\n" + String.replicate 45 "x = dict(a=x, b=x)\n"
        "compared dict",
        "x = dict(a=1)\ny = dict(a=1)\n"
        + String.replicate 45 "x = dict(a=x, b=x)\ny = dict(a=y, b=y)\n"
        + "z = x == y\n"
        "copied text", "x = 'a' * 65536\n" + String.replicate 20000 "y = x + ''\n"
        "joined text", "x = ['a' * 65536]\n" + String.replicate 20000 "y = ''.join(x)\n"
        "extended list", "x = [1]\n" + String.replicate 100 "x.extend(x)\n"
        "updated dict",
        "x = dict("
        + String.Join(", ", [ for i in 1..5000 -> $"a{i}=1" ])
        + ")\n"
        + String.replicate 20000 "y = dict(x)\n"
        "texts in texts", "x = 'a' * 65536\n" + String.replicate 20000 "y = f'{x}'\n"
        "blocks in blocks", String.Join("", [ for i in 0..400 -> String(' ', i) + "if 1:\n" ])
        "brackets", "x = " + String('[', 500000)
        "signs", "x = " + String('-', 500000) + "1"
        "nots", "x = " + String.replicate 100000 "not " + "1"
        "powers", "x = " + String.replicate 100000 "2 ** " + "1"
        "members", "x = a" + String.replicate 100000 ".a"
        "lines", String('\n', 1 <<< 21)
    ]

[<Fact>]
let ``a text that grows without end is refused soon, and before it has taken much`` () =
    for name, text in growing do
        let clock = Diagnostics.Stopwatch.StartNew()
        let before = GC.GetAllocatedBytesForCurrentThread()

        match read text with
        | Ok _ -> Assert.Fail $"{name}: was read"
        | Error _ -> ()

        // Each takes less than a second where nothing else runs.
        let allocated = GC.GetAllocatedBytesForCurrentThread() - before
        Assert.True(allocated < 1_000_000_000L, $"{name}: allocated {allocated} bytes")
        Assert.True(clock.Elapsed.TotalSeconds < 120.0, $"{name}: took {clock.Elapsed}")

/// A configuration, to be damaged.
let private sound =
    "import os\nwith read_base():\n    from a import *\nJOB = 'x'\nSIZE = 2**10 - 8 / 3 // 2 % 5\n"
    + "data = dict(\n    seq_len=SIZE, name=f\"run-{JOB!r:>10}-{SIZE:.3f}\", t=('model',), # c\n"
    + "    folder=os.path.join(os.environ['HOST'], 'a' \"b\"),)\n"
    + "if not data['t'] is None and 1 < 2 <= 3 or data.seq_len in [1, -2]:\n    data.update({**data, 'k': {1, 2}})\n"
    + "else:\n  y = '''a\nb''' + '%s %04d' % ('a', 3)\nx = data.get('k') if data else [None, True, 0x1f, 1_0.5e-3]\n"

let private pieces =
    [|
        "("
        ")"
        "["
        "]"
        "{"
        "}"
        "'"
        "\""
        "'''"
        "f'{"
        "}'"
        "\\"
        "\n"
        "\n    "
        "\t"
        " "
        ":"
        "="
        "**"
        "*"
        "//"
        "%"
        "not "
        "in "
        "is "
        "if "
        "else "
        "lambda "
        "for "
        "import "
        "from . "
        "with read_base():\n"
        "x"
        "data"
        "dict("
        "list("
        "1"
        "9"
        "1e9"
        "0x"
        "1_"
        "None"
        "\000"
        "\uD800"
        "😀"
        "é"
        "!r"
        ":>9"
        "@"
        "$"
        ";"
        ","
        "."
        "..."
        "{{"
        "}}"
        "%("
        "x = x * 9\n"
        ".update(x)"
        ".append(x)"
        "[x]"
        "-"
        "~"
        "<<"
    |]

let private fuzz count =
    let random = Random 20240328
    let files = [ "a.py", "x = [1]\n"; "b.py", "from run import *\n" ]
    let around = world files [ "HOST", "h" ]
    let mutable read = 0

    let damaged () =
        let text = Text.StringBuilder sound

        for _ in 0 .. random.Next 6 do
            let at = random.Next(text.Length + 1)
            let piece = pieces[random.Next pieces.Length]

            match random.Next 4 with
            | 0 -> text.Insert(at, piece) |> ignore
            | 1 -> text.Remove(at, min (random.Next 12) (text.Length - at)) |> ignore
            | 2 when at < text.Length -> text[at] <- char (random.Next 256)
            | _ ->
                let from = random.Next text.Length
                let copied = text.ToString(from, min (random.Next 60) (text.Length - from))
                text.Insert(at, copied) |> ignore

        text.ToString()

    let made () =
        String.Join("", [ for _ in 0 .. random.Next 40 -> pieces[random.Next pieces.Length] ])

    for i in 1..count do
        let text = if i % 4 = 0 then made () else damaged ()
        let before = GC.GetAllocatedBytesForCurrentThread()

        match PythonConfig.read around "run.py" text with
        | Ok json ->
            read <- read + 1
            Json.compact json |> ignore
        | Error problem ->
            Assert.True(problem.Place.Line >= 1 && problem.Rule <> "", $"no place: {problem} of {text}")

        // The text has some hundred letters; what it may build is bounded by the largest text and list.
        let allocated = GC.GetAllocatedBytesForCurrentThread() - before
        Assert.True(allocated < 20_000_000L, $"{allocated} bytes for {text}")

    // Both kinds occur, so that neither side is only grazed.
    Assert.InRange(read, count / 100, count)

[<Fact>]
let ``damaged texts are read or refused: 5,000`` () = fuzz 5000

[<Fact; Trait("Category", "Full")>]
let ``damaged texts are read or refused: 100,000`` () = fuzz 100000
