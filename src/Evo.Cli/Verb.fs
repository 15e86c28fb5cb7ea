namespace Evo.Cli

open System
open Argu
open Evo.Core
open Evo.Cli.Refusal

/// One verb of the command: its help, and what it does.
type Verb =
    {
        /// One word, or two such as `tokenizer train`.
        Name: string
        /// One line for the list of verbs.
        Summary: string
        /// What a person should know beside the options.
        Details: string
        /// Command lines that run as they stand, from the checkout's root.
        Examples: string list
        /// Argu's table of options.
        Options: unit -> string
        Run: string array -> ExitCode
    }

module Verb =

    /// The first line of Argu's message, without what it prints beside the point.
    let private firstLine (message: string) =
        let line = message.Split('\n')[0]
        let line = line.Trim()
        if line.StartsWith "ERROR: " then line.Substring 7 else line

    /// The options that Argu's table shows.
    let private optionsOf (usage: string) =
        usage.Split([| ' '; '\n'; ','; '['; ']'; '<'; '>'; '='; '|' |], StringSplitOptions.RemoveEmptyEntries)
        |> Array.filter (fun word -> word.StartsWith "-" && word.Length > 1)
        |> Array.distinct

    /// Says which word is no option, before Argu takes it for something else.
    let private checkOptions name (usageText: string) (arguments: string array) =
        let options = optionsOf usageText

        for word in arguments do
            let option = word.Split('=')[0]

            if option.StartsWith "--" && not (Array.contains option options) then
                let hint =
                    match Nearest.find options option with
                    | Some near -> $"Did you mean {near}? "
                    | None -> ""

                usage
                    $"evo {name}: there is no option {option}"
                    $"{hint}evo {name} --help shows the options and an example."

    /// A verb whose options are the cases of `'Options`.
    let make<'Options when 'Options :> IArgParserTemplate>
        name
        summary
        details
        examples
        (run: ParseResults<'Options> -> ExitCode)
        =
        let parser =
            lazy
                ArgumentParser.Create<'Options>(
                    programName = "evo " + name,
                    errorHandler = ExceptionExiter(),
                    usageStringCharacterWidth = 100
                )

        let parse (arguments: string array) =
            checkOptions name (parser.Value.PrintUsage()) arguments

            try
                parser.Value.ParseCommandLine(arguments, raiseOnUsage = false)
            with :? ArguParseException as error ->
                usage
                    $"evo {name}: {firstLine error.Message}"
                    $"evo {name} --help shows the options and an example."

        {
            Name = name
            Summary = summary
            Details = details
            Examples = examples
            Options = fun () -> parser.Value.PrintUsage()
            Run = parse >> run
        }

    /// The whole help of a verb.
    let help (verb: Verb) =
        let examples = verb.Examples |> List.map (fun example -> "    " + example)

        [
            verb.Summary
            ""
            if verb.Details <> "" then
                verb.Details.Trim()
                ""
            verb.Options().Trim()
            ""
            "EXAMPLE:"
            ""
            yield! examples
            ""
            "Exit codes: evo --help lists them."
        ]
        |> String.concat "\n"
