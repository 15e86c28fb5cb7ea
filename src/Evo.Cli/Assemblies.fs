/// Where the records of models are found that are none of Evo's: in the assembly that a configuration, a checkpoint or
/// the option `--assembly` names.
module Evo.Cli.Assemblies

open System
open System.IO
open System.Text.Json
open Evo.Core
open Evo.Models
open Evo.Parallel
open Evo.Cli.Refusal

/// The usage of the option, the same for every verb that has it.
let usage =
    "a .dll or a .csproj (which is built) that holds the model's record, where it is none of Evo's families."

/// Adds the families of an assembly, or says what is wrong with it.
let load (path: string) =
    try
        ModelAssembly.Load(path, fun what -> Terminal.tell $"{what} …")
        |> List.ofSeq
        |> Ok
    with :? ModelAssemblyException as error ->
        Error error

/// Adds the families of the assembly that the option names.
let ofOption (given: string option) =
    match given with
    | None -> ()
    | Some path ->
        match load path with
        | Ok _ -> ()
        | Error wrong -> refuse ExitCode.Data $"--assembly {path}: {wrong.Problem}"

/// The configurations that may be told from a folder: of a checkpoint, of a run, or of the newest checkpoint in it.
/// Whether they are whole is not asked: only the place of the assembly is read.
let private configurations (folder: string) =
    let newest (inside: string) =
        if Directory.Exists inside then
            Directory.GetDirectories inside
            |> Array.filter (fun path -> path |> Path.GetFileName |> string |> Seq.forall Char.IsAsciiDigit)
            |> Array.sortByDescending (fun path -> (path.Length, path))
            |> Array.truncate 1
            |> List.ofArray
        else
            []

    [
        Path.Combine(folder, "run.json")
        Path.Combine(folder, "config.json")
        for checkpoint in newest folder do
            Path.Combine(checkpoint, "run.json")
    ]
    |> List.filter File.Exists

/// The assembly that a run's configuration names, and the family that it was needed for; none in another file.
let private recorded (file: string) =
    try
        use json = JsonDocument.Parse(File.ReadAllText file)

        let text (holder: JsonElement) (name: string) =
            match holder.TryGetProperty name with
            | true, value when value.ValueKind = JsonValueKind.String -> Option.ofObj (value.GetString())
            | _ -> None

        match json.RootElement.TryGetProperty "model", text json.RootElement "model_type" with
        | (true, model), Some family -> text model "assembly" |> Option.map (fun path -> file, path, family)
        | _ -> None
    // Whether the file is what it should be is asked where the model is read.
    with
    | :? JsonException
    | :? InvalidOperationException
    | :? IOException -> None

/// Adds the families of the assembly that the option names, or else of the one that the run in a folder was trained
/// with. A path that is not a full one was not written by a run: a folder from elsewhere brings no code.
let ofFolder (given: string option) (folder: string) =
    ofOption given

    match configurations folder |> List.tryPick recorded with
    | Some(file, path, family) when isNull (ModelFamilies.Find family) ->
        let elsewhere = "--assembly says where it is now"

        if not (Path.IsPathFullyQualified path) then
            refuse
                ExitCode.Data
                $"{file}: model.assembly = {Json.quote path}: a checkpoint names its assembly by a full path; {elsewhere}"

        match load path with
        | Ok _ -> ()
        | Error wrong ->
            refuse
                ExitCode.Data
                $"{file}: model.assembly: the record of {family} is in {wrong.Path}: {wrong.Problem}\n{elsewhere}."
    | _ -> ()
