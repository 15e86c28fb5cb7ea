module Evo.Core.Tests.ReportTests

open System
open System.Text.Json
open Xunit
open Evo.Core

let private flops layers hidden vocab mlp recompute =
    {
        MegatronFlops.Layers = layers
        Hidden = hidden
        Vocab = vocab
        MlpRatio = mlp
        Recompute = recompute
    }

/// Tokens per GPU and second as InternEvo logged them, with the 10^12 operations per second that it logged beside them.
let private logged: (MegatronFlops * int64 * float * float) list =
    [
        flops 32L 4096L 103168L (8.0 / 3.0) false, 4096L, 3917.95, 186.622
        flops 32L 4096L 92544L 3.5 false, 32768L, 2511.37, 252.447
        flops 32L 4096L 103168L (4.0 / 3.0) false, 2048L, 3359.06, 105.899
        flops 64L 5120L 152064L 5.4 true, 8192L, 720.46, 229.640
    ]

[<Fact>]
let ``operations per second are those that InternEvo logged`` () =
    for model, length, tgs, tflops in logged do
        let perToken = model.Step(1L, length) / float length
        Assert.Equal(tflops, perToken * tgs / 1e12, 0.001)

[<Fact>]
let ``the readings of throughput follow their definitions`` () =
    // 60 steps: step i takes i seconds for 100 tokens, 80 of them with a label; the wall clock runs twice as fast.
    let mutable speed = Throughput.Zero
    let mutable wall = 0.0

    for i in 1..60 do
        wall <- wall + 2.0 * float i
        speed <- speed.Next(100L, 80L, float i, wall)

    let steps from last = float (Seq.sum [ from..last ])
    Assert.Equal(100.0 / 60.0, speed.LastTgs1, 1e-12)
    Assert.Equal(80.0 / 60.0, speed.RealTgs, 1e-12)
    Assert.Equal(6000.0 / (2.0 * steps 1 60), speed.TgsAll, 1e-12)
    Assert.Equal(List.average [ for i in 1..60 -> 100.0 / float i ], speed.TgsAvg, 1e-12)
    Assert.Equal(5000.0 / steps 11 60, speed.TgsSma, 1e-12)
    Assert.Equal(1000.0 / steps 51 60, speed.LastTgs10, 1e-12)
    // Refreshed at step 50, not since.
    Assert.Equal(5000.0 / steps 1 50, speed.LastTgs50, 1e-12)

let private report =
    {
        Step = 3L
        Batch = 4L
        Loss = 2.5
        Accuracy = 0.375
        MoeLoss = System.Nullable()
        ZLoss = System.Nullable()
        Lr = 1e-3
        AdamBeta2 = 0.95
        LossScale = 1.0
        GradNorm = nan
        MicroNum = 2
        Tokens = 1024L
        RealTokens = 1000L
        ConsumedTokens = 3072L
        InfNanSkipBatches = 1L
        SamplesInBatch = 9L
        LargestLength = 256
        LargestBatch = 5
        SmallestBatch = 4
        StepSeconds = 0.5
        ForwardBackwardSeconds = 0.4
        BackwardSeconds = 0.25
        DataWaitSeconds = 0.01
        OptimizerSeconds = 0.05
        WallSeconds = 2.0
        SaveSeconds = 0.125
        Throughput = Throughput.Zero.Next(1024L, 1000L, 0.5, 2.0)
        Tflops = 0.02
        ModelTflops = 0.015
        PeakBytes = 0L
        ValidLoss = Nullable()
        ValidAccuracy = Nullable()
        TypeLosses = []
        ValidTypeLosses = []
    }

[<Fact>]
let ``a report is one line of JSON under InternEvo's names, with null for what is no number`` () =
    let line = report.ToJson()
    Assert.DoesNotContain("\n", line)
    use json = JsonDocument.Parse line

    let number (name: string) =
        json.RootElement.GetProperty(name).GetDouble()

    Assert.Equal(2.5, number "loss")
    Assert.Equal(3.0, number "step")
    Assert.Equal(4.0, number "batch_count")
    Assert.Equal(2048.0, number "tgs (tokens/gpu/second)")
    Assert.Equal(2000.0, number "real_tgs")
    Assert.Equal(0.125, number "save_time")
    Assert.Equal(exp 2.5, number "perplexity", 1e-12)
    Assert.Equal(0.375, number "acc")
    Assert.Equal(JsonValueKind.Null, json.RootElement.GetProperty("grad_norm").ValueKind)
    Assert.False(fst (json.RootElement.TryGetProperty "valid_loss"))

[<Fact>]
let ``the loss of a validation is part of its step's line`` () =
    let line =
        { report with
            ValidLoss = Nullable 2.25
            ValidAccuracy = Nullable 0.5
        }
            .ToJson()

    use json = JsonDocument.Parse line
    Assert.Equal(2.25, json.RootElement.GetProperty("valid_loss").GetDouble())
    Assert.Equal(0.5, json.RootElement.GetProperty("valid_acc").GetDouble())

[<Fact>]
let ``the losses of types are named as InternEvo names them`` () =
    let kind name targets loss accuracy =
        {
            Type = name
            Targets = targets
            TypeLoss.Loss = loss
            Accuracy = accuracy
        }

    let line =
        { report with
            TypeLosses = [ kind "en" 70L 2.5 0.25; kind "code" 30L 1.5 0.75 ]
            ValidTypeLosses = [ kind "en" 10L 3.0 0.125 ]
        }
            .ToJson()

    use json = JsonDocument.Parse line

    let number (name: string) =
        json.RootElement.GetProperty(name).GetDouble()

    Assert.Equal(2.5, number "loss/en")
    Assert.Equal(1.5, number "loss/code")
    Assert.Equal(70.0, number "tokens/en")
    Assert.Equal(3.0, number "valid_loss/en")
    Assert.Equal(0.25, number "acc/en")
    Assert.Equal(0.75, number "acc/code")
    Assert.Equal(0.125, number "valid_acc/en")

[<Fact>]
let ``what routers add to the loss is named as InternEvo names it`` () =
    let line = { report with MoeLoss = Nullable 0.25 }.ToJson()
    use json = JsonDocument.Parse line
    Assert.Equal(0.25, json.RootElement.GetProperty("moe_loss").GetDouble())
    Assert.DoesNotContain("moe_loss", report.ToJson())

[<Fact>]
let ``what the head's z-loss adds is a number of its own where there is one`` () =
    let line = { report with ZLoss = Nullable 0.125 }.ToJson()
    use json = JsonDocument.Parse line
    Assert.Equal(0.125, json.RootElement.GetProperty("z_loss").GetDouble())
    Assert.DoesNotContain("z_loss", report.ToJson())

/// Name, labels and value of each line, read by the rules of the format.
let private samples (text: string) =
    [
        for line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries) do
            if not (line.StartsWith '#') then
                let sample =
                    Text.RegularExpressions.Regex.Match(
                        line,
                        """^([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\} (\S+)$"""
                    )

                Assert.True(sample.Success, line)
                sample.Groups[1].Value, sample.Groups[2].Value, sample.Groups[3].Value
    ]

[<Fact>]
let ``Prometheus reads every figure of a step, once each, and those of types by their label`` () =
    let ofTypes =
        { report with
            TypeLosses =
                [
                    {
                        Type = "en"
                        Targets = 7L
                        Loss = nan
                        Accuracy = 0.5
                    }
                    {
                        Type = "c\"n\\\n"
                        Targets = 8L
                        Loss = 1.5
                        Accuracy = 0.25
                    }
                ]
        }

    let text = Prometheus.text "a run" 12.5 ofTypes.Metrics
    let found = samples text
    Assert.Equal(found.Length, (List.distinct found).Length)
    let jobOnly = "job=\"a run\""
    Assert.Contains(("evo_last_step_timestamp_seconds", jobOnly, "12.5"), found)
    Assert.Contains(("evo_loss", jobOnly, "2.5"), found)
    Assert.Contains(("evo_loss_by_type", jobOnly + ",type=\"en\"", "NaN"), found)
    Assert.Contains(("evo_loss_by_type", jobOnly + ",type=\"c\\\"n\\\\\\n\"", "1.5"), found)
    // One figure has two names of which one is left out, and the time of the step comes on top.
    Assert.Equal(ofTypes.Metrics.Length, found.Length)

    // The lines of a metric stand together behind its one type.
    let types = text.Split '\n' |> Array.filter (fun line -> line.StartsWith "# TYPE ")

    Assert.Equal(types.Length, (Array.distinct types).Length)

    Assert.Equal<string list>(
        [ for line in types -> line.Split(' ')[2] ],
        found |> List.map (fun (name, _, _) -> name) |> List.distinct
    )
