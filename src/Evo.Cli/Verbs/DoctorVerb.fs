/// `evo doctor`.
module Evo.Cli.DoctorVerb

open Argu
open Evo.Core
open Evo.Cli.Doctor

type DoctorOptions =
    | Json

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Json -> "write the findings as JSON, for a program."

let private verdictName verdict =
    match verdict with
    | Fine -> "fine"
    | Poor -> "poor"
    | Broken -> "broken"

let private asJson (findings: Finding list) =
    let text value = Json.make (JString value)

    Json.make (
        JArray
            [
                for finding in findings ->
                    Json.makeObject
                        [
                            "topic", text finding.Topic
                            "verdict", text (verdictName finding.Verdict)
                            "found", text finding.Found
                            "mend", text finding.Mend
                        ]
            ]
    )

let private doctor (options: ParseResults<DoctorOptions>) =
    let table = Doctor.products ()
    let findings = Doctor.findings table
    let bad = findings |> List.filter (fun finding -> finding.Verdict <> Fine)

    if options.Contains Json then
        Terminal.say (Json.render (asJson findings))
    else
        let mark verdict =
            match verdict with
            | Fine -> "ok"
            | Poor -> "!!"
            | Broken -> "XX"

        [
            for finding in findings -> [ mark finding.Verdict; finding.Topic; finding.Found ]
        ]
        |> Terminal.table Set.empty
        |> List.iter Terminal.say

        Terminal.say ""

        for table in Option.toList table do
            ProductView.lines table |> List.iter Terminal.say
            Terminal.say ""

        match bad with
        | [] -> Terminal.say "Nothing is wrong."
        | bad ->
            for finding in bad do
                let mend = if finding.Mend = "" then "" else $"\n    {finding.Mend}"
                Terminal.say $"{finding.Topic}: {finding.Found}{mend}"

    if bad.IsEmpty then ExitCode.Done else ExitCode.AnswerIsNo

let verb =
    Verb.make<DoctorOptions>
        "doctor"
        "Says what this machine has of what Evo needs, what is wrong with it, and how to mend it."
        "Exit code 1 when something is wrong. It looks at the SDK, libtorch, its BLAS and threads, devices, matrix products (measured
once, some seconds), the tokenizer library and the disk."
        [ "./evo doctor" ]
        doctor
