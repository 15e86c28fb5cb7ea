/// The `evo` command.
module Evo.Cli.Program

open System
open System.Text
open Evo.Core

/// Every verb, in the order in which help lists them.
let verbs: Verb list =
    [
        TrainVerb.verb
        GenerateVerb.verb
        VerifyVerb.verb
        InspectVerb.verb
        ConvertVerb.verb
    ]
    @ ShowVerb.verbs
    @ [ ShowSchedule.verb ]
    @ DataVerbs.verbs
    @ CheckpointVerbs.verbs
    @ ConfigVerbs.verbs
    @ [ DoctorVerb.verb ]

/// Runs one command line; never throws.
let run (arguments: string array) : ExitCode =
    let debug =
        Array.contains "--debug" arguments
        || not (String.IsNullOrEmpty(Environment.GetEnvironmentVariable "EVO_DEBUG"))

    let words =
        arguments |> Array.filter (fun word -> word <> "--debug") |> List.ofArray

    try
        CommandLine.dispatch verbs words
    with error ->
        Refusal.explain debug error

[<EntryPoint>]
let main arguments =
    Console.OutputEncoding <- UTF8Encoding false
    int (run arguments)
