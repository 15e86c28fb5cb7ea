/// Whole runs: steps, reports, stops and resumptions.
module Evo.Parallel.Tests.Trainers

open System
open System.IO
open Evo.Core
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.TinyRuns
open Xunit

let private withData () =
    let folder = new TemporaryFolder()
    writeData folder.Path
    folder

let private dtypes = [ "float32"; "bfloat16"; "float64" ]

/// The folder of the checkpoint after the last step.
let private last (config: RunConfig) =
    Path.Combine(config.CheckpointFolder, string config.Data.TotalSteps)

[<Fact>]
let ``a run learns, reports every step once, and leaves a checkpoint`` () =
    use folder = withData ()
    let config = config folder.Path "INTERNLM2" [ "data.total_steps=60" ]
    let result, events = run config
    Assert.Equal(RunEnd.Completed, result.End)
    Assert.Equal(60L, result.Step)

    Assert.True(
        result.LastValidLoss.Value < result.FirstValidLoss.Value - 0.3,
        $"{result.FirstValidLoss} → {result.LastValidLoss}"
    )

    let reported =
        [
            for event in events do
                match event with
                | :? TrainEvent.StepDone as it -> it.Report.Step
                | _ -> ()
        ]

    Assert.Equal<int64 list>([ 1L .. 60L ], reported)

    let steps =
        metrics config
        |> List.map (fun line -> line |> List.find (fun (name, _) -> name = "step") |> snd)

    Assert.Equal<string list>(List.map string [ 1..60 ], steps)
    let checkpoint = Checkpoint.Read(last config)
    Assert.Equal(60L, checkpoint.Manifest.Step)

    Assert.Equal(
        60L * int64 (config.Data.RowTokens * config.Data.MicroNum),
        checkpoint.Manifest.ConsumedTokens
    )

[<Fact>]
let ``a run without kernels of our own has the same losses to rounding`` () =
    let losses kernels =
        use folder = withData ()
        let before = Evo.Torch.CountedOperations.Now

        let _, events =
            run (config folder.Path "LLAMA2" [ "data.total_steps=4"; $"kernels={kernels}" ])

        // Attention is counted where a kernel computes it.
        Assert.Equal((kernels = "native"), Evo.Torch.CountedOperations.Now.Since(before).Attention > 0L)

        [
            for event in events do
                match event with
                | :? TrainEvent.StepDone as it -> it.Report.Loss
                | _ -> ()
        ]

    let plain, native = losses "plain", losses "native"
    Assert.Equal(4, plain.Length)
    List.iter2 (fun (a: float) (b: float) -> Assert.Equal(a, b, 1e-5)) plain native

[<Fact>]
let ``the loss of a step is reported as it was before the update, and the rate as it was used`` () =
    use folder = withData ()
    let config = config folder.Path "LLAMA2" [ "data.valid_every=0" ]
    let _, events = run config

    let reports =
        [
            for event in events do
                match event with
                | :? TrainEvent.StepDone as it -> it.Report
                | _ -> ()
        ]
    // Fresh weights know nothing: the loss is near that of 61 equal choices.
    Assert.InRange(reports[0].Loss, log 61.0 - 0.5, log 61.0 + 1.5)
    let rate = LearningRate.Of config

    for report in reports do
        Assert.Equal(rate.At(report.Step - 1L), report.Lr)
        Assert.Equal(128L, report.Tokens)
        Assert.InRange(report.RealTokens, 64L, 128L)
        Assert.Equal(report.Step * 128L, report.ConsumedTokens)
        Assert.True(report.StepSeconds >= report.ForwardBackwardSeconds + report.OptimizerSeconds)

[<Fact>]
let ``a run that was stopped and resumed is equal bit for bit to one that never stopped`` () =
    for dtype in dtypes do
        for family, _ in families do
            use folder = withData ()
            let straight = config folder.Path family [ $"model.dtype={dtype}" ]
            run straight |> ignore

            let stopped =
                config folder.Path family [ $"model.dtype={dtype}"; $"run_folder={folder.Path}/stopped" ]

            for step in [ 1L; 3L; 5L; 8L ] do
                let result = runUntil step stopped
                Assert.Equal(RunEnd.Stopped, result.End)
                Assert.Equal(step, result.Step)

            let result, events = run stopped
            Assert.Equal(RunEnd.Completed, result.End)
            Assert.Contains(events, (fun event -> event :? TrainEvent.Resumed))
            Assert.Equal<(string * string) list>(bits (last straight), bits (last stopped))
            Assert.Equal<(string * string) list list>(metrics straight, metrics stopped)

[<Fact>]
let ``with dropout, too, a resumed run is equal bit for bit`` () =
    use folder = withData ()

    let dropout =
        [
            "model.drop_rate=0.1"
            "model.embed_drop_rate=0.1"
            "model.attn_drop_rate=0.1"
        ]

    let straight = config folder.Path "GPT2" dropout
    run straight |> ignore

    let stopped =
        config folder.Path "GPT2" ($"run_folder={folder.Path}/stopped" :: dropout)

    runUntil 7L stopped |> ignore
    run stopped |> ignore
    Assert.Equal<(string * string) list>(bits (last straight), bits (last stopped))

[<Fact>]
let ``recomputing layers changes no bit of a run`` () =
    use folder = withData ()
    let kept = config folder.Path "LLAMA2" []
    run kept |> ignore

    let recomputed =
        config folder.Path "LLAMA2" [ $"run_folder={folder.Path}/recomputed"; "model.checkpoint=1" ]

    run recomputed |> ignore
    Assert.Equal<(string * string) list>(bits (last kept), bits (last recomputed))

[<Fact>]
let ``validating changes no bit of a run`` () =
    use folder = withData ()
    let validated = config folder.Path "GPT2" [ "data.valid_every=1" ]
    run validated |> ignore

    let not =
        config
            folder.Path
            "GPT2"
            [
                $"run_folder={folder.Path}/not"
                "data.valid_every=0"
                "data.valid_folder=null"
            ]

    run not |> ignore
    Assert.Equal<(string * string) list>(bits (last validated), bits (last not))

[<Fact>]
let ``cutting a step into more micro-batches reads the same tokens`` () =
    use folder = withData ()

    let read sets =
        let config =
            config
                folder.Path
                "LLAMA2"
                ($"run_folder={folder.Path}/{Guid.NewGuid()}" :: "data.total_steps=3" :: sets)

        let _, events = run config

        [
            for event in events do
                match event with
                | :? TrainEvent.StepDone as it -> it.Report
                | _ -> ()
        ]

    let four = read [ "data.micro_bsz=1"; "data.micro_num=4" ]
    let again = read [ "data.micro_bsz=1"; "data.micro_num=4"; "model.checkpoint=0.5" ]

    for a, b in List.zip four again do
        Assert.Equal(a.Loss, b.Loss)
        Assert.Equal(a.RealTokens, b.RealTokens)

[<Fact>]
let ``skipped batches are read past and not trained on`` () =
    use folder = withData ()
    let config = config folder.Path "LLAMA2" [ "data.skip_batches=\"2-4,7\"" ]
    let result, events = run config
    Assert.Equal(12L, result.Step)
    Assert.Equal(8L, result.Updates)

    let reports =
        [
            for event in events do
                match event with
                | :? TrainEvent.StepDone as it -> it.Report
                | _ -> ()
        ]

    Assert.Equal<int64 list>([ 1L; 2L; 6L; 7L; 9L; 10L; 11L; 12L ], reports |> List.map _.Batch)
    // The schedules follow the updates, not the batches.
    let rate = LearningRate.Of config
    Assert.Equal<float list>(List.init 8 (fun update -> rate.At(int64 update)), reports |> List.map _.Lr)

[<Fact>]
let ``a run that is complete is not trained further`` () =
    use folder = withData ()
    let config = config folder.Path "LLAMA2" []
    let first, _ = run config
    let before = bits (last config)
    let again, events = run config
    Assert.Equal(first.LastValidLoss, again.LastValidLoss)
    Assert.DoesNotContain(events, (fun event -> event :? TrainEvent.StepDone))
    Assert.Equal<(string * string) list>(before, bits (last config))

[<Fact>]
let ``steps whose gradient is not finite are skipped, counted, named, and do not move the schedule`` () =
    use folder = withData ()
    // A learning rate that throws the weights out of the range of float32.
    let config =
        config
            folder.Path
            "LLAMA2"
            [
                "adam.lr=1e30"
                "lr_scheduler.type=constant"
                "lr_scheduler.warmup_ratio=0"
                "train.max_skipped_steps=4"
                "data.valid_every=0"
            ]

    let seen = Seen()

    let error =
        Assert.Throws<TrainingException>(fun () ->
            Trainer(config, seen).Run(Threading.CancellationToken.None) |> ignore)

    Assert.True error.Diverged

    let skips =
        [
            for event in seen.Events do
                match event with
                | :? TrainEvent.StepSkipped as it -> it
                | _ -> ()
        ]

    Assert.Equal(4, skips.Length)
    Assert.Equal<int64 list>([ 1L .. 4L ], skips |> List.map _.SkippedSoFar)
    let names = (spec "LLAMA2").Parameters |> Seq.map _.Name |> List.ofSeq

    for skip in skips do
        Assert.Contains(skip.Parameter, "loss" :: names)
        Assert.Contains(skip.Found, [ "nan"; "inf" ])

    Assert.Contains(skips[3].Parameter, error.Message)
    // Only updates stand in the metrics, with the batches they stood at.
    let lines = metrics config
    Assert.Equal(int skips[0].Step - 1, lines.Length)

[<Fact>]
let ``a whole run leaves no native tensor behind`` () =
    use folder = withData ()

    let go name =
        run (config folder.Path "GPT2" [ $"run_folder={folder.Path}/{name}"; "data.total_steps=4" ])
        |> ignore

    go "first"
    let before = Folders.liveTensors ()
    // A collection would tidy up what the run should.
    Assert.True(GC.TryStartNoGCRegion 200_000_000L)
    go "second"
    let after = Evo.Torch.NativeMemory.LiveTensors
    GC.EndNoGCRegion()
    Assert.Equal(before, after)

[<Fact>]
let ``two processes do not train in one folder`` () =
    use folder = withData ()
    let config = config folder.Path "LLAMA2" []
    Directory.CreateDirectory config.Folder |> ignore

    use _ =
        new FileStream(
            Path.Combine(config.Folder, ".lock"),
            FileMode.OpenOrCreate,
            FileAccess.ReadWrite,
            FileShare.None
        )

    let error = Assert.Throws<CheckpointException>(fun () -> run config |> ignore)
    Assert.Contains("another process", error.Message)

[<Fact>]
let ``two runs do not save in one folder`` () =
    use folder = withData ()
    let shared = Path.Combine(folder.Path, "shared")

    let config =
        config folder.Path "LLAMA2" [ $"ckpt.save_ckpt_folder={shared}"; "data.total_steps=2" ]

    Directory.CreateDirectory shared |> ignore

    (use _ = nonNull ((CheckpointStore shared).Hold())
     let error = Assert.Throws<CheckpointException>(fun () -> run config |> ignore)
     Assert.Contains("another run saves here", error.Message)
     Assert.Contains("ckpt.save_ckpt_folder", error.Message))

    run config |> ignore
    Assert.Equal<int64 seq>([ 2L ], (CheckpointStore shared).Steps())

[<Fact>]
let ``what routers add is a metric of its own, and the loss is without it`` () =
    let lines sets =
        use folder = new TemporaryFolder()
        writeData folder.Path

        let config =
            config folder.Path "MIXTRALMOE" ("data.total_steps=3" :: "data.valid_every=0" :: sets)

        run config |> ignore
        metrics config |> List.map Map.ofList

    let balanced = lines [ "loss.moe_loss_coeff=0.5" ]
    let free = lines [ "loss.moe_loss_coeff=0" ]
    Assert.Equal(3, balanced.Length)

    for line in balanced do
        // Two experts of five for each token: 2 at balance, 10 at worst.
        Assert.InRange(float line["moe_loss"], 0.9, 5.0)

    for line in free do
        Assert.False(line.ContainsKey "moe_loss")

    // The first step sees the same weights; its loss is the cross-entropy both times.
    Assert.Equal(free.Head["loss"], balanced.Head["loss"])
    Assert.NotEqual<string>(free[2]["loss"], balanced[2]["loss"])

[<Fact>]
let ``what the head's z-loss adds is a metric of its own, and losses are without it`` () =
    let lines sets =
        use folder = new TemporaryFolder()
        writeData folder.Path

        let config =
            config folder.Path "LLAMA2" ("data.total_steps=2" :: "data.valid_every=1" :: sets)

        run config |> ignore
        metrics config |> List.map Map.ofList

    let pulled, free = lines [ "loss.z_loss_coeff=0.1" ], lines []

    // Logits of fresh weights are about one: the denominator is the vocabulary of 61, or some more.
    let expected = 0.1 * log 61.0 ** 2.0
    Assert.InRange(float pulled.Head["z_loss"], expected, 1.6 * expected)
    Assert.False(free.Head.ContainsKey "z_loss")
    // The first step sees the same weights; its loss is the cross-entropy both times.
    Assert.InRange(abs (float free.Head["loss"] - float pulled.Head["loss"]), 0.0, 1e-6)
    Assert.InRange(abs (float free.Head["valid_loss"] - float pulled.Head["valid_loss"]), 0.0, 0.5)
    Assert.NotEqual<string>(free[1]["loss"], pulled[1]["loss"])
