/// What a Python text means: values, statements, files that import files, and what is refused where.
module Evo.Core.Tests.PythonTests

open System
open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Python
open Evo.Core.Tests.Properties

/// A world with some files and some variables of the environment.
let world files environment : PythonSurroundings =
    let files, environment = dict files, dict environment

    let find (known: Collections.Generic.IDictionary<string, string>) name =
        match known.TryGetValue name with
        | true, value -> Some value
        | _ -> None

    {
        Environment = find environment
        ReadFile = find files
    }

let read text =
    PythonConfig.read (world [] [ "HOST", "10.0.0.1" ]) "run.py" text

/// The value of `x` after a text, as JSON; or the problem.
let private x text =
    match read text with
    | Ok json -> Json.tryFind "x" json |> Option.map Json.compact |> Option.defaultValue "no x"
    | Error problem -> string problem

// ---- what is written is what is read

/// A value of JSON, and one way of writing it in Python.
let private values =
    let text =
        Gen.elements [ ""; "a"; "it's"; "say \"a\""; "{braces}"; "100%"; "back\\slash\n"; "日本" ]

    let leaf =
        Gen.oneof
            [
                Gen.constant (JNull, "None")
                Gen.map (fun b -> JBool b, (if b then "True" else "False")) (Gen.elements [ true; false ])
                Gen.map (fun n -> JNumber(string n), string n) (Gen.choose (-1000, 1000))
                Gen.map
                    (fun (n: int) ->
                        let value = float n / 64.0
                        JNumber(Json.number value), Json.number value + (if n % 64 = 0 then ".0" else ""))
                    (Gen.choose (-100000, 100000))
                Gen.map (fun t -> JString t, Json.quote t) text
            ]

    let rec value depth =
        if depth = 0 then
            leaf
        else
            let inner = value (depth - 1)
            let items = Gen.map (List.truncate 4) (Gen.listOf inner)
            let joined (items: string list) = String.Join(", ", items)
            let list = fun items -> JArray [ for value, _ in items -> Json.make value ]

            let entries =
                Gen.zip (Gen.elements [ "a"; "b"; "size" ]) inner
                |> Gen.listOf
                |> Gen.map (List.truncate 4 >> List.distinctBy fst)

            let dict entries =
                (Json.makeObject [ for name, (value, _) in entries -> name, Json.make value ]).Value

            Gen.oneof
                [
                    leaf
                    Gen.map (fun items -> list items, "[" + joined (List.map snd items) + "]") items
                    Gen.map (fun items -> list items, "(" + joined (List.map snd items) + ",)") items
                    |> Gen.filter (fun (_, text) -> text <> "(,)")
                    Gen.map
                        (fun entries ->
                            dict entries,
                            "dict(\n  "
                            + joined [ for name, (_, text) in entries -> $"{name}={text}" ]
                            + ")")
                        entries
                    Gen.map
                        (fun entries ->
                            dict entries,
                            "{" + joined [ for name, (_, text) in entries -> $"'{name}': {text}" ] + "}")
                        entries
                ]

    value 3

[<Fact>]
let ``a value is read as what it is, however it is written`` () =
    forAll values noShrink (fun (value, text) ->
        match read $"# a comment\nx = {text}  # another\n" with
        | Ok json ->
            Json.tryFind "x" json |> Option.map Json.forgetPlaces = Some(Json.forgetPlaces (Json.make value))
        | Error problem -> failwithf "%s refused: %O" text problem)

/// Arithmetic on small whole numbers, with what it comes to by the rules of Python.
let private arithmetic =
    let floorDivide (a: int64) (b: int64) = int64 (Math.Floor(float a / float b))

    let rec expression depth =
        if depth = 0 then
            Gen.map (fun n -> string n, int64 n) (Gen.choose (0, 20))
        else
            let inner = expression (depth - 1)

            gen {
                let! (left, a), (right, b) = Gen.zip inner inner

                match! Gen.choose (0, 6) with
                | 0 -> return $"({left} + {right})", a + b
                | 1 -> return $"({left} - {right})", a - b
                | 2 -> return $"({left}) * ({right})", a * b
                | 3 when b <> 0L -> return $"(({left}) // ({right}))", floorDivide a b
                | 4 when b <> 0L -> return $"(({left}) %% ({right}))", a - floorDivide a b * b
                | 5 -> return $"({left} if {right} else -{right})", (if b <> 0L then a else 0L)
                | _ -> return $"-({left})", -a
            }

    expression 3

[<Fact>]
let ``whole numbers are computed as Python computes them`` () =
    forAll arithmetic noShrink (fun (text, value) -> x $"x = {text}" = string value)

[<Theory>]
[<InlineData("8 / 3", "2.6666666666666665")>]
[<InlineData("4 / 2", "2")>]
[<InlineData("512 * 1024 * 1024", "536870912")>]
[<InlineData("2**16", "65536")>]
[<InlineData("-2**2", "-4")>]
[<InlineData("2**-1", "0.5")>]
[<InlineData("2**3**2", "512")>]
[<InlineData("-7 // 2, -7 % 2, 7 // -2, 7.5 // 2", "[-4, 1, -4, 3]")>]
[<InlineData("1 + 2 * 3 - 4", "3")>]
[<InlineData("1_000_000, 0x10, 1e-4, .5, 1.", "[1000000, 16, 0.0001, 0.5, 1]")>]
[<InlineData("int(50 / 2), int('7'), float(3), int(-2.5)", "[25, 7, 3, -2]")>]
[<InlineData("round(2.5), round(2.675, 2), min(3, 1), max([1, 4]), abs(-2), len('abc')",
             "[2, 2.67, 1, 4, 2, 3]")>]
[<InlineData("True + 1", "2")>]
[<InlineData("1 if 2 > 1 else 3", "1")>]
[<InlineData("1 < 2 < 3, 1 < 3 < 2", "[true, false]")>]
[<InlineData("not 1 == 2 and 'yes' or 'no'", "\"yes\"")>]
[<InlineData("None is None, 1 is not None, 'a' in ['a'], 'b' not in {'a': 1}", "[true, true, true, true]")>]
[<InlineData("[1, 2] + [3], (1,) * 2, [0] * 3, [1, 2][-1]", "[[1, 2, 3], [1, 1], [0, 0, 0], 2]")>]
[<InlineData("'a' 'b' + \"c\" * 2", "\"abcc\"")>]
[<InlineData("{1, 2, 1}", "[1, 2]")>]
[<InlineData("dict(a=1) | {'b': 2}", "{\"a\": 1, \"b\": 2}")>]
[<InlineData("dict({'a': 1}, b=2, **{'c': 3})", "{\"a\": 1, \"b\": 2, \"c\": 3}")>]
[<InlineData("{**dict(a=1, b=2), 'b': 3}", "{\"a\": 1, \"b\": 3}")>]
let ``expressions have Python's values`` (expression: string, value: string) =
    Assert.Equal(value, x $"x = {expression}")

[<Theory>]
[<InlineData("f'{1}-{2.5}-{1e-05}-{1e16}-{True}-{None}'", "1-2.5-1e-05-1e+16-True-None")>]
[<InlineData("f'{\"a\"!r:>5}|{7:03d}|{8/3:.2f}|{-5:+}|{1234567:,}|{0.5:%}|{3:<3}|'",
             "  'a'|007|2.67|-5|1,234,567|50.000000%|3  |")>]
[<InlineData("f'{{}} {1 + 1} {\"}\"}'", "{} 2 }")>]
[<InlineData("f'a' 'b{c}'", "ab{c}")>]
[<InlineData("rf'\\d{1}'", "\\d1")>]
[<InlineData("'%s/%d/%.1e/%5.2f/%%' % ('a', 3.9, 12345.0, 2)", "a/3/1.2e+04/ 2.00/%")>]
[<InlineData("'%(a)s-%(b)04d' % {'a': 1, 'b': 2}", "1-0002")>]
[<InlineData("'%g %g %g' % (0.0001, 1e-05, 100000.0)", "0.0001 1e-05 100000")>]
[<InlineData("'\\x41\\u00e4\\101\\n\\q'", "AäA\n\\q")>]
[<InlineData("'''one\ntwo'''", "one\ntwo")>]
[<InlineData("f'{0.125:.2f} {2.675:.2f} {1e22:.0f} {-0.5:.0f} {123456.0:g} {1e-7:.3g}'",
             "0.12 2.67 10000000000000000000000 -0 123456 1e-07")>]
[<InlineData("'-'.join(['a', 'b']).upper()", "A-B")>]
let ``texts are put together as Python puts them together`` (expression: string, value: string) =
    Assert.Equal(Json.quote value, x $"x = {expression}")

[<Fact>]
let ``statements follow one another`` () =
    let text =
        "\"\"\"What it is.\"\"\"
import os
A, B = 1, 2; A += 10
data = dict(seq_len=A * \\
    B)
data['more'] = [1]
data[\"more\"].append(B)
alias = data
alias.update(micro_num=4, seq_len=data.seq_len + 1)
data.folder = os.path.join('a', os.environ.get('NONE', 'b'), os.getenv(\"HOST\"))
if \"HOST\" in os.environ and 'X' not in os.environ:
    y: int = 1
elif A:
    y = 2
else:
    y = 3
del alias, A
x = [data, y, os.environ['HOST']]
"

    Assert.Equal(
        "[{\"seq_len\": 23, \"more\": [1, 2], \"micro_num\": 4, \"folder\": \"a/b/10.0.0.1\"}, 1, \"10.0.0.1\"]",
        x text
    )

    match read text with
    | Ok { Value = JObject members } ->
        Assert.Equal<string list>([ "B"; "data"; "y"; "x" ], members |> List.map _.Name)
    | other -> Assert.Fail $"{other}"

[<Fact>]
let ``every value remembers where it was written`` () =
    match read "SIZE = 3\n\nparallel = dict(\n    tensor=dict(\n        size=SIZE, mode='mtp'))\n" with
    | Ok json ->
        let tensor =
            Json.tryFind "parallel" json
            |> Option.bind (Json.tryFind "tensor")
            |> Option.get

        match tensor.Value with
        | JObject [ size; mode ] ->
            Assert.Equal("run.py:5:9", string size.NameAt)
            Assert.Equal("run.py:5:14", string size.Content.At)
            Assert.Equal("run.py:5:25", string mode.Content.At)
        | other -> Assert.Fail $"{other}"
    | Error problem -> Assert.Fail(string problem)

// ---- files that import files

[<Fact>]
let ``bases are read from the folder of the file, and from those around it`` () =
    let files =
        [
            "configs/_base_/runtime.py", "STEPS = 5\nckpt = dict(every=STEPS)\n_hidden = 1\n"
            "configs/_base_/models/small.py", "from ..runtime import STEPS as S\nmodel = dict(layers=S)\n"
            "configs/near.py", "near = 1\n"
        ]

    let text =
        "from internlm.utils.utils import read_base
with read_base():
    from configs._base_.runtime import *  # all of it
    from ._base_.models.small import model, S
    from near import *

model['heads'] = 2
x = [ckpt, model, S, near]
"

    match PythonConfig.read (world files []) "configs/run.py" text with
    | Ok json ->
        Assert.Equal(
            "[{\"every\": 5}, {\"layers\": 5, \"heads\": 2}, 5, 1]",
            json |> Json.tryFind "x" |> Option.get |> Json.compact
        )
    | Error problem -> Assert.Fail(string problem)

[<Fact>]
let ``a circle of imports, and a file that is not there, are refused`` () =
    let files = [ "a.py", "from b import *\n"; "b.py", "\nfrom .a import *\n" ]

    let refused path text =
        match PythonConfig.read (world files []) path text with
        | Ok _ -> "read"
        | Error problem -> string problem

    Assert.Equal(
        "b.py:2:1: a.py: these files import each other in a circle: a.py imports b.py imports a.py.",
        refused "a.py" "from b import *\n"
    )

    Assert.Equal(
        "c/run.py:1:1: from configs.none: there is no such file: c/configs/none.py, configs/none.py; a configuration imports other configurations only.",
        refused "c/run.py" "from configs.none import *"
    )

// ---- what is not read is refused where it stands

let private refused: (string * string) list =
    [
        "x = 1\ndef f():\n  pass", "run.py:2:1: def: a function is not read in a configuration."
        "class A: pass", "run.py:1:1: class: a class is not read in a configuration."
        "x = [i for i in y]", "run.py:1:8: for: a comprehension is not read; write its values out."
        "x = {k: v for k in y}", "run.py:1:11: for: a comprehension is not read; write its values out."
        "for i in x: pass", "run.py:1:1: for: a loop is not read in a configuration."
        "x = lambda: 1", "run.py:1:5: lambda: a lambda is not read in a configuration."
        "try:\n  x = 1", "run.py:1:1: try: a try is not read in a configuration."
        "import torch",
        "run.py:1:1: import torch: only os is imported into a configuration; write out what is used of it."
        "import os\nx = os.system('ls')",
        "run.py:2:8: os.system: is not read in a configuration; write its value out."
        "x = open('f')", "run.py:1:5: open: this name has no value here."
        "x = eval('1')", "run.py:1:5: eval: this name has no value here."
        "x = dict.__class__", "run.py:1:10: __class__: dict has no such member here."
        "SEQ_LEN = 1\nx = SEQLEN", "run.py:2:5: SEQLEN: this name has no value here; did you mean SEQ_LEN?"
        "import os\nx = os.environ['NO']",
        "run.py:2:15: NO: this variable of the environment is not set; set it before the command: NO=… evo …."
        "import os\nx = f\"a {os.environ['NO']}\"",
        "run.py:2:20: NO: this variable of the environment is not set; set it before the command: NO=… evo …."
        "x = dict(a=1, a=2)", "run.py:1:15: a: is given twice; keep one of the two."
        "x = (1, 2", "run.py:1:5: (: is never closed."
        "x = 'abc\ny = 1", "run.py:1:5: this text is never closed; add '."
        "x = 1 2", "run.py:1:7: 2: is not expected here; begin a new line."
        "x = [1 2]", "run.py:1:8: 2: a comma or the ] of this list should stand here."
        "  x = 1", "run.py:1:3: this line is further in than the one before it."
        "if 1:\n    x = 1\n  y = 2", "run.py:3:3: this line is indented like none of the blocks around it."
        "x = 1 / 0", "run.py:1:7: /: divides by zero."
        "x = 'a' + 1", "run.py:1:9: +: does not go between a text and a whole number."
        "x = 10 ** 1000000000", "run.py:1:8: **: is larger than any number of a configuration."
        "x = 'a' * 1000000000",
        "run.py:1:9: makes a text longer than any of a configuration: 9223372036854775807."
        "x = f'{1:>99999}'",
        "run.py:1:8: >99999: is no format that is read here; use for example d, .2f or >8."
        "x = f'{1'", "run.py:1:8: {: is never closed; add }, or write {{ for one {."
        "x = b'a'", "run.py:1:5: b: bytes are not read in a configuration; write a text."
        "x = $1", "run.py:1:5: $: is no letter of Python."
        "x = data[1:2]", "run.py:1:11: :: a slice is not read; write the value out."
        "x = {1: 2}", "run.py:1:6: a whole number: a key of a dict must be a text here."
        "d = {}\nd['d'] = d", "run.py:2:10: is more than 50 dicts and lists deep."
        "with open('f') as f:\n  x = 1",
        "run.py:1:6: of with statements only `with read_base():` is read; leave it out, or write what it sets."
        "with read_base():\n  x = 1",
        "run.py:2:3: only imports stand under read_base(); write it below the block."
        "x = " + String('(', 300) + "1" + String(')', 300),
        "run.py:1:205: is more than 200 levels deep; take it apart."
        "x = 1" + String.replicate 300 " + 1", "run.py:1:803: is more than 200 levels deep; take it apart."
    ]

[<Fact>]
let ``what is not read is refused at its place, by what it is`` () =
    for text, message in refused do
        match read text with
        | Ok json -> Assert.Fail $"{text}: read as {Json.compact json}"
        | Error problem -> Assert.Equal(message, string problem)
