/// `evo verify` at layouts: what it tries, what it refuses, and that it says what is wrong.
module Evo.Parallel.Tests.LayoutVerification

open System
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Evo.Models
open Evo.Parallel
open Evo.Parallel.Verification
open Evo.Torch
open Evo.Parallel.Tests.ModelFolders
open Evo.Core
open Xunit

let small (name: string) =
    SmallModel.Of((nonNull (ModelFamilies.Find name)).FromHuggingFace.Invoke(JsonObject()))

let private layout change =
    let single = Layout.Single
    change { single with MicroBatches = 2 }

let private onData ranks =
    layout (fun l ->
        { l with
            Degrees =
                { l.Degrees with
                    World = ranks
                    Zero = ranks
                }
        })

/// The facts of a model whose layers grow.
let private growing (spec: CausalLM) world =
    { LayoutFacts.Of(spec) with
        Layers = LayoutCase.MostLayers world
    }

let private golden (name: string) =
    VerifyOptions(Folder = source name, GoldenFile = Path.Combine(source name, "golden.safetensors"))

[<Fact>]
let ``a model, its rows and its tokens grow to what a layout needs`` () =
    let needs change = LayoutCase.Of(layout change)
    Assert.Equal(LayoutCase(4, 3, 8), needs id)

    let piped stages chunks recompute =
        needs (fun l ->
            { l with
                Chunks = chunks
                Recompute = recompute
                Degrees =
                    { l.Degrees with
                        World = stages
                        Pipeline = stages
                    }
            })

    Assert.Equal(24, (piped 8 3 0.0).Layers)
    Assert.Equal(24, (piped 8 3 1.0).Layers)
    // Half of a layer is none.
    Assert.Equal(48, (piped 8 3 0.5).Layers)

    let spread =
        needs (fun l ->
            { l with
                Degrees =
                    { l.Degrees with
                        World = 6
                        Tensor = 3
                        Mode = TensorMode.Msp
                    }
            })

    Assert.Equal(LayoutCase(4, 4, 9), spread)

[<Fact>]
let ``every layout of a world is tried, refused with a reason, or covered by one that is tried`` () =
    let spec = small "mixtral"
    let facts = growing spec 4
    let all = LayoutChoice.Of(facts, LayoutLaw spec, 4, true)
    let some = LayoutChoice.Of(facts, LayoutLaw spec, 4, false)
    Assert.Equal(all.Legal, all.Chosen.Count)
    Assert.Equal(all.Total, some.Total)
    Assert.Equal<Layout list>(Layouts.enumerate facts 4, List.ofSeq all.Chosen)
    Assert.InRange(some.Chosen.Count, 10, all.Legal - 1)

    // Eight heads on three ranks.
    Assert.NotEmpty all.Refusals
    Assert.Equal(all.Total - all.Legal, all.Refusals |> Seq.sumBy _.Count)

    for refusal in all.Refusals do
        Assert.StartsWith("parallel.tensor.size = 3: ", refusal.Reason)
        Assert.False(Legality.isLegal facts refusal.Example)

    for name, value in Layouts.axes do
        let values layouts = layouts |> Seq.map value |> set
        Assert.True((values all.Chosen = values some.Chosen), $"not every {name} is tried")

[<Fact>]
let ``a layout that holds is said to hold, with what was compared`` () =
    let verdict = (LayoutLaw(small "llama2")).Try(onData 2)
    Assert.True(verdict.Holds, string verdict)
    Assert.InRange(verdict.Error, 0.0, 1e-10)
    // Loss, z-loss and norm of three steps, and gradient and value of each parameter.
    let parameters =
        (SmallModel.With(small "llama2", SizeRole.Layers, 4)).Parameters.Count

    Assert.Equal(3 * (3 + 2 * parameters), verdict.Compared)

/// A law that is broken at one site of the runtime.
let private broken site axis mutation =
    let mutant = Mutant(site, axis, mutation, MutantDirection.Both)

    LayoutLaw(
        small "llama2",
        Probe = ParityProbe(Around = fun group -> MutantGroup(group, mutant) :> ProcessGroup)
    )

[<Fact>]
let ``an average for a sum is broken, and the first tensor that diverges is named with its step`` () =
    let law = broken OptimizerSites.Reduce "data_zero" Mutation.AverageForSum
    let choice = LayoutChoice.One(onData 2)
    let report = LayoutReport.Run("LLAMA2", law, choice)
    let verdict = report.Verdicts[0]
    Assert.False report.Passed
    Assert.Equal(1, report.Broken)
    Assert.True verdict.First.HasValue
    Assert.StartsWith("gradient of ", verdict.First.Value.Quantity)
    Assert.EndsWith(" of step 1", verdict.First.Value.Quantity)
    Assert.InRange(verdict.First.Value.Error, 0.1, 1.0)
    use json = JsonDocument.Parse(report.ToJson().ToJsonString())
    Assert.False(json.RootElement.GetProperty("passed").GetBoolean())
    let only = json.RootElement.GetProperty("layouts")[0]

    Assert.Equal(
        verdict.First.Value.Quantity,
        only.GetProperty("first_diverging").GetProperty("quantity").GetString()
    )

[<Fact>]
let ``ranks that fail are a broken layout, not the end of the others`` () =
    let failing =
        LayoutLaw(
            small "llama2",
            Probe = ParityProbe(Around = fun _ -> raise (InvalidOperationException "no such group"))
        )

    // One device is right.
    let verdict = failing.Try(onData 2)
    Assert.False verdict.Holds
    Assert.Contains("no such group", verdict.Failure)

[<Fact>]
let ``trying no layout proves nothing`` () =
    let report =
        LayoutReport.Run("LLAMA2", LayoutLaw(small "llama2"), LayoutChoice([], 0, []))

    Assert.False report.Passed

[<Theory>]
[<InlineData("llama2"); InlineData("mixtral"); InlineData("gemma"); InlineData("gpt2")>]
let ``recorded figures are met at every pair of settings that the recorded depth allows`` (name: string) =
    let law = GoldenLaw(golden name)
    let facts = LayoutFacts.Of(law.Spec)
    let choice = LayoutChoice.Of(facts, law, 4, false)
    let report = LayoutReport.Run(name, law, choice)

    let wrong =
        [
            for verdict in report.Verdicts do
                if not verdict.Holds then
                    string verdict
        ]

    Assert.True(report.Passed, String.concat "\n" wrong)
    Assert.InRange(report.Tried, 10, choice.Legal)

    // Two layers were recorded: what needs more is counted and named.
    let deep =
        choice.Refusals |> Seq.filter _.Reason.Contains("layers, and the model has 2")

    Assert.NotEmpty deep
    Console.WriteLine $"{name}: {report.Tried} of {choice.Total}, largest error {report.LargestError:g3}"

[<Fact>]
let ``recorded figures are compared where ranks have padding only, and routers' where there is none`` () =
    let law = GoldenLaw(golden "mixtral")

    let on ranks micro =
        law.Try
            { onData ranks with
                MicroBatches = micro
            }

    let gradients = law.Spec.Parameters |> Seq.sumBy _.HuggingFaceNames.Count
    let whole, padded = on 2 1, on 4 2
    Assert.True(whole.Holds, string whole)
    Assert.True(padded.Holds, string padded)
    Assert.Equal(1 + gradients, padded.Compared)
    Assert.Equal(3 + 2 * gradients, whole.Compared)

/// A recorded case whose one gradient is off in its first number.
let private off (folder: string) (tensor: string) =
    let bytes = File.ReadAllBytes(Path.Combine(source "llama2", "golden.safetensors"))
    let length = int (BitConverter.ToInt64(bytes, 0))
    use header = JsonDocument.Parse(ReadOnlyMemory(bytes, 8, length))
    let offsets = header.RootElement.GetProperty(tensor).GetProperty("data_offsets")
    let at = 8 + length + offsets[0].GetInt32()
    let value = BitConverter.ToSingle(bytes, at)
    BitConverter.GetBytes(value + 1.0f).CopyTo(bytes, at)
    let file = Path.Combine(folder, "golden.safetensors")
    File.WriteAllBytes(file, bytes)
    file

[<Fact>]
let ``a recorded gradient that is not met is named`` () =
    let folder = Directory.CreateTempSubdirectory("evo-golden-").FullName

    try
        let name = "grad.model.layers.1.mlp.down_proj.weight"

        let law =
            GoldenLaw(VerifyOptions(Folder = source "llama2", GoldenFile = off folder name))

        let verdict = law.Try(onData 2)
        Assert.False verdict.Holds
        Assert.Equal(name, verdict.First.Value.Quantity)
        Assert.Equal(name, verdict.Where)
        Assert.Equal(1.0, verdict.Error, 3)
    finally
        Directory.Delete(folder, true)

[<Fact>]
let ``tokens that a layout adds are refused where they would turn the recorded ones`` () =
    let spread =
        layout (fun l ->
            { l with
                Degrees =
                    { l.Degrees with
                        World = 2
                        Tensor = 2
                        Mode = TensorMode.Msp
                    }
            })

    let dynamic = GoldenLaw(golden "variants/llama_dynamic_active")
    Assert.Contains("dynamic rotary scaling", dynamic.Refuses spread)
    Assert.Null(dynamic.Refuses(onData 2))
    Assert.Null((GoldenLaw(golden "llama2")).Refuses spread)
