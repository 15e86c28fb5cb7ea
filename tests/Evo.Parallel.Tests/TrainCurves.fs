/// Fifty optimizer steps beside those of third-party code.
module Evo.Parallel.Tests.TrainCurves

open System.IO
open System.Text.Json
open Evo.Data
open Evo.Models
open Evo.Parallel
open Evo.Parallel.Tests.OptimizerUpdates
open TorchSharp
open Xunit

/// The rows of a step as one micro-batch of four documents.
let private packed (tokens: int64[]) rows width =
    let take first =
        [|
            for row in 0 .. rows - 1 do
                yield! tokens[row * width + first .. row * width + first + width - 2]
        |]

    MicroBatch(
        take 0,
        take 1,
        [|
            for _ in 1..rows do
                yield! [| 0L .. int64 width - 2L |]
        |],
        [| for row in 0..rows -> row * (width - 1) |]
    )

[<Theory; InlineData "llama2"; InlineData "internlm2">]
let ``losses, gradient norms and final weights are those of the golden run`` (name: string) =
    use json = JsonDocument.Parse(File.ReadAllText(golden $"train/{name}.json"))
    use file = SafeTensors.Open(golden $"train/{name}.safetensors")
    let spec = HuggingFaceFolder.ReadConfig(golden name)
    use model = RankModel.OnOneRank(spec, RankModelOptions(DecayAll = true))
    model.Fill(fun part -> HuggingFaceFolder.LoadWeights(part, golden name))
    let tokens = read file "tokens"

    let expected (what: string) step =
        json.RootElement.GetProperty(what).[step].GetDouble()

    for step in 0..49 do
        let batch = packed (tokens[int64 step].reshape(-1).data<int64>().ToArray()) 4 33
        let result = model.Gradients [| batch |]
        let norm = result.Norm
        Assert.InRange(abs (result.Loss - expected "loss" step), 0.0, 1e-5)
        Assert.InRange(abs (norm / expected "grad_norm" step - 1.0), 0.0, 1e-4)

        model.Update(AdamRates(1e-3, 0.9, 0.95, 1e-8, 0.1), int64 (step + 1), result, 1.0)
        |> ignore

    use folder = new Evo.Parallel.Tests.Folders.TemporaryFolder()
    HuggingFaceFolder.Save(model.Chunks[0].Module, folder.Path)
    use saved = SafeTensors.Open(folder.File "model.safetensors")

    for tensor in saved.Tensors do
        Assert.InRange(largest (read saved tensor.Name) (read file $"final.{tensor.Name}"), 0.0, 2e-4)
