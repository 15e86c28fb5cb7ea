/// What a step of training asks of the device: its values once, after its update, and the counts of its experts.
module Evo.Parallel.Tests.ReadValues

open System
open Evo.Core
open Evo.Parallel
open Evo.Parallel.Tests.TinyRuns
open Evo.Torch
open TorchSharp
open Xunit

/// Three rows of eight tokens in two documents.
let private batch =
    let random = Random 3

    [|
        for first in 0..2 ->
            MicroBatch(
                Array.init 8 (fun _ -> int64 (random.Next 61)),
                Array.init 8 (fun _ -> int64 (random.Next 61)),
                [| 0L; 1L; 2L; 0L; 1L; 2L; 3L; 4L |],
                [| 0; 3; 8 |],
                FirstToken = 8L * int64 first
            )
    |]

let private loss = LossOptions(0.0, RouterCoefficients(0.01, 0.001), 0)

/// Values read by a second step, its gradients and its update.
let private readBy family recompute =
    use model = RankModel.OnOneRank(spec family, RankModelOptions(), recompute)
    model.Start 1UL
    let random = RandomKey.Of(1UL, "random choices")

    let step number =
        let before = HostReads.OfThisThread
        let figures = model.Gradients(batch, loss, Nullable(random.At number))
        let rates = AdamRates(1e-3, 0.9, 0.95, 1e-8, 0.1)
        model.Update(rates, number, figures, 1.0) |> ignore
        int (HostReads.OfThisThread - before)

    step 1L |> ignore
    step 2L

[<Theory; InlineData "LLAMA2"; InlineData "GPT2"; InlineData "INTERNLM2">]
let ``a step of a dense model reads once: losses, norm and whether it was taken`` (family: string) =
    Assert.Equal(1, readBy family 0.0)
    Assert.Equal(1, readBy family 1.0)

[<Fact>]
let ``nothing is read before the update is under way, and nothing twice`` () =
    use model = RankModel.OnOneRank(spec "LLAMA2", RankModelOptions())
    model.Start 1UL
    let before = HostReads.OfThisThread
    let figures = model.Gradients(batch, loss)
    Assert.Equal(before, HostReads.OfThisThread)
    Assert.True(model.Update(AdamRates(1e-3, 0.9, 0.95, 1e-8, 0.1), 1L, figures, 1.0))
    Assert.Equal(before + 1L, HostReads.OfThisThread)
    Assert.True(figures.Loss > 0.0 && figures.Norm > 0.0)
    Assert.Equal(before + 1L, HostReads.OfThisThread)

[<Fact>]
let ``figures stay after the next step if they were read before it, and else say what to do`` () =
    use model = RankModel.OnOneRank(spec "LLAMA2", RankModelOptions())
    model.Start 1UL
    let first = model.Gradients(batch, loss)
    let loss = first.Loss
    let second = model.Gradients(batch, LossOptions())
    model.Gradients(batch, LossOptions()) |> ignore
    Assert.Equal(loss, first.Loss)

    let error =
        Assert.Throws<InvalidOperationException>(fun () -> second.Loss |> ignore)

    Assert.Contains("until the model's next step", error.Message)

[<Fact>]
let ``each layer of experts reads its counts for each micro-batch, and again where it is recomputed`` () =
    let layers = 3
    Assert.Equal(1 + layers * batch.Length, readBy "MIXTRALMOE" 0.0)
    Assert.Equal(1 + 2 * layers * batch.Length, readBy "MIXTRALMOE" 1.0)

[<Fact>]
let ``every way to a value is counted once`` () =
    let counted act =
        let before = HostReads.OfThisThread
        act () |> ignore
        HostReads.OfThisThread - before

    use one = torch.tensor 3.0
    Assert.Equal(1L, counted (fun () -> one.item<float>() |> box))
    Assert.Equal(1L, counted (fun () -> one.ToScalar() |> box))
    Assert.Equal(1L, counted (fun () -> one.ToDouble() |> box))
    Assert.Equal(1L, counted (fun () -> one.cpu () |> box))
    Assert.Equal(0L, counted (fun () -> one.``to`` (torch.CPU) |> box))
    Assert.Equal(0L, counted (fun () -> (one + one) |> box))
