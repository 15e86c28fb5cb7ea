/// Checkpoints that a run must not continue, and what it says instead.
module Evo.Parallel.Tests.Refusals

open System.IO
open Evo.Core
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.TinyRuns
open Xunit

/// A run of six steps with checkpoints after the third and the sixth.
let private trained () =
    let folder = new TemporaryFolder()
    writeData folder.Path

    let sets =
        [
            "data.total_steps=6"
            "ckpt.checkpoint_every=3"
            "lr_scheduler.total_steps=100"
        ]

    run (config folder.Path "LLAMA2" sets) |> ignore
    folder, sets

let private refused fault (words: string list) (config: RunConfig) =
    let before =
        Directory.GetFiles(config.CheckpointFolder, "*", SearchOption.AllDirectories)
        |> Array.map (fun f -> f, FileChecksum.Of f)

    let error = Assert.Throws<CheckpointException>(fun () -> run config |> ignore)
    Assert.Equal(fault, error.Fault)

    for word in words do
        Assert.Contains(word, error.Message)

    // Nothing is lost by being refused.
    let after =
        Directory.GetFiles(config.CheckpointFolder, "*", SearchOption.AllDirectories)
        |> Array.map (fun f -> f, FileChecksum.Of f)

    Assert.Equal<(string * string)[]>(before, after)

[<Fact>]
let ``another model's checkpoint is refused with what differs`` () =
    let folder, sets = trained ()
    use _ = folder

    config folder.Path "LLAMA2" ("model.intermediate_size=48" :: sets)
    |> refused CheckpointFault.OtherModel [ "intermediate_size: 40"; "48" ]

    config folder.Path "INTERNLM2" sets
    |> refused CheckpointFault.OtherModel [ "another model"; "architectures" ]

[<Fact>]
let ``a configuration that computes something else is refused with every key`` () =
    let folder, sets = trained ()
    use _ = folder

    config folder.Path "LLAMA2" ([ "adam.lr=0.5"; "seed=8" ] @ sets)
    |> refused CheckpointFault.OtherConfig [ "adam.lr"; "0.01"; "0.5"; "seed" ]

[<Fact>]
let ``keys that do not decide what is computed may change`` () =
    let folder, sets = trained ()
    use _ = folder

    let result, _ =
        run (
            config
                folder.Path
                "LLAMA2"
                (sets
                 @ [
                     "data.total_steps=8"
                     "data.valid_every=1"
                     "ckpt.keep_last=1"
                     "model.checkpoint=1"
                 ])
        )

    Assert.Equal(8L, result.Step)

[<Fact>]
let ``other data is refused`` () =
    let folder, sets = trained ()
    use _ = folder
    writeTokens (folder.File "train/en/a.bin") 5 121

    config folder.Path "LLAMA2" sets
    |> refused CheckpointFault.OtherData [ "en/a.bin" ]

[<Fact>]
let ``checkpoints in the way of a fresh start are refused`` () =
    let folder, sets = trained ()
    use _ = folder

    config folder.Path "LLAMA2" ("ckpt.auto_resume=false" :: sets)
    |> refused CheckpointFault.InTheWay [ "step 6"; "--resume" ]

[<Fact>]
let ``a damaged checkpoint is passed over, and the run continues from the one before to the same end`` () =
    let folder, sets = trained ()
    use _ = folder
    let config = config folder.Path "LLAMA2" sets
    let last = Path.Combine(config.CheckpointFolder, "6")
    let whole = bits last

    for file in
        [
            "model.safetensors"
            "optimizer-00001-of-00001.safetensors"
            "state.json"
            "run.json"
            "config.json"
        ] do
        let path = Path.Combine(last, file)
        let bytes = File.ReadAllBytes path
        File.WriteAllBytes(path, bytes[.. bytes.Length - 2])
        let result, events = run config
        Assert.Equal(6L, result.Step)

        let refusal =
            events
            |> List.pick (fun event ->
                match event with
                | :? TrainEvent.CheckpointRefused as it -> Some it
                | _ -> None)

        Assert.Contains(file, refusal.Reason)

        Assert.Contains(
            events,
            (fun event ->
                match event with
                | :? TrainEvent.Resumed as it -> it.Step = 3L
                | _ -> false)
        )

        Assert.Equal<(string * string) list>(whole, bits last)

[<Fact>]
let ``a run does not begin anew over checkpoints of which none is whole`` () =
    let folder, sets = trained ()
    use _ = folder
    let config = config folder.Path "LLAMA2" sets

    for step in [ "3"; "6" ] do
        File.Delete(Path.Combine(config.CheckpointFolder, step, "model.safetensors"))

    config
    |> refused CheckpointFault.Damaged [ "none of its 2 checkpoints is whole"; "model.safetensors" ]

[<Fact>]
let ``to insist on resuming where nothing is, is an error`` () =
    use folder = new TemporaryFolder()
    writeData folder.Path
    let config = config folder.Path "LLAMA2" []

    let error =
        Assert.Throws<CheckpointException>(fun () ->
            Trainer(config, null, ResumeRule.Required).Run System.Threading.CancellationToken.None
            |> ignore)

    Assert.Equal(CheckpointFault.Missing, error.Fault)

[<Fact>]
let ``another run's weights are a start, and a Hugging Face folder is one too`` () =
    let folder, sets = trained ()
    use _ = folder
    let from = Path.Combine(folder.Path, "run", "checkpoints", "6")

    for kind in [ "evo"; "hf" ] do
        let config =
            config
                folder.Path
                "LLAMA2"
                (sets
                 @ [
                     $"run_folder={folder.Path}/from-{kind}"
                     $"ckpt.load_ckpt_info.path={from}"
                     $"ckpt.load_ckpt_info.ckpt_type={kind}"
                     "ckpt.load_ckpt_info.content=[\"model\"]"
                     "data.total_steps=1"
                 ])

        let result, events = run config

        let last =
            events
            |> List.pick (fun event ->
                match event with
                | :? TrainEvent.Validated as it when it.Step = 0L -> Some it.Loss
                | _ -> None)

        let trained, _ = run (Evo.Parallel.Tests.TinyRuns.config folder.Path "LLAMA2" sets)
        Assert.Equal(trained.LastValidLoss.Value, last)
        Assert.Equal(1L, result.Step)
