/// A step that is not finite is left out where the gradients are: no weight, no moment, no bit of the run moves.
module Evo.Parallel.Tests.SkippedUpdates

open System
open Evo.Core
open Evo.Models
open Evo.Parallel
open Evo.Torch
open TorchSharp
open Xunit

let private loss = LossOptions(0.0, RouterCoefficients(0.0, 0.0), 0)
let private rates = AdamRates(1e-2, 0.9, 0.95, 1e-8, 0.1)

let private batch first =
    [|
        MicroBatch(
            Array.init 8 (fun i -> int64 ((i * 7 + first) % 61)),
            Array.init 8 (fun i -> int64 ((i * 5 + first) % 61)),
            [| 0L; 1L; 2L; 0L; 1L; 2L; 3L; 4L |],
            [| 0; 3; 8 |]
        )
    |]

let private model dtype scaler =
    let model =
        RankModel.OnOneRank(TinyRuns.spec "LLAMA2", RankModelOptions(Dtype = dtype, LossScaler = scaler))

    model.Start 3UL
    model

/// Every bit that a run goes on from.
let private state (model: RankModel) =
    [
        for kind in [ StateKind.Weight; StateKind.Master; StateKind.ExpAvg; StateKind.ExpAvgSq ] do
            for parameter in model.Optimizer.Parameters do
                use values = model.Optimizer.ReadWhole(parameter.Name, kind)
                TensorBytes.Of(values.contiguous ()).ToArray()
    ]

/// A step whose gradient of one parameter is spoiled between backward and norm, by a hook as hardware would do it.
let private brokenStep (model: RankModel) update (value: float) =
    let parameter =
        model.Chunks[0].Module.Table
        |> Seq.find (fun p -> p.Info.Kind = ParameterKind.Norm)

    use spoil =
        GradientHooks.register_post_accumulate_grad_hook (
            parameter.Value,
            fun p -> (nonNull p.grad).fill_(Scalar.op_Implicit value) |> ignore
        )

    let figures = model.Gradients(batch 1, loss)
    model.Update(rates, update, figures, 1.0), figures

[<Theory; InlineData "float32"; InlineData "bfloat16">]
let ``a step that is not finite changes no bit, and the next one is as if it had not been`` (dtype: string) =
    let dtype = if dtype = "float32" then torch.float32 else torch.bfloat16

    let run broken =
        use model = model dtype null

        let step update first =
            Assert.True(model.Update(rates, update, model.Gradients(batch first, loss), 1.0))

        step 1L 0

        for value in broken do
            let before = state model
            let taken, figures = brokenStep model 2L value
            Assert.False taken
            Assert.False figures.Finite
            Assert.False(Double.IsFinite figures.Norm)
            Assert.True(model.Optimizer.FirstNonFinite().HasValue)
            Assert.Equal<byte[] list>(before, state model)

        step 2L 5
        state model

    Assert.Equal<byte[] list>(run [], run [ nan; infinity; -infinity ])

[<Fact>]
let ``a loss that is not finite leaves the step out, too, whatever its gradient`` () =
    use norm = torch.tensor 2.0

    for finite, expected in [ true, 0.5 / (2.0 + 1e-6); false, nan ] do
        use finite = torch.tensor finite
        use factor = ShardedOptimizer.ClipFactor(norm, 0.5, finite)
        Assert.Equal(expected, factor.ToDouble())

[<Fact>]
let ``a norm that is not finite leaves the step out, clipped or not`` () =
    for norm in [ nan; infinity ] do
        for limit in [ 0.0; 1.0 ] do
            use norm = torch.tensor norm
            use factor = ShardedOptimizer.ClipFactor(norm, limit)
            Assert.True(Double.IsNaN(factor.ToDouble()))

[<Fact>]
let ``the loss scale falls by a step that is left out, and counts one that is taken`` () =
    use model =
        model
            torch.float32
            (LossScaler.Start
                { LossScaleRules.Default with
                    Hysteresis = 1L
                })

    Assert.True(model.Update(rates, 1L, model.Gradients(batch 0, loss), 1.0))
    Assert.Equal(LossScaleState(65536.0, 1L, 0L), model.LossScale)
    let taken, figures = brokenStep model 2L infinity
    Assert.False taken
    Assert.Equal(65536.0, figures.LossScale)
    Assert.Equal(LossScaleState(32768.0, 0L, 1L), model.LossScale)
