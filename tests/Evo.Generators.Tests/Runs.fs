/// What is emitted compiles and computes.
module Evo.Generators.Tests.Runs

open System
open System.Text.Json.Nodes
open Evo.Models
open Evo.Generators.Tests.Spec
open TorchSharp
open Xunit

let private family (text: string) (name: string) =
    let record = nonNull ((load text).GetType name)
    nonNull ((nonNull (record.GetProperty "ModelFamily")).GetValue null) :?> ModelFamily

let private build (family: ModelFamily) (json: string) =
    let spec =
        family.FromHuggingFace.Invoke(nonNull (JsonNode.Parse json) :?> JsonObject)

    spec.Build(BuildOptions(Dtype = torch.ScalarType.Float64, InitSeed = Nullable 7UL))

[<Fact>]
let ``a spec of no known family becomes a module that learns`` () =
    use model = build (family tiny "Stranger.Tiny") """{ "vocab_size": 11 }"""
    use optimizer = torch.optim.AdamW(model.parameters (), lr = 0.01)
    use ids = torch.randint (11L, [| 2L; 9L |])

    let losses =
        [
            for _ in 1..20 do
                use _ = torch.NewDisposeScope()
                use at = Positions.Sequential(2, 9)
                let struct (sum, count, _, _) = model.Loss(ids, ids, at)
                let loss = sum / count
                optimizer.zero_grad ()
                loss.backward ()
                optimizer.step () |> ignore
                loss.item<double>()
        ]

    Assert.True(List.last losses < 0.7 * List.head losses, $"{losses}")

[<Fact>]
let ``a spec that is being typed never makes the generator fail`` () =
    // A word or sign left out, or everything after it: what an editor holds between two keystrokes.
    let words =
        System.Text.RegularExpressions.Regex.Matches(tiny, @"\w+|""[^""]*""|[\[\](){},;=]")

    for i in 3..9 .. words.Count - 1 do
        let word = words[i]
        generate (tiny.Remove(word.Index, word.Length)) |> ignore
        generate (tiny.Substring(0, word.Index)) |> ignore

[<Theory>]
[<InlineData("{}")>]
[<InlineData("""{ "tied": true, "bias": false, "gated": false, "act": "relu" }""")>]
[<InlineData("""{ "rope_scaling": { "type": "dynamic", "factor": 2 }, "max_positions": 4 }""")>]
let ``its table, its module and its checkpoint names agree`` (json: string) =
    let family = family tiny "Stranger.Tiny"
    use model = build family json
    let table = model.Spec.Parameters
    Assert.Equal(table.Count, table |> Seq.distinctBy _.HuggingFaceName |> Seq.length)
    let state = model.state_dict ()

    Assert.Equal<string list>(
        table |> Seq.map _.Name |> Seq.sort |> List.ofSeq,
        state.Keys |> Seq.sort |> List.ofSeq
    )

    for row in table do
        Assert.Equal<int64 list>(List.ofSeq row.Shape, List.ofSeq state[row.Name].shape)

    Assert.Equal(model.Spec.ParameterCount, model.parameters () |> Seq.sumBy _.numel())

[<Fact>]
let ``its keys follow InternEvo's and its ratio fills the width`` () =
    let family = family tiny "Stranger.Tiny"
    let names = family.Keys.Keys |> Seq.map _.Name |> List.ofSeq

    Assert.Equal<string list>(
        [
            "vocab_size"
            "hidden_size"
            "num_layers"
            "num_attention_heads"
            "intermediate_size"
            "mlp_ratio"
            "multiple_of"
            "max_position_embeddings"
        ],
        names
    )

    let read (json: string) =
        family.FromKeys.Invoke(nonNull (JsonNode.Parse json) :?> JsonObject)

    let spec =
        read """{ "vocab_size": 9, "hidden_size": 10, "num_attention_heads": 5, "mlp_ratio": 2.65 }"""
    // int(10 × 2.65) = 26, rounded up to a multiple of 4.
    Assert.Equal(28, spec.Size.IntermediateSize)

    let error =
        Assert.Throws<ModelConfigException>(fun () -> read """{ "hidden_size": 10, "colour": 1 }""" |> ignore)

    Assert.Equal<string list>(
        [ "vocab_size: must be given"; "colour = 1: is not a key of this family" ],
        List.ofSeq error.Problems
    )

// Layer 0 is as it was; layer 1 has experts beside it, and of the two gates only one where the configuration says so.
let private sparse =
    tiny
        .Replace(
            "[Dropout(\"Drops\")]",
            "[Router(\"Width\", \"Heads\")] [Hf(\"choose\")] private partial Tensor Choose(Tensor x); [Experts(\"Width\", \"Inner\", \"Heads\", \"2\", Activation = \"Act\", Gate = \"\", Up = \"in\", Down = \"out\")] [Hf(\"one.{expert}\")] private partial Tensor Mix(Tensor x, Tensor y); [Linear(\"Width\", \"1\", Bias = \"HasBias\")] [Hf(\"much\")] private partial Tensor Much(Tensor x); [Dropout(\"Drops\")]"
        )
        .Replace(
            "return x + Mlp(x);",
            "if (Number == 1) { if (M.HasBias) return x + Sigmoid(Much(x)) * Mix(x, Choose(x)); return x + Mix(x, Choose(x)); } return x + Mlp(x);"
        )

[<Theory; InlineData(true); InlineData(false)>]
let ``a part that is used under a condition only has parameters only where it holds`` (bias: bool) =
    let json = if bias then "{}" else """{ "bias": false }"""
    use model = build (family sparse "Stranger.Tiny") json

    let parts layer =
        [
            for p in model.Spec.Parameters do
                if p.Layer = Nullable layer then
                    p.Name.Split('.')[2]
        ]
        |> List.distinct
        |> List.sort

    let common = [ "back"; "calm"; "content"; "sign"; "wish" ]
    Assert.Equal<string list>(List.sort ("down" :: "gate" :: "up" :: common), parts 0)

    Assert.Equal<string list>(
        List.sort ((if bias then [ "much" ] else []) @ "choose" :: "mix" :: common),
        parts 1
    )

    Assert.Equal<string list>(
        model.Spec.Parameters |> Seq.map _.Name |> Seq.sort |> List.ofSeq,
        model.state_dict().Keys |> Seq.sort |> List.ofSeq
    )

    let up =
        model.Spec.Parameters |> Seq.find (fun p -> p.Name = "blocks.1.mix.up.weight")

    Assert.Equal<int64 list>([ 4L; 24L; 16L ], List.ofSeq up.Shape)
    Assert.Equal<string list>([ for e in 0..3 -> $"h.1.one.{e}.in.weight" ], List.ofSeq up.HuggingFaceNames)
    use ids = torch.randint (40L, [| 2L; 5L |])
    use at = Positions.Sequential(2, 5)
    use _ = torch.NewDisposeScope()
    let struct (sum, _, _, _, auxiliary) = model.LossWithRouters(ids, ids, at)
    (sum + (nonNull auxiliary).Balance).backward()

    for p in model.Table do
        Assert.NotNull p.Value.grad

/// Forwards that no pipeline can cut, and why not.
let uncut =
    let data = TheoryData<string, string>()

    let forward =
        "public Tensor Forward(Tensor ids, Positions at) => Last(Blocks(Look(ids), at));"

    for body, reason in
        [
            "{ var x = Look(ids); return Last(Blocks(x, at) + x); }",
            "Tiny reads what Look gives after its layers too; only what the layers leave can go from rank to rank"
            "=> Blocks(Last(Blocks(Look(ids), at)), at);",
            "Tiny calls 2 stacks of layers; a pipeline is cut at one"
            "=> Last(Blocks(Last(Look(ids)), at));",
            "Tiny uses Last before and after its layers; its weights would lie on two ranks"
            "{ var x = Look(ids); if (HasBias) x = Blocks(x, at); return Last(x); }",
            "the layers of Tiny stand under a condition; a pipeline needs them in every pass"
        ] do
        data.Add(tiny.Replace(forward, "public Tensor Forward(Tensor ids, Positions at) " + body), reason)

    data

[<Theory; MemberData(nameof uncut)>]
let ``a forward that cannot be cut at its layers says why, and runs in one piece``
    (text: string)
    (reason: string)
    =
    use model = build (family text "Stranger.Tiny") "{}"
    Assert.Equal(reason, model.Spec.Pipelines)
    Assert.Equal(1, model.BlockCount)
    use _ = torch.NewDisposeScope()
    use ids = torch.randint (40L, [| 2L; 5L |])
    use at = Positions.Sequential(2, 5)
    let struct (sum, _, _, _) = model.Loss(ids, ids, at)
    sum.backward ()
    Assert.All(model.Table, (fun p -> Assert.NotNull p.Value.grad))

    let error =
        Assert.Throws<ModelConfigException>(fun () ->
            model.Spec.Build(BuildOptions(Stage = Nullable(StageRange(0, 1)))) |> ignore)

    Assert.Equal<string list>([ reason ], List.ofSeq error.Problems)
