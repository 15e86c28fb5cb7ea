module Evo.Core.Tests.JsonTests

open FsCheck.FSharp
open Xunit
open Evo.Core
open Evo.Core.Tests.Properties

let private jsonGen =
    let text = Gen.elements [ ""; "a"; "ä\n\"quoted\"\\"; "data"; "\u0001"; "日本" ]

    let leaf =
        Gen.oneof
            [
                Gen.constant JNull
                Gen.map JBool (Gen.elements [ true; false ])
                Gen.map (string >> JNumber) (Gen.choose (-1000, 1000))
                Gen.elements [ JNumber "1.5e-7"; JNumber "-0.25" ]
                Gen.map JString text
            ]

    let rec value depth =
        if depth = 0 then
            leaf
        else
            let inner = Gen.map Json.make (value (depth - 1))

            Gen.oneof
                [
                    leaf
                    Gen.map (List.truncate 4 >> JArray) (Gen.listOf inner)
                    Gen.map
                        (List.truncate 4 >> List.distinctBy fst >> Json.makeObject >> _.Value)
                        (Gen.listOf (Gen.zip text inner))
                ]

    Gen.map Json.make (value 3)

[<Fact>]
let ``what is written is read back, compact or indented`` () =
    forAll jsonGen noShrink (fun json ->
        [ Json.compact json; Json.render json ]
        |> List.forall (fun text -> Json.parse "t" text |> Result.map Json.forgetPlaces = Ok json))

[<Fact>]
let ``comments and trailing commas are passed over and places are kept`` () =
    let text =
        "// first\n{\n  /* second */ \"a\": [1, 2,],\n  \"b\": {\"c\": true,},\n}\n"

    match Json.parse "file.json" text with
    | Error problem -> Assert.Fail(string problem)
    | Ok json ->
        match Json.tryFind "b" json |> Option.bind (Json.tryFind "c") with
        | Some { At = place; Value = JBool true } -> Assert.Equal("file.json:4:14", string place)
        | other -> Assert.Fail $"found {other}"

let private refused: (string * string) list =
    [
        "{\"a\": 1 \"b\": 2}", "t:1:9: a comma or } should follow the value of \"a\"."
        "{\"a\": True}", "t:1:7: True: is not JSON; write true."
        "{\"a\": bfloat16}",
        "t:1:7: bfloat16: is neither number, true, false nor null; quote it if it is a text: \"bfloat16\"."
        "{\n\"a\": \"x}", "t:2:6: \"x}: this text is never closed; add a closing \"."
        "{\"a\": [1, 2}", "t:1:12: a comma or ] should follow the value."
        "{a: 1}", "t:1:2: a: a key should stand here, in double quotes."
        "{\"a\": 1} x", "t:1:10: x: nothing may follow the value."
        "{\"a\": 01}", "t:1:7: 01: is neither number, true, false nor null; quote it if it is a text: \"01\"."
        "", "t:1:1: the text ends where a value should stand."
        "{ /* x", "t:1:3: /*: this comment is never closed; add */."
        "{\"a\"", "t:1:5: a colon should follow the key \"a\"."
    ]

[<Fact>]
let ``a text that is no JSON is refused at its place with what would be right`` () =
    for text, message in refused do
        match Json.parse "t" text with
        | Ok json -> Assert.Fail $"{text} was read as {Json.compact json}"
        | Error problem -> Assert.Equal(message, string problem)

[<Fact>]
let ``a text deeper than the stack is refused at its place`` () =
    for opening in [ "["; "{\"a\": " ] do
        match Json.parse "t" (String.replicate 1_000_000 opening) with
        | Ok _ -> Assert.Fail "was read"
        | Error problem ->
            Assert.Equal($"t:1:{200 * opening.Length + 1}: is more than 200 levels deep.", string problem)

/// A configuration, to be damaged: read as JSON, then as a run.
let private fuzz count =
    let random = System.Random 20260401

    let pieces =
        [|
            "{"
            "}"
            "["
            "]"
            "\""
            ":"
            ","
            "//"
            "/*"
            "*/"
            "\\"
            "\\u"
            "null"
            "true"
            "1e999"
            "-"
            "1."
            "0x"
            "\n"
            "\000"
            "\uD800"
            "é"
            "\"a\": "
            "[[[["
            "1"
        |]

    let mutable read = 0

    for _ in 1..count do
        let text = System.Text.StringBuilder Runs.smallest

        for _ in 0 .. random.Next 5 do
            let at = random.Next(text.Length + 1)

            match random.Next 4 with
            | 0 -> text.Insert(at, pieces[random.Next pieces.Length]) |> ignore
            | 1 -> text.Remove(at, min (random.Next 8) (text.Length - at)) |> ignore
            | 2 when at < text.Length -> text[at] <- char (random.Next 256)
            | _ ->
                let from = random.Next text.Length
                let copied = text.ToString(from, min (random.Next 40) (text.Length - from))
                text.Insert(at, copied) |> ignore

        let before = System.GC.GetAllocatedBytesForCurrentThread()

        match Runs.load (text.ToString()) with
        | Ok _ -> read <- read + 1
        | Error problems ->
            Assert.NotEmpty problems

            for problem in problems do
                Assert.True(problem.Rule <> "" && problem.Place.Line >= 1, $"{problem} of {text}")

        let allocated = System.GC.GetAllocatedBytesForCurrentThread() - before
        Assert.True(allocated < 10_000_000L, $"{allocated} bytes for {text}")

    Assert.InRange(read, count / 100, count)

[<Fact>]
let ``damaged configurations are read or refused: 5,000`` () = fuzz 5000

[<Fact; Trait("Category", "Full")>]
let ``damaged configurations are read or refused: 100,000`` () = fuzz 100000
