/// From the words after `evo` to a verb.
module Evo.Cli.CommandLine

open System
open Evo.Core
open Evo.Cli.Refusal

/// The meaning of every exit code, as `evo --help` and the documentation show it.
let exitCodes: (ExitCode * string) list =
    [
        ExitCode.Done, "done"
        ExitCode.AnswerIsNo,
        "done, and the answer is no: verify out of tolerance, doctor found something wrong"
        ExitCode.Usage, "the command line is wrong"
        ExitCode.Config, "the configuration is wrong; every problem was printed with its place"
        ExitCode.Data, "a file, token file, tokenizer or checkpoint is missing, damaged or does not fit"
        ExitCode.Diverged, "training gave up: too many steps in a row without a finite gradient"
        ExitCode.Machine, "the machine refused: disk full, no permission, no memory, libtorch failed"
        ExitCode.Unavailable,
        "the launcher: something is missing and may not be installed; it says what to run"
        ExitCode.Defect, "a defect of Evo; the full trace is in the file that was named"
        ExitCode.BuildFailed, "the launcher: building failed"
        ExitCode.Stopped, "stopped by Ctrl-C or SIGTERM; the state was saved, the same command continues"
        ExitCode.RankFault,
        "another rank of the run died, hung or failed; the message says which, when and in which collective"
        ExitCode.Killed, "stopped at once by a second Ctrl-C; the last checkpoint stands"
    ]

/// The help of the whole command.
let overview (verbs: Verb list) =
    let lines =
        verbs
        |> List.map (fun verb -> [ "   "; verb.Name; verb.Summary ])
        |> Terminal.table Set.empty

    let codes =
        exitCodes
        |> List.map (fun (code, meaning) -> [ "   "; string (int code); meaning ])
        |> Terminal.table (Set.ofList [ 1 ])

    [
        "Evo trains large language models on .NET."
        ""
        "USAGE: evo <verb> [options]"
        ""
        yield! lines
        ""
        "evo <verb> --help shows the options of a verb and an example that runs as it stands."
        "--debug, with any verb, shows the full trace of an error. --version prints the version."
        ""
        "EXAMPLE:"
        ""
        "    ./evo train configs/demo.json"
        ""
        "EXIT CODES:"
        ""
        yield! codes
    ]
    |> String.concat "\n"

let private isHelp word =
    word = "--help" || word = "-h" || word = "help"

/// The help of verbs that share their first word.
let groupHelp (verbs: Verb list) =
    [
        "USAGE: evo <verb> [options]"
        ""
        yield!
            verbs
            |> List.map (fun verb -> [ "   "; verb.Name; verb.Summary ])
            |> Terminal.table Set.empty
        ""
        "evo <verb> --help shows the options of a verb and an example that runs as it stands."
    ]
    |> String.concat "\n"

/// Runs the verb that the words name.
let dispatch (verbs: Verb list) (arguments: string list) : ExitCode =
    let named name =
        verbs |> List.tryFind (fun verb -> verb.Name = name)

    let group name =
        verbs |> List.filter (fun verb -> verb.Name.StartsWith(name + " "))

    let run (verb: Verb) (rest: string list) =
        if List.contains "--help" rest || rest = [ "-h" ] || rest = [ "help" ] then
            Terminal.say (Verb.help verb)
            ExitCode.Done
        else
            verb.Run(Array.ofList rest)

    let nearest (known: string list) word =
        match Nearest.find known word with
        | Some near -> $"Did you mean evo {near}?"
        | None -> "evo --help lists the verbs."

    match arguments with
    | [] ->
        Terminal.tell (overview verbs)
        ExitCode.Usage
    | [ "help"; word ] when named(word).IsSome || not (group word).IsEmpty ->
        match named word with
        | Some verb -> run verb [ "--help" ]
        | None ->
            Terminal.say (groupHelp (group word))
            ExitCode.Done
    | word :: _ when isHelp word ->
        Terminal.say (overview verbs)
        ExitCode.Done
    | [ "--version" ] ->
        let version = typeof<Verb>.Assembly.GetName().Version
        Terminal.say $"evo {version}"
        ExitCode.Done
    | word :: rest ->
        match named word, group word, rest with
        | Some verb, _, _ -> run verb rest
        | None, [], _ ->
            let words = verbs |> List.map _.Name
            let firsts = words |> List.map (fun name -> name.Split(' ')[0]) |> List.distinct
            let known = firsts @ (words |> List.filter _.Contains(' '))

            let hint =
                match Nearest.find firsts word with
                | Some near -> $"Did you mean evo {near}?"
                | None -> nearest known word

            usage $"there is no verb \"{word}\"" hint
        | None, members, [] ->
            Terminal.tell (groupHelp members)
            ExitCode.Usage
        | None, members, second :: _ when isHelp second ->
            Terminal.say (groupHelp members)
            ExitCode.Done
        | None, members, second :: rest ->
            match named $"{word} {second}" with
            | Some verb -> run verb rest
            | None ->
                let seconds = members |> List.map (fun verb -> verb.Name.Substring(word.Length + 1))

                let hint =
                    match Nearest.find seconds second with
                    | Some near -> $"Did you mean evo {word} {near}?"
                    | None ->
                        let list = String.Join(", ", seconds |> List.map (fun s -> $"evo {word} {s}"))
                        $"There are: {list}."

                usage $"there is no verb \"{word} {second}\"" hint
