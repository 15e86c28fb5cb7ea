/// A run's configuration, from a file and the command line to a checked value, with the models that this program knows.
module Evo.Cli.ConfigFile

open System
open System.IO
open System.Text.Json.Nodes
open Evo.Core
open Evo.Core.Python
open Evo.Models
open Evo.Cli.Refusal

/// The families that `model_type` may name: Evo's own, and those of the assemblies that have been loaded.
let families () : ModelFamilyKeys list =
    [ for family in ModelFamilies.All -> family.Keys ]

/// The model that a family's keys describe.
let private specOf (name: string) (keys: JsonObject) : CausalLM =
    match ModelFamilies.Find name with
    | null -> refuse ExitCode.Config $"model_type = {name}: no such family"
    | family -> family.FromKeys.Invoke keys

/// The model of a checked run.
let spec (run: RunConfig) : CausalLM =
    specOf run.ModelType run.Model.FamilyKeys

/// `hidden_size = 100: 3 heads do not share it evenly` is about the key `model.hidden_size`, if the family has such a key.
let private placed (keys: string list) (problem: string) =
    let isWord (c: char) = Char.IsAsciiLetterOrDigit c || c = '_'
    let name = problem |> Seq.takeWhile isWord |> String.Concat

    if List.contains name keys then
        // The place and the value are shown beside the text.
        let rest = problem.Substring(name.Length).TrimStart()
        let cut = rest.IndexOf ": "

        "model." + name,
        (if rest.StartsWith '=' && cut > 0 then
             rest.Substring(cut + 2)
         else
             rest.TrimStart(':', ' '))
    else
        "model", problem

/// A number of the model's, given or the family's default.
let private numberOf (keys: ModelKey list) (run: RunConfig) (name: string) =
    let text =
        let section = run.Model.FamilyKeys

        match section[name] with
        | null when section.ContainsKey name -> ""
        | null ->
            keys
            |> List.tryFind (fun key -> key.Name = name)
            |> Option.map _.Default
            |> Option.defaultValue ""
        | given -> given.ToJsonString()

    match Int64.TryParse text with
    | true, value -> Some value
    | _ -> None

/// How the model fits data and tokenizer.
let private fit (keys: ModelKey list) (run: RunConfig) =
    let tokenizerIsTrained =
        run.Prepare.Source <> "none" && isNull run.Data.TokenizerPath

    [
        match numberOf keys run "max_position_embeddings" with
        | Some positions when int64 run.Data.SeqLen > positions ->
            "data.seq_len",
            $"must not be above the model's positions, model.max_position_embeddings = {positions}"
        | _ -> ()
        match numberOf keys run "vocab_size" with
        | Some rows when tokenizerIsTrained && rows < int64 run.Prepare.VocabSize ->
            "model.vocab_size",
            $"must not be below prepare.vocab_size = {run.Prepare.VocabSize}: every piece of the tokenizer needs a row"
        | _ -> ()
    ]

/// What the model has to say about a run: its family about its sizes, and how it fits data and tokenizer.
let private runCheck: RunCheck =
    fun run ->
        let keys =
            families ()
            |> List.filter (fun family -> family.Family = run.ModelType)
            |> List.collect (fun family -> List.ofSeq family.Keys)

        let names = keys |> List.map _.Name

        let problems =
            try
                List.ofSeq ((spec run).Problems())
            with :? ModelConfigException as error ->
                List.ofSeq error.Problems

        (problems |> List.map (placed names)) @ fit keys run

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

/// Loads the assembly that a configuration names; gives its full path, or what is wrong with it.
let private assembly (overrides: string list) (path: string) (json: Json) : Result<string | null, Problem> =
    match Config.assembly overrides json with
    | None -> Ok null
    | Some(given, place) ->
        // A path in a file is meant from the file; one on the command line from where it is typed.
        let full =
            if place.Source = path then
                Path.GetFullPath(
                    Path.Combine(Option.defaultValue "" (Option.ofObj (Path.GetDirectoryName path)), given)
                )
            else
                Path.GetFullPath given

        match Assemblies.load full with
        | Ok _ -> Ok full
        | Error wrong ->
            Error
                {
                    Place = place
                    Path = "model.assembly"
                    Found = Json.quote given
                    Rule = $"{wrong.Path}: {wrong.Problem}"
                    Hint = ""
                }

/// Whether a file is a configuration of InternEvo's, in Python.
let isPython (path: string) = path.EndsWith ".py"

/// What a Python configuration asks of the world.
let private surroundings: PythonSurroundings =
    {
        Environment = fun name -> Option.ofObj (Environment.GetEnvironmentVariable name)
        ReadFile =
            fun path ->
                if File.Exists path then
                    Some(File.ReadAllText path)
                else
                    None
    }

/// A Python configuration in Evo's keys, or the one thing that could not be read.
let import (path: string) : Result<Imported, Problem> =
    PythonConfig.read surroundings path (read path)
    |> Result.map (InternEvoImport.translate (families ()))

/// What is left to do before an imported configuration can run. A model without a record is one problem, not one for each of
/// its keys; an override may have named another.
let private withImported (overrides: string list) (imported: Imported) (problems: Problem list) =
    let given = overrides |> List.exists (fun text -> text.StartsWith "model_type=")

    match imported.Model with
    | Some model when not given ->
        let others =
            problems
            |> List.filter (fun p -> p.Path <> "model_type" && not (p.Path.StartsWith "model."))

        model :: imported.Missing @ others
    | _ -> imported.Missing @ problems

/// Every problem of a configuration, Evo's or InternEvo's, or the run. The assembly of its model is loaded, and stands in the
/// run with its full path.
let check (overrides: string list) (path: string) : Result<RunConfig, Problem list> =
    let text = read path

    let parsed =
        if isPython path then
            PythonConfig.read surroundings path text
        else
            Json.parse path text

    match parsed with
    | Error problem -> Error [ problem ]
    | Ok written ->
        let assembly = assembly overrides path written

        let json, withOthers =
            if isPython path then
                let imported = InternEvoImport.translate (families ()) written
                imported.Json, withImported overrides imported
            else
                written, id

        let result = Config.loadJson runCheck (families ()) overrides path json

        let problems =
            match result with
            | Ok _ -> []
            | Error problems -> problems

        match assembly, result, withOthers problems with
        | Ok full, Ok run, [] ->
            Ok
                { run with
                    Model = { run.Model with Assembly = full }
                }
        | Ok _, _, problems -> Error problems
        | Error wrong, _, problems ->
            // What is said about the model follows from its record not being there.
            let others =
                problems
                |> List.filter (fun p -> p.Path <> "model_type" && not (p.Path.StartsWith "model."))

            Error(wrong :: others)

/// The model that a configuration describes, Evo's or InternEvo's, whether or not the rest of it could run; and whether rows
/// of queries and keys lie in pairs in InternEvo's checkpoints of it, if it says.
let model (path: string) : CausalLM * bool option =
    let refuseAll (problems: Problem list) =
        let lines = problems |> List.map string |> String.concat "\n"
        refuse ExitCode.Config $"{path}: the model is not described.\n{lines}"

    let parsed =
        if isPython path then
            PythonConfig.read surroundings path (read path)
        else
            Json.parse path (read path)

    match parsed with
    | Error problem -> refuseAll [ problem ]
    | Ok written ->
        match assembly [] path written with
        | Error problem -> refuseAll [ problem ]
        | Ok _ -> ()

        let json, problems =
            if isPython path then
                let imported = InternEvoImport.translate (families ()) written

                imported.Json,
                Option.toList imported.Model
                @ (imported.Missing
                   |> List.filter (fun problem -> problem.Path.StartsWith "model."))
            else
                written, []

        if not problems.IsEmpty then
            refuseAll problems

        // The keys of the section that are the run's own, not the family's.
        let ofRun =
            Keys.root.Keys
            |> List.filter (fun key -> key.Name = "model")
            |> List.collect (fun key -> key.Section |> Option.toList)
            |> List.collect _.Keys
            |> List.map _.Name

        match Json.tryFind "model_type" json, Json.tryFind "model" json with
        | Some { Value = JString family }, Some({ Value = JObject members } as section) ->
            let ofFamily = members |> List.filter (fun m -> not (List.contains m.Name ofRun))

            let text =
                Json.compact
                    { section with
                        Value = JObject ofFamily
                    }

            try
                let spec = specOf family ((nonNull (JsonNode.Parse text)).AsObject())

                match List.ofSeq (spec.Problems KeyNames.Run) with
                | [] -> spec, InternEvoImport.rowsInPairs written
                | wrong -> raise (ModelConfigException(path, wrong))
            with :? ModelConfigException as error ->
                raise (ModelConfigException(path, error.Problems))
        | _ -> refuse ExitCode.Config $"{path}: it names no model_type and model"

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
