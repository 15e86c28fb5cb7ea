/// When a run is saved, what stays of it, and what may change when it goes on.
module Evo.Parallel.Tests.SavedRuns

open System
open System.IO
open System.Text.Json.Nodes
open System.Threading
open Evo.Core
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.TinyRuns
open Xunit

let private steps (folder: string) =
    List.ofSeq (CheckpointStore(folder).Steps())

let private saved (events: TrainEvent list) =
    [
        for event in events do
            match event with
            | :? TrainEvent.CheckpointSaved as it -> it.Step
            | _ -> ()
    ]

let private quiet = [ "data.valid_every=0" ]

[<Fact>]
let ``a run keeps its newest checkpoints and one of each stretch, and of snapshots the newest two`` () =
    use folder = new TemporaryFolder()
    writeData folder.Path

    let config =
        config
            folder.Path
            "LLAMA2"
            (quiet
             @ [
                 "data.total_steps=13"
                 "ckpt.checkpoint_every=2"
                 "ckpt.keep_last=2"
                 "ckpt.keep_every=5"
                 "ckpt.snapshot_every=3"
             ])

    let _, events = run config
    Assert.Equal<int64 list>([ 2L; 3L; 4L; 6L; 8L; 9L; 10L; 12L; 13L ], saved events)
    Assert.Equal<int64 list>([ 13L; 12L; 10L; 6L ], steps config.CheckpointFolder)
    Assert.Equal<int64 list>([ 9L; 3L ], steps (Path.Combine(config.CheckpointFolder, "snapshot")))

[<Fact>]
let ``a run continues its newest snapshot where that is the newest checkpoint, to the same bits`` () =
    use folder = new TemporaryFolder()
    writeData folder.Path

    let at name =
        config
            folder.Path
            "LLAMA2"
            (quiet
             @ [
                 "ckpt.checkpoint_every=4"
                 "ckpt.snapshot_every=3"
                 $"run_folder={folder.Path}/{name}"
             ])

    let straight, stopped = at "straight", at "stopped"
    run straight |> ignore
    run stopped |> ignore

    for later in [ "8"; "12" ] do
        Directory.Delete(Path.Combine(stopped.CheckpointFolder, later), true)

    let _, events = run stopped

    Assert.Contains(
        events,
        (fun event ->
            match event with
            | :? TrainEvent.Resumed as it -> it.Step = 9L && it.Folder.EndsWith "snapshot/9"
            | _ -> false)
    )

    let last (config: RunConfig) =
        bits (Path.Combine(config.CheckpointFolder, "12"))

    Assert.Equal<(string * string) list>(last straight, last stopped)

[<Fact>]
let ``the stop file saves a run, and ends it, at the step that it names`` () =
    use folder = new TemporaryFolder()
    writeData folder.Path
    let control = folder.File "control"

    let config =
        config folder.Path "LLAMA2" (quiet @ [ $"ckpt.stop_file_path={control}"; "ckpt.checkpoint_every=0" ])

    let seen = Seen()

    let watch =
        { new IProgress<TrainEvent> with
            member _.Report event =
                (seen :> IProgress<TrainEvent>).Report event

                match event with
                | :? TrainEvent.StepDone as it when it.Report.Batch = 1L ->
                    Assert.Equal("0\n", File.ReadAllText control)
                    File.WriteAllText(control, "-3")
                | :? TrainEvent.StepDone as it when it.Report.Batch = 5L -> File.WriteAllText(control, " 7\n")
                | _ -> ()
        }

    let result = Trainer(config, watch).Run CancellationToken.None
    Assert.Equal(RunEnd.Stopped, result.End)
    Assert.Equal(7L, result.Step)
    Assert.Equal<int64 list>([ 3L; 7L ], saved (List.ofSeq seen.Events))

[<Fact>]
let ``keys that are meant to change do, and others must still stay`` () =
    use folder = new TemporaryFolder()
    writeData folder.Path

    let config sets =
        config folder.Path "LLAMA2" (quiet @ sets)

    runUntil 4L (config []) |> ignore

    let changed =
        [
            "adam.lr=0.02"
            "lr_scheduler.eta_min=0.001"
            "ckpt.resume_changes=[\"adam.lr\", \"lr_scheduler\"]"
        ]

    let error =
        Assert.Throws<CheckpointException>(fun () ->
            run (config ("adam.weight_decay=0.5" :: changed)) |> ignore)

    Assert.Contains("adam.weight_decay: ", error.Message)
    Assert.DoesNotContain("adam.lr: ", error.Message)
    let result, events = run (config changed)
    Assert.Equal(12L, result.Step)
    let rate = LearningRate.Of(config changed)

    for event in events do
        match event with
        | :? TrainEvent.StepDone as it -> Assert.Equal(rate.At(it.Report.Step - 1L), it.Report.Lr, 1e-15)
        | _ -> ()

[<Fact>]
let ``rows may be dealt out another way, and a step with other rows is refused`` () =
    use folder = new TemporaryFolder()
    writeData folder.Path

    let at sets =
        config folder.Path "LLAMA2" (quiet @ sets)

    ResumedLayouts.runOn 2 4L (at [ "data.micro_num=2" ]) |> ignore

    let refused ranks config =
        Assert.ThrowsAny<Exception>(fun () -> ResumedLayouts.runOn ranks 6L config |> ignore).ToString()

    let reason = refused 1 (at [ "data.micro_num=2" ])
    Assert.Contains("a step had 4 rows over all ranks and has 2 now", reason)
    Assert.Contains("data.rows_per_step = 4", reason)
    Assert.Contains("a step had 4 rows", refused 4 (at [ "data.micro_num=2" ]))
    ResumedLayouts.runOn 1 6L (at [ "data.micro_num=4" ]) |> ignore
    ResumedLayouts.runOn 4 8L (at [ "data.micro_num=1" ]) |> ignore

    let result, _ =
        ResumedLayouts.runOn 2 Int64.MaxValue (at [ "data.rows_per_step=4" ])

    Assert.Equal(12L, result.Step)

let private member' (name: string) (node: JsonNode) : JsonNode = nonNull node[name]

let private items (node: JsonNode) =
    [ for item in node.AsArray() -> nonNull item ]

/// The same checkpoint as version 1 of the format has it: all by one rank, each tensor whole.
let private toVersion1 (folder: string) =
    let before, after = "optimizer-00001-of-00001.safetensors", "optimizer.safetensors"
    let path = Path.Combine(folder, Checkpoint.ManifestFile)
    let json = nonNull (JsonNode.Parse(File.ReadAllText path))
    json["version"] <- JsonValue.Create 1
    json.AsObject().Remove "layout" |> ignore
    (member' "data" json).AsObject().Remove "ranks" |> ignore

    for tensor in items (member' "tensors" json) do
        let piece = List.head (items (member' "pieces" tensor))
        let file = (member' "file" piece).GetValue<string>()
        tensor.AsObject().Remove "pieces" |> ignore
        tensor["file"] <- JsonValue.Create(if file = before then after else file)

    for file in items (member' "files" json) do
        if (member' "path" file).GetValue<string>() = before then
            file["path"] <- JsonValue.Create after

    File.Move(Path.Combine(folder, before), Path.Combine(folder, after))
    File.WriteAllText(path, json.ToJsonString())

[<Fact>]
let ``a checkpoint of the format's first version is continued to the same bits`` () =
    for family, dtype in [ "MIXTRALMOE", "float32"; "GPT2", "bfloat16"; "INTERNLM2", "float32" ] do
        use folder = new TemporaryFolder()
        writeData folder.Path

        let at name =
            config folder.Path family (quiet @ [ $"model.dtype={dtype}"; $"run_folder={folder.Path}/{name}" ])

        let straight, older = at "straight", at "older"
        run straight |> ignore
        runUntil 5L older |> ignore
        toVersion1 (Path.Combine(older.CheckpointFolder, "5"))
        run older |> ignore

        let last (config: RunConfig) =
            bits (Path.Combine(config.CheckpointFolder, "12"))

        Assert.Equal<(string * string) list>(last straight, last older)

[<Fact>]
let ``what a rank could not write ends the run on all ranks with its words, and nothing is committed`` () =
    use folder = new TemporaryFolder()
    writeData folder.Path

    let config =
        config folder.Path "LLAMA2" (quiet @ [ "ckpt.checkpoint_every=2"; "data.rows_per_step=4" ])

    let blocked =
        Path.Combine(config.CheckpointFolder, ".staging-4", "optimizer-00003-of-00004.safetensors")

    let said = Collections.Concurrent.ConcurrentBag<string>()

    let watch =
        { new IProgress<TrainEvent> with
            member _.Report event =
                match event with
                // A folder where the third rank's file should be, as soon as the draft is there.
                | :? TrainEvent.StepDone as it when it.Report.Batch = 3L ->
                    let stage = nonNull (Path.GetDirectoryName blocked)

                    Thread(fun () ->
                        while not (Directory.Exists stage) do
                            Thread.Yield() |> ignore

                        Directory.CreateDirectory blocked |> ignore)
                        .Start()
                | _ -> ()
        }

    try
        LocalWorld.Run(
            4,
            (fun rank ->
                try
                    Trainer(config, watch, ResumeRule.AsConfigured, rank).Run CancellationToken.None
                    |> ignore
                with :? CheckpointException as error ->
                    said.Add error.Message
                    raise error)
        )

        Assert.Fail "the run went on"
    with
    | :? CheckpointException
    | :? AggregateException
    | :? LocalWorldException -> ()

    Assert.Equal(4, said.Count)

    for message in said do
        Assert.Contains("optimizer-00003-of-00004.safetensors", message)
        Assert.Contains("step 2 stands unharmed", message)

    Assert.Equal<int64 list>([ 2L ], steps config.CheckpointFolder)
    Assert.Empty(Directory.GetDirectories(config.CheckpointFolder, ".staging*"))

[<Fact>]
let ``a save takes from training what copying takes, and steps say so`` () =
    use folder = new TemporaryFolder()
    writeData folder.Path

    let _, events =
        run (config folder.Path "LLAMA2" (quiet @ [ "ckpt.checkpoint_every=4" ]))

    let times =
        [
            for event in events do
                match event with
                | :? TrainEvent.StepDone as it -> it.Report.Step, it.Report.SaveSeconds
                | _ -> ()
        ]

    // Begun after step 4, committed before step 5 or a later one.
    for step, seconds in times do
        if step <= 4L then
            Assert.Equal(0.0, seconds)

    Assert.True(times |> List.exists (fun (step, seconds) -> step = 5L && seconds > 0.0))
