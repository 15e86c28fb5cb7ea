module Evo.Cli.Tests.HelpTests

open System
open Xunit
open Evo.Cli
open Evo.Cli.Tests.Command

/// The words of an example, without quotes; none of them holds an escaped quote.
let words (line: string) =
    let parts = line.Split '"'

    [
        for i, part in Array.indexed parts do
            if i % 2 = 1 then
                part
            else
                yield! part.Split(' ', StringSplitOptions.RemoveEmptyEntries)
    ]

[<Fact>]
let ``the overview lists every verb and every exit code`` () =
    let answer = run [ "--help" ]
    Assert.Equal(0, answer.Code)

    for verb in Program.verbs do
        Assert.Contains($" {verb.Name} ", answer.Output)
        Assert.Contains(verb.Summary, answer.Output)

    for code in Enum.GetValues<Evo.Core.ExitCode>() do
        Assert.Contains($" {int code}  ", answer.Output)

[<Fact>]
let ``every verb has help with its options and an example`` () =
    for verb in Program.verbs do
        let answer = run (List.ofArray (verb.Name.Split ' ') @ [ "--help" ])
        Assert.Equal(0, answer.Code)
        Assert.StartsWith(verb.Summary, answer.Output)
        Assert.Contains($"USAGE: evo {verb.Name} ", answer.Output)
        Assert.Contains("EXAMPLE:", answer.Output)
        Assert.NotEmpty verb.Examples

[<Fact>]
let ``every example names its verb and only options that the verb has`` () =
    for verb in Program.verbs do
        let options = verb.Options()

        for example in verb.Examples do
            match words example with
            | "./evo" :: rest ->
                let line = String.Join(" ", rest) + " "

                let named =
                    Program.verbs |> List.filter (fun other -> line.StartsWith(other.Name + " "))

                Assert.NotEmpty named

                // An example may begin with another verb that makes what it needs.
                if named |> List.exists (fun other -> other.Name = verb.Name) then
                    for word in rest do
                        if word.StartsWith "--" then
                            Assert.Contains(word, options)
            | other -> Assert.Fail $"{example} does not begin with ./evo but {other}"

/// Examples that need nothing but the checkout, and change nothing in it.
let private quick =
    [
        "config check"
        "config show"
        "config docs"
        "inspect"
        "show schedule"
        "show mesh"
        "show layout"
        "verify"
        "doctor"
    ]

[<Fact>]
let ``the examples that need nothing but the checkout run as they stand`` () =
    for verb in Program.verbs |> List.filter (fun verb -> List.contains verb.Name quick) do
        for example in verb.Examples do
            let answer = run (List.tail (words example))
            Assert.True((answer.Code = 0), $"{example}: {answer.Code}\n{answer.Output}\n{answer.Errors}")

[<Theory>]
[<InlineData("trian", "evo: there is no verb \"trian\"\nDid you mean evo train?\n")>]
[<InlineData("tokenise", "evo: there is no verb \"tokenise\"\nDid you mean evo tokenize?\n")>]
[<InlineData("config shema", "evo: there is no verb \"config shema\"\nDid you mean evo config schema?\n")>]
[<InlineData("frobnicate", "evo: there is no verb \"frobnicate\"\nevo --help lists the verbs.\n")>]
[<InlineData("data", "")>]
let ``an unknown verb names the nearest`` (line: string) (expected: string) =
    let answer = run (List.ofArray (line.Split ' '))
    Assert.Equal(2, answer.Code)
    Assert.Equal("", answer.Output)

    if expected <> "" then
        Assert.Equal(expected, answer.Errors)

[<Theory>]
[<InlineData("config check configs/tiny.json --sett a=1", "there is no option --sett\nDid you mean --set? ")>]
[<InlineData("generate --checkpoint x", "missing parameter '--prompt'")>]
[<InlineData("generate --checkpoint x --prompt y --temperature -1",
             "temperature = -1: must be a finite number of 0 or more")>]
[<InlineData("train", "missing parameter '<config>'")>]
[<InlineData("train configs/tiny.json --fresh --resume", "--fresh and --resume contradict each other")>]
[<InlineData("tokenize --tokenizer t --output tokens x.txt", "--output tokens: must end in .bin")>]
let ``a wrong command line is one message`` (line: string) (expected: string) =
    let answer = run (List.ofArray (line.Split ' '))
    Assert.Equal(2, answer.Code)
    Assert.Contains(expected, answer.Errors)
    Assert.DoesNotContain("   at ", answer.Errors)
