/// `evo checkpoint list`, `show`, `verify`, `prune` and `convert`: what a run has saved.
module Evo.Cli.CheckpointVerbs

open System
open System.IO
open Argu
open Evo.Core
open Evo.Parallel
open Evo.Cli.Refusal

let private text value = Json.make (JString value)
let private whole (value: int64) = Json.make (JNumber(string value))

let private placeHelp =
    "a run's folder, its folder of checkpoints, or their address in an object store (s3://bucket/prefix)."

/// Where the checkpoints of a run are: those that were asked for.
let private checkpointsOf (path: string) =
    if ObjectAddress.Names path then
        path
    elif Directory.Exists path then
        match Path.Combine(path, "checkpoints") with
        | inside when Directory.Exists inside -> inside
        | _ -> path
    else
        refuse
            ExitCode.Data
            $"{path}: no such folder; give a run (runs/<job_name>), or its folder of checkpoints"

/// Every checkpoint of a run, newest first: its folder, and what it says of itself, or why it cannot be believed.
let private found (path: string) =
    [
        let checkpoints = checkpointsOf path

        for place in [ checkpoints; CheckpointPlace.Below(checkpoints, "snapshot") ] do
            let store = CheckpointPlace.Store place

            for step in store.Steps() do
                use files = store.Files step

                step,
                files.Place,
                try
                    Ok (Checkpoint.Open files).Manifest
                with :? CheckpointException as error ->
                    Error error.Message
    ]
    |> List.sortByDescending (fun (step, _, _) -> step)

let private bytesOf (manifest: Manifest) = manifest.Files |> Seq.sumBy _.Bytes

type ListOptions =
    | [<MainCommand; ExactlyOnce>] Run of folder: string
    | Json

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Run _ -> placeHelp
            | Json -> "write the list as JSON, for a program."

let private list (options: ParseResults<ListOptions>) =
    let found = found (options.GetResult ListOptions.Run)

    if options.Contains ListOptions.Json then
        Json.make (
            JArray
                [
                    for step, place, manifest in found ->
                        Json.makeObject
                            [
                                "step", whole step
                                "path", text place
                                match manifest with
                                | Ok manifest ->
                                    "updates", whole manifest.Step
                                    "tokens", whole manifest.ConsumedTokens
                                    "bytes", whole (bytesOf manifest)
                                    "layout", text manifest.Layout
                                | Error reason -> "problem", text reason
                            ]
                ]
        )
        |> Json.compact
        |> Terminal.say
    elif found.IsEmpty then
        Terminal.say "no checkpoints"
    else
        [
            [ "step"; "updates"; "tokens"; "size"; "layout"; "folder" ]
            for step, place, manifest in found do
                match manifest with
                | Ok manifest ->
                    [
                        string step
                        string manifest.Step
                        Terminal.count manifest.ConsumedTokens
                        Terminal.bytes (bytesOf manifest)
                        manifest.Layout
                        place
                    ]
                | Error reason -> [ string step; "-"; "-"; "-"; reason; place ]
        ]
        |> Terminal.table (set [ 0; 1; 2; 3 ])
        |> List.iter Terminal.say

    ExitCode.Done

type ShowOptions =
    | [<MainCommand; ExactlyOnce>] Checkpoint of folder: string
    | Tensor of name: string
    | Json

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Checkpoint _ -> "a checkpoint's folder."
            | Tensor _ -> "show where the pieces of this logical tensor lie."
            | Json -> "write the manifest itself."

let private opened (path: string) =
    if not (ObjectAddress.Names path || Directory.Exists path) then
        refuse
            ExitCode.Data
            $"{path}: no such folder; give a checkpoint's folder, such as runs/<job_name>/checkpoints/100"

    use files = CheckpointPlace.Files path
    (Checkpoint.Open files).Manifest

let private shapeOf (sizes: int64 seq) = "[" + String.Join(", ", sizes) + "]"

let private show (options: ParseResults<ShowOptions>) =
    let path = options.GetResult ShowOptions.Checkpoint
    let manifest = opened path

    match options.TryGetResult Tensor with
    | _ when options.Contains ShowOptions.Json -> Terminal.say (manifest.ToJson().TrimEnd())
    | Some name ->
        match manifest.Tensors |> Seq.tryFind (fun tensor -> tensor.Name = name) with
        | None ->
            let near = Nearest.find [ for tensor in manifest.Tensors -> tensor.Name ] name

            let hint =
                near
                |> Option.map (fun near -> $"; did you mean {near}?")
                |> Option.defaultValue ""

            refuse ExitCode.Data $"{path}: there is no tensor {name}{hint}"
        | Some tensor ->
            Terminal.say $"{tensor.Name}: {tensor.DType} {shapeOf tensor.Shape}"

            [ for piece in tensor.Pieces -> [ string piece.Box; piece.File; piece.Key ] ]
            |> Terminal.table Set.empty
            |> List.iter Terminal.say
    | None ->
        [
            [ "run"; manifest.JobName ]
            [ "family"; manifest.ModelType ]
            [ "updates"; string manifest.Step ]
            [ "tokens"; Terminal.count manifest.ConsumedTokens ]
            [ "next batch"; string manifest.Data.NextBatch ]
            [
                "rows of a step"
                $"{manifest.Data.RowsPerBatch} over {manifest.Data.Ranks} data-parallel ranks"
            ]
            [ "layout"; manifest.Layout ]
            [ "format"; $"version {manifest.Version}" ]
            [ "size"; Terminal.bytes (bytesOf manifest) ]
            [
                "tensors"
                $"{manifest.Tensors.Count} in {manifest.Tensors |> Seq.sumBy _.Pieces.Count} pieces"
            ]
        ]
        |> Terminal.table Set.empty
        |> List.iter Terminal.say

        Terminal.say ""

        [ for file in manifest.Files -> [ Terminal.bytes file.Bytes; file.Path ] ]
        |> Terminal.table (set [ 0 ])
        |> List.iter Terminal.say

    ExitCode.Done

type VerifyOptions =
    | [<MainCommand; ExactlyOnce>] Folder of folder: string

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Folder _ -> "a checkpoint's folder, or a run's: then all of its checkpoints."

/// Whether one checkpoint is there, rather than several below it.
let private isOne (place: string) =
    use files = CheckpointPlace.Files place
    (files.Length Checkpoint.ManifestFile).HasValue

let private verify (options: ParseResults<VerifyOptions>) =
    let path = options.GetResult Folder

    let places =
        if isOne path then
            [ path ]
        else
            [ for _, place, _ in found path -> place ]

    if places.IsEmpty then
        refuse
            ExitCode.Data
            $"{path}: holds no checkpoint; give a run (runs/<job_name>), or one of its checkpoints"

    let whole =
        [
            for place in places do
                try
                    use files = (Checkpoint.Read place).Files
                    Terminal.say $"{files.Place}: whole"
                    true
                with :? CheckpointException as error ->
                    Terminal.say $"{place}: NOT whole: {error.Message}"
                    false
        ]

    if List.forall id whole then
        ExitCode.Done
    else
        ExitCode.AnswerIsNo

type PruneOptions =
    | [<MainCommand; ExactlyOnce>] Run of folder: string
    | Keep_Last of count: int
    | Keep_Every of steps: int64
    | Yes

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Run _ -> "a run's folder, or its folder of checkpoints; no run may be writing it."
            | Keep_Last _ -> "newest checkpoints to keep; default 1."
            | Keep_Every _ -> "keep of the older ones the first at or after each multiple of so many steps."
            | Yes -> "remove them; without it they are only listed."

let private prune (options: ParseResults<PruneOptions>) =
    let place = checkpointsOf (options.GetResult PruneOptions.Run)
    let store = CheckpointPlace.Store place
    let last = options.GetResult(Keep_Last, 1)

    if last < 1 then
        usage $"--keep-last {last}: at least 1 is kept" ""

    let rule =
        {
            Last = last
            Every = options.GetResult(Keep_Every, 0L)
        }

    // What is kept must be worth keeping: the newest whole one counts as the newest.
    match Checkpoint.Newest(store, (fun found reason -> Terminal.tell $"{found}: not whole: {reason}")) with
    | null -> refuse ExitCode.Data $"{place}: none of its checkpoints is whole; nothing was removed"
    | newest ->
        use _ = newest.Files
        let removed = rule.Removes(newest.Manifest.Data.NextBatch, store.Steps())

        for step in removed do
            if options.Contains Yes then
                store.Remove step
                Terminal.say $"removed {CheckpointPlace.Below(place, string step)}"
            else
                Terminal.say $"would remove {CheckpointPlace.Below(place, string step)}"

        if removed.IsEmpty then
            Terminal.say "nothing to remove"
        elif not (options.Contains Yes) then
            Terminal.say "--yes removes them"

    ExitCode.Done

type FetchOptions =
    | [<MainCommand; ExactlyOnce>] Checkpoint of place: string
    | [<Mandatory; AltCommandLine("-o")>] Out of folder: string

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Checkpoint _ -> "a checkpoint's address in an object store, or its folder."
            | Out _ -> "folder that is written; it appears when it is complete and checked."

let private fetch (options: ParseResults<FetchOptions>) =
    let place = options.GetResult FetchOptions.Checkpoint
    let out = options.GetResult FetchOptions.Out
    use files = CheckpointPlace.Files place
    let checkpoint = Checkpoint.Open files
    CheckpointCopy.Into(checkpoint, out)
    Terminal.say $"{out}: {Terminal.bytes (bytesOf checkpoint.Manifest)}, whole"
    ExitCode.Done

type ConvertOptions =
    | [<MainCommand; ExactlyOnce>] Checkpoint of folder: string
    | [<Mandatory; AltCommandLine("-o")>] Out of folder: string
    | Dtype of dtype: string
    | Force

    interface IArgParserTemplate with
        member option.Usage =
            match option with
            | Checkpoint _ -> "a checkpoint's folder, or a run's: then its newest whole one."
            | Out _ -> "model folder that is written; it appears when it is complete."
            | Dtype _ -> "float32, bfloat16, float16, or keep (default)."
            | Force -> "replace the model folder that is there already."

let private convert (options: ParseResults<ConvertOptions>) =
    let source = options.GetResult ConvertOptions.Checkpoint

    if ObjectAddress.Names source then
        refuse ExitCode.Data $"{source}: is in an object store; bring it here with evo checkpoint fetch"

    ConvertVerb.verb.Run
        [|
            "--to-hf"
            source
            "--out"
            options.GetResult ConvertOptions.Out
            yield!
                options.TryGetResult Dtype
                |> Option.map (fun dtype -> [ "--dtype"; dtype ])
                |> Option.defaultValue []
            if options.Contains Force then
                "--force"
        |]

let verbs: Verb list =
    [
        Verb.make
            "checkpoint list"
            "Lists the checkpoints of a run, newest first."
            "Their files are not looked at; evo checkpoint verify does that."
            [ "./evo train configs/tiny.json && ./evo checkpoint list runs/tiny" ]
            list
        Verb.make
            "checkpoint show"
            "Shows what a checkpoint says of itself: where its run stands, its files, its logical tensors."
            ""
            [
                "./evo train configs/tiny.json && ./evo checkpoint show runs/tiny/checkpoints/40"
            ]
            show
        Verb.make
            "checkpoint verify"
            "Reads every byte of checkpoints and says whether they are what was written."
            "Exit code 1 where one is not."
            [ "./evo train configs/tiny.json && ./evo checkpoint verify runs/tiny" ]
            verify
        Verb.make
            "checkpoint prune"
            "Removes old checkpoints of a run by the rules of ckpt.keep_last and ckpt.keep_every."
            "The newest whole checkpoint is always kept. Nothing is removed without --yes."
            [
                "./evo train configs/tiny.json && ./evo checkpoint prune runs/tiny --keep-last 2"
            ]
            prune
        Verb.make
            "checkpoint fetch"
            "Brings a checkpoint from an object store into a folder, checked byte by byte."
            "AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say which store, and who asks."
            [ "./evo checkpoint fetch s3://bucket/runs/tiny/40 --out tiny-40" ]
            fetch
        Verb.make
            "checkpoint convert"
            "Writes the model of a checkpoint as a Hugging Face folder without the state of training."
            "evo convert --to-hf says the same, with more options. Checkpoints need no conversion between layouts: any layout reads them."
            [
                "./evo train configs/tiny.json && ./evo checkpoint convert runs/tiny --out runs/tiny-hf --dtype bfloat16"
            ]
            convert
    ]
