/// Fifty steps of AdamW with clipping follow the recorded losses, norms and weights.
module Evo.Models.Tests.Training

open System
open System.IO
open System.Text.Json.Nodes
open Evo.Data
open Evo.Models
open Evo.Models.Tests.Golden
open Evo.Models.Tests.Json
open Evo.Parallel
open TorchSharp
open Xunit

let private numbers (json: JsonObject) (key: string) =
    [| for n in (nonNull json[key]).AsArray() -> (nonNull n).GetValue<double>() |]

[<Theory>]
[<InlineData("llama2", false)>]
[<InlineData("internlm2", false)>]
[<InlineData("internlm2", true)>]
let ``fifty steps hold the strict column`` (name: string, recompute: bool) =
    let recorded = parse (File.ReadAllText(path [ "train"; name + ".json" ]))
    use file = SafeTensors.Open(path [ "train"; name + ".safetensors" ])
    let spec = HuggingFaceFolder.ReadConfig(path [ name ])

    use model =
        spec.Build(BuildOptions(RecomputeFraction = (if recompute then 0.5 else 0.0)))

    HuggingFaceFolder.LoadWeights(model, path [ name ])
    use tokens = TensorFiles.Read(file, "tokens")
    let losses, norms = numbers recorded "loss", numbers recorded "grad_norm"

    use optimizer =
        torch.optim.AdamW(
            model.parameters (),
            lr = 1e-3,
            beta1 = 0.9,
            beta2 = 0.95,
            eps = 1e-8,
            weight_decay = 0.1
        )

    let weights (prefix: string) bound =
        for p in model.Table do
            use expected = TensorFiles.Read(file, prefix + p.Info.HuggingFaceName)
            Assert.InRange((p.Value - expected).abs().max().item<float32>(), 0.0f, bound)

    for step in 0..49 do
        use _ = torch.NewDisposeScope()
        let rows = tokens.select (0L, int64 step)
        let inputs, labels = rows.narrow (1L, 0L, 32L), rows.narrow (1L, 1L, 32L)
        use at = Positions.Sequential(4, 32)

        let struct (sum, count, _, _) =
            model.Loss(inputs.contiguous (), labels.contiguous (), at)

        let loss = sum / count
        optimizer.zero_grad ()
        loss.backward ()
        let norm = torch.nn.utils.clip_grad_norm_ (model.parameters (), 1.0)
        optimizer.step () |> ignore
        Assert.InRange(abs (float (loss.item<float32>()) - losses[step]), 0.0, 1e-5)
        Assert.InRange(abs (norm - norms[step]) / norms[step], 0.0, 1e-4)

        if step = 0 then
            weights "step1." 2e-4f

    // The recorded code itself, run in float32, ends within 2e-4 of these weights.
    weights "final." 2e-4f
