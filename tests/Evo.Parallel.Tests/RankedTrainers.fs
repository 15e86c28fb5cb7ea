/// Whole runs on several ranks: what they report and save is what one rank reports and saves.
module Evo.Parallel.Tests.RankedTrainers

open System
open System.IO
open System.Threading
open Evo.Core
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open Evo.Parallel.Tests.TinyRuns
open Xunit

/// Settings of a run on so many ranks; the batch of a step has as many rows however many ranks there are.
let layouts =
    [
        "LLAMA2", 2, [ "parallel.tensor.size=2" ]
        "LLAMA2", 4, [ "parallel.tensor.size=2"; "parallel.tensor.mode=msp" ]
        "LLAMA2",
        2,
        [
            "parallel.tensor.size=2"
            "parallel.tensor.mode=fsp"
            "selective_checkpoint=true"
            "model.checkpoint=1"
        ]
        "INTERNLM2",
        4,
        [
            "parallel.tensor.size=2"
            "parallel.tensor.mode=isp"
            "parallel.weight.size=4"
        ]
        "GPT2", 4, [ "parallel.pipeline.size=2"; "hybrid_zero_optimizer.reduce=all_reduce" ]
        "GPT2",
        4,
        [
            "parallel.tensor.size=2"
            "parallel.tensor.mode=msp"
            "model.drop_rate=0.2"
            "model.embed_drop_rate=0.2"
            "model.attn_drop_rate=0.2"
        ]
        "LLAMA2", 4, [ "parallel.pipeline.size=2"; "model.checkpoint=1"; "model.attn_drop_rate=0.2" ]
        "INTERNLM2", 3, [ "parallel.pipeline.size=3"; "parallel.pipeline.mode=ZBH1" ]
        "LLAMA2", 4, [ "parallel.fsdp.enable=true"; "parallel.fsdp.size=2" ]
        "MIXTRALMOE",
        4,
        [
            "parallel.tensor.size=2"
            "parallel.pipeline.size=2"
            "loss.moe_loss_coeff=0.1"
        ]
    ]

let private many (ranks: int) (config: RunConfig) =
    let seen = Seen()

    let results =
        LocalWorld.Results(
            ranks,
            (fun rank -> Trainer(config, seen, ResumeRule.AsConfigured, rank).Run CancellationToken.None),
            threads = 1
        )

    results[0], List.ofSeq seen.Events

let private reports (events: TrainEvent list) =
    events
    |> List.choose (function
        | :? TrainEvent.StepDone as it -> Some it.Report
        | _ -> None)

let private validations (events: TrainEvent list) =
    events
    |> List.choose (function
        | :? TrainEvent.Validated as it -> Some(it.Step, it.Tokens, it.Loss)
        | _ -> None)

let private close (a: float) (b: float) =
    Assert.True(abs (a - b) <= 2e-5 * abs b, $"{a} and {b}")

/// Whether a setting is no layout's: one rank has it too.
let private isOfAll (key: string) =
    key.StartsWith "loss." || key.Contains "drop_rate"

let names = TheoryData<int>([| 0 .. layouts.Length - 1 |])

[<Theory; MemberData(nameof names)>]
let ``a run on several ranks reports the losses of one, and its checkpoint continues on one`` (index: int) =
    let family, ranks, keys = layouts[index]
    use alone = new TemporaryFolder()
    use spread = new TemporaryFolder()

    let common =
        [
            "data.rows_per_step=4"
            "data.total_steps=6"
            "data.valid_every=3"
            "ckpt.checkpoint_every=3"
            "model.dtype=float64"
        ]

    for folder in [ alone; spread ] do
        writeData folder.Path

    let one =
        config
            alone.Path
            family
            (common
             @ [
                 for key in keys do
                     if isOfAll key then
                         key
             ])

    let several = config spread.Path family (common @ keys)
    let _, single = run one
    let result, events = many ranks several
    Assert.Equal(RunEnd.Completed, result.End)

    for a, b in List.zip (reports events) (reports single) do
        close a.Loss b.Loss
        close a.GradNorm b.GradNorm
        Assert.Equal(b.Tokens, a.Tokens)
        Assert.Equal(b.RealTokens, a.RealTokens)
        Assert.Equal(b.ConsumedTokens, a.ConsumedTokens)
        Assert.Equal(b.SamplesInBatch, a.SamplesInBatch)
        Assert.Equal(b.LargestLength, a.LargestLength)

    for (step, tokens, loss), (step', tokens', loss') in List.zip (validations events) (validations single) do
        Assert.Equal(step', step)
        Assert.Equal(tokens', tokens)
        close loss loss'

    // The checkpoint of the ranks, continued by one alone, goes where one rank goes.
    let last = nonNull result.Checkpoint
    Assert.Equal(6L, Checkpoint.Read(last).Manifest.Step)
    Directory.Delete(last, true)

    let onOne =
        config
            spread.Path
            family
            (common
             @ [
                 for key in keys do
                     if isOfAll key then
                         key
             ])

    let _, continued = run onOne
    Assert.Equal<int64 list>([ 4L; 5L; 6L ], reports continued |> List.map _.Step)

    for a in reports continued do
        close a.Loss (reports single |> List.find (fun b -> b.Step = a.Step)).Loss
