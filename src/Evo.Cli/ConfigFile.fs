/// A run's configuration, from a file and the command line to a checked value, with the models that this program knows.
module Evo.Cli.ConfigFile

open System
open System.IO
open Evo.Core
open Evo.Cli.Refusal

/// The families that `model_type` may name.
let families: ModelFamilyKeys list = []

/// What the chosen family says about its keys.
let private runCheck: RunCheck = fun _ -> []

let private read (path: string) =
    if Directory.Exists path then
        refuse ExitCode.Data $"{path}: this is a folder; name a configuration, for example configs/demo.json"
    elif not (File.Exists path) then
        let near =
            match Path.GetDirectoryName path with
            | null -> None
            | folder ->
                let folder = if folder = "" then "." else folder

                if Directory.Exists folder then
                    let names =
                        Directory.GetFiles(folder, "*.json")
                        |> Array.choose (fun file -> Option.ofObj (Path.GetFileName file))
                        |> Array.filter (fun name -> not (name.EndsWith ".schema.json"))

                    Option.ofObj (Path.GetFileName path)
                    |> Option.bind (Nearest.find names)
                    |> Option.map (fun name ->
                        Path.Combine(
                            Option.defaultValue "" (Option.ofObj (Path.GetDirectoryName path)),
                            name
                        ))
                else
                    None

        let hint =
            match near with
            | Some near -> $"; did you mean {near}?"
            | None -> ""

        refuse ExitCode.Data $"{path}: no such file{hint}"
    else
        File.ReadAllText path

/// Every problem of a configuration, or the run.
let check (overrides: string list) (path: string) : Result<RunConfig, Problem list> =
    Config.loadWith runCheck families overrides path (read path)

/// The run; all problems at once otherwise.
let load (overrides: string list) (path: string) : RunConfig =
    match check overrides path with
    | Ok run -> run
    | Error problems ->
        let lines = problems |> List.map string |> String.concat "\n"

        let number =
            match problems with
            | [ _ ] -> "1 problem"
            | many -> $"{many.Length} problems"

        refuse ExitCode.Config $"{path}: {number}; nothing was run.\n{lines}"
