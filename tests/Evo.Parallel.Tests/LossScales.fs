/// The loss scale of a run goes on where it stood.
module Evo.Parallel.Tests.LossScales

open System.IO
open Evo.Core
open Evo.Parallel
open Evo.Parallel.Tests.Folders
open TorchSharp
open Xunit

let private model () =
    RankModel.OnOneRank(
        TinyRuns.spec "LLAMA2",
        RankModelOptions(Dtype = torch.float32, LossScaler = LossScaler.Start LossScaleRules.Default)
    )

[<Fact>]
let ``the loss scale and its counters are written with the state of a run, and taken over`` () =
    use folder = new TemporaryFolder()
    use before = model ()
    before.Optimizer.Settle false
    before.Optimizer.Settle false
    before.Optimizer.Scaler <- (nonNull (box before.Optimizer.Scaler) :?> LossScaler).AfterUpdate()
    Assert.Equal(LossScaleState(32768.0, 1L, 2L), before.LossScale)
    TrainStateFile.Write(folder.Path, TrainState(LossScale = before.LossScale))

    let read =
        System.Text.Json.JsonDocument
            .Parse(File.ReadAllText(folder.File TrainStateFile.Name))
            .RootElement.GetProperty
            "loss_scale"

    Assert.Equal(32768.0, read.GetProperty("scale").GetDouble())
    use after = model ()

    after.LossScale <-
        LossScaleState(read.GetProperty("scale").GetDouble(), read.GetProperty("good_steps").GetInt64(), 2L)

    Assert.Equal(before.Optimizer.Scaler, after.Optimizer.Scaler)

[<Fact>]
let ``a model without a loss scale keeps none`` () =
    use plain = RankModel.OnOneRank(TinyRuns.spec "LLAMA2", RankModelOptions())
    plain.LossScale <- LossScaleState(2.0, 0L, 0L)
    Assert.Null plain.LossScale
