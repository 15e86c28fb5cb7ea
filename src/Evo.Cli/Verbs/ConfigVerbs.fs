/// `evo config`: the configuration as a person and an editor see it.
module Evo.Cli.ConfigVerbs

open Argu
open Evo.Core
open Evo.Cli.Refusal

type CheckOptions =
    | [<MainCommand; ExactlyOnce>] Config of config: string
    | Set of assignment: string
    | Json

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Config _ -> "the configuration to check."
            | Set _ ->
                "path=value: set a key for this run, such as data.seq_len=512; may be given several times."
            | Json -> "write the problems as JSON, for a program."

let private problemJson (problem: Problem) =
    let text value = Json.make (JString value)

    Json.makeObject
        [
            "source", text problem.Place.Source
            "line", Json.make (JNumber(string problem.Place.Line))
            "column", Json.make (JNumber(string problem.Place.Column))
            "path", text problem.Path
            "found", text problem.Found
            "rule", text problem.Rule
            "hint", text problem.Hint
        ]

let private check (options: ParseResults<CheckOptions>) =
    let path = options.GetResult CheckOptions.Config
    let result = ConfigFile.check (options.GetResults CheckOptions.Set) path

    let problems =
        match result with
        | Ok _ -> []
        | Error problems -> problems

    if options.Contains CheckOptions.Json then
        Json.makeObject [ "problems", Json.make (JArray(List.map problemJson problems)) ]
        |> Json.render
        |> Terminal.say
    elif problems.IsEmpty then
        Terminal.say $"{path}: no problems"
    else
        for problem in problems do
            Terminal.say (string problem)

    if problems.IsEmpty then ExitCode.Done else ExitCode.Config

type ShowOptions =
    | [<MainCommand; ExactlyOnce>] Config of config: string
    | Set of assignment: string

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Config _ -> "the configuration to show."
            | Set _ ->
                "path=value: set a key for this run, such as data.seq_len=512; may be given several times."

let private show (options: ParseResults<ShowOptions>) =
    let run =
        ConfigFile.load (options.GetResults ShowOptions.Set) (options.GetResult ShowOptions.Config)

    Terminal.say ((Config.print run).TrimEnd())
    ExitCode.Done

type SchemaOptions =
    | [<AltCommandLine("-o")>] Output of file: string
    | Assembly of path: string

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Output _ -> "file to write; standard output without it."
            | Assembly _ -> Assemblies.usage

let private schema (options: ParseResults<SchemaOptions>) =
    Assemblies.ofOption (options.TryGetResult SchemaOptions.Assembly)
    let text = Schema.write (ConfigFile.families ())

    match options.TryGetResult Output with
    | Some path -> Terminal.writeFile path text
    | None -> Terminal.say (text.TrimEnd())

    ExitCode.Done

type DocsOptions =
    | [<MainCommand>] Section of section: string
    | Assembly of path: string

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Section _ -> "a section, such as data; all keys without it."
            | Assembly _ -> Assemblies.usage

let private docs (options: ParseResults<DocsOptions>) =
    let section = options.TryGetResult Section
    Assemblies.ofOption (options.TryGetResult DocsOptions.Assembly)

    match KeyTable.write (ConfigFile.families ()) section with
    | Some text ->
        Terminal.say (text.TrimEnd())
        ExitCode.Done
    | None ->
        let sections = Keys.root.Keys |> List.filter _.Section.IsSome |> List.map _.Name
        let name = Option.defaultValue "" section

        let hint =
            match Nearest.find sections name with
            | Some near -> $"Did you mean {near}?"
            | None -> "Sections: " + String.concat ", " sections + "."

        usage $"evo config docs: there is no section \"{name}\"" hint

type ImportOptions =
    | [<MainCommand; ExactlyOnce>] Config of config: string
    | [<AltCommandLine("-o")>] Output of file: string

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Config _ -> "the configuration of InternEvo's, a Python file."
            | Output _ -> "file to write; standard output without it."

/// What became of each key, for a person.
let private report (imported: Imported) (problems: Problem list) =
    let renamed = imported.Taken |> List.filter (fun (from, path) -> from <> path)

    [
        $"{imported.Taken.Length} keys taken over, {renamed.Length} of them under another name:"

        for line in Terminal.table Set.empty [ for from, path in renamed -> [ "  " + from; path ] ] do
            line

        $"{imported.Left.Length} keys left out:"

        for line in Terminal.table Set.empty [ for from, why in imported.Left -> [ "  " + from; why ] ] do
            line

        match problems with
        | [] -> "no problems"
        | [ _ ] -> "1 problem:"
        | many -> $"{many.Length} problems:"

        for problem in problems do
            string problem
    ]

let private import (options: ParseResults<ImportOptions>) =
    let path = options.GetResult ImportOptions.Config

    match ConfigFile.import path with
    | Error problem -> refuse ExitCode.Config $"{problem}"
    | Ok imported ->
        let problems =
            match ConfigFile.check [] path with
            | Ok _ -> []
            | Error problems -> problems

        let name = Option.defaultValue path (Option.ofObj (System.IO.Path.GetFileName path))
        let text = $"// Imported from {name}.\n{Json.render imported.Json}\n"

        match options.TryGetResult ImportOptions.Output with
        | Some file ->
            Terminal.writeFile file text
            report imported problems |> List.iter Terminal.say
        | None ->
            Terminal.say (text.TrimEnd())
            report imported problems |> List.iter Terminal.tell

        if problems.IsEmpty then ExitCode.Done else ExitCode.Config

let verbs =
    [
        Verb.make<CheckOptions>
            "config check"
            "Checks a configuration and prints every problem with its place."
            "Nothing is run and no file is opened but the configuration. Exit code 3 when there are problems."
            [ "./evo config check configs/demo.json --set data.seq_len=128" ]
            check
        Verb.make<ShowOptions>
            "config show"
            "Prints a configuration as it would run, every key with its value."
            ""
            [ "./evo config show configs/tiny.json --set adam.lr=3e-4" ]
            show
        Verb.make<ImportOptions>
            "config import"
            "Turns a configuration of InternEvo's, a Python file, into one of Evo's."
            "The file is read as data; no Python is needed and nothing in it is run. What became of each key is said beside the configuration:
taken over, left out and why, or missing and what to use instead. Exit code 3 when something is missing, such as the record of a model;
everything else is written all the same. evo train, check and show take such a file as it stands. docs/moving-from-internevo.md lists all keys."
            [
                "./evo config import tests/internevo/configs/7B_sft.py --output /tmp/7B_sft.json"
            ]
            import
        Verb.make<SchemaOptions>
            "config schema"
            "Writes the JSON Schema that editors complete and check a configuration from."
            "The configurations in configs/ refer to configs/evo.schema.json; after a change of keys, write it again."
            [ "./evo config schema --output configs/evo.schema.json" ]
            schema
        Verb.make<DocsOptions>
            "config docs"
            "Prints the table of all keys, or of one section: what each holds, its default, its meaning."
            ""
            [ "./evo config docs data" ]
            docs
    ]
