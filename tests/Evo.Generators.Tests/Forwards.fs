/// What a forward may say, and that it computes what it says; what of its order and its names can be seen in what is emitted.
module Evo.Generators.Tests.Forwards

open System
open System.Reflection
open System.Text.Json.Nodes
open Evo.Generators.Tests.Spec
open Evo.Models
open TorchSharp
open Xunit

let private layerForward =
    """        var h = Calm(x);
        x += Drop(Back(Heed(Turn(Wish(h), at), Turn(Sign(h), at), Content(h), at)));
        return x + Mlp(x);"""

/// A layer with all that a forward may say.
let private wordy =
    tiny
        .Replace(
            layerForward,
            """        int groups = M.Depth, each = M.Inner / groups;
        var h = Calm(x);
        if (Number == 1)
        {
            var turned = Turn(Wish(h), at);
            x += Drop(Back(Heed(turned, Turn(Sign(h), at), Content(h), at)));
        }
        else
            x += Back(Heed(Wish(h), Sign(h), Content(h), at));
        var mixed = h;
        switch (Number)
        {
            case 0:
                mixed = Down(Whole(Gate(h)).unflatten(2, groups, each).transpose(2, 3).flatten(2, 3));
                break;
            case 1:
            case 2:
            {
                mixed *= groups + (each - M.Depth);
                mixed = Mlp(mixed);
                break;
            }
            default:
                mixed = Scaled(Mlp(h), 0.5, Number + 1);
                break;
        }

        mixed = M.Act switch
        {
            "relu" => Activate("relu", Whole(mixed)),
            _ => mixed - 0.25 * x,
        };
        return Most(groups > 1 ? x + mixed : x - mixed);"""
        )
        .Replace(
            "    private Tensor Mlp(Tensor x)",
            """    private Tensor Most(Tensor y)
    {
        switch (M.HeadSize)
        {
            case 4:
                return y * 2;
            default:
                return -y;
        }
    }

    private Tensor Scaled(Tensor y, double factor, int times) => times > 3 ? Twice(y * factor) : y * factor;
    private Tensor Twice(Tensor y, double by = 2) => y * by;

    private Tensor Mlp(Tensor x)"""
        )

let private instance =
    BindingFlags.Instance ||| BindingFlags.Public ||| BindingFlags.NonPublic

let private field (owner: obj) (name: string) =
    nonNull ((nonNull (owner.GetType().GetField(name, instance))).GetValue owner)

[<Theory>]
[<InlineData("""{ "layers": 4 }""")>]
[<InlineData("""{ "layers": 4, "act": "relu", "gated": false }""")>]
[<InlineData("""{ "layers": 1, "heads": 2, "act": "relu" }""")>]
let ``locals, if, switch and helpers compute what the forward as written computes`` (json: string) =
    let _, found = generate wordy
    Assert.Empty found
    let record = nonNull ((load wordy).GetType "Stranger.Tiny")

    let family =
        nonNull ((nonNull (record.GetProperty "ModelFamily")).GetValue null) :?> ModelFamily

    let spec =
        family.FromHuggingFace.Invoke(nonNull (JsonNode.Parse json) :?> JsonObject)

    use model =
        spec.Build(BuildOptions(Dtype = torch.ScalarType.Float64, InitSeed = Nullable 7UL))

    use at = Positions.Sequential(2, 9)

    for layer in field model "BlocksModules" :?> LayerModule[] do
        // The record's own method, with the parts' bodies: the model as a person wrote it.
        let asWritten = field layer "_record"
        use x = torch.randn ([| 2L; 9L; 16L |], dtype = torch.ScalarType.Float64)

        use written =
            nonNull (
                (nonNull (asWritten.GetType().GetMethod("Forward", instance)))
                    .Invoke(asWritten, [| box (x.clone ()); box at |])
            )
            :?> torch.Tensor

        use emitted = layer.Run(x, at)
        let error = (emitted - written).abs().max().item<double>()
        Assert.True(error < 1e-12, $"{error}")
        Assert.True(written.abs().max().item<double>() > 1e-3, "nothing is computed")

/// The layer's forward with one statement for each value, in a given order.
let private stated (order: string list) =
    tiny.Replace(
        layerForward,
        "        var h = Calm(x);\n"
        + String.concat "" [ for line in order -> $"        {line}\n" ]
        + "        x += Drop(Back(Heed(q, k, v, at)));\n        return x + Mlp(x);"
    )

let private query = "var q = Turn(Wish(h), at);"
let private key = "var k = Turn(Sign(h), at);"
let private value = "var v = Content(h);"

let orders =
    let data = TheoryData<string>()

    for order in
        [
            [ query; key; value ]
            [ value; key; query ]
            [ key; value; query ]
            [
                "var s = Sign(h);"
                value
                "var w = Wish(h);"
                "var k = Turn(s, at);"
                "var q = Turn(w, at);"
            ]
            [
                "int unused = M.Depth + 1;"
                value
                "var k = h; k = Turn(Sign(k), at);"
                query
            ]
        ] do
        data.Add(String.concat "\n" order)

    data

[<Theory; MemberData(nameof orders)>]
let ``independent statements may stand in any order, and every emitted file stays the same to the byte``
    (order: string)
    =
    let expected, _ = generate tiny
    let files, found = generate (stated (List.ofArray (order.Split '\n')))
    Assert.Empty found
    Assert.Equal<Map<string, string>>(expected, files)

[<Fact>]
let ``an order that the data flow asks for is kept`` () =
    let expected, _ = generate tiny
    // The same words, and another value read.
    let files, _ = generate (stated [ "h = h * 2;"; query; key; value ])

    Assert.NotEqual<Map<string, string>>(expected, files)

[<Fact>]
let ``what an if leaves in two locals may be declared in either order`` () =
    let branched (locals: string) =
        tiny.Replace(
            layerForward,
            "        var h = Calm(x);\n"
            + locals
            + "        if (M.GatedMlp) { k = Turn(k, at); q = Turn(q, at); }\n"
            + "        x += Drop(Back(Heed(q, k, Content(h), at)));\n        return x + Mlp(x);"
        )

    let one, found =
        generate (branched "        var q = Wish(h);\n        var k = Sign(h);\n")

    let other, _ =
        generate (branched "        var k = Sign(h);\n        var q = Wish(h);\n")

    Assert.Empty found
    Assert.Equal<Map<string, string>>(one, other)

[<Fact>]
let ``a value that nobody reads is not emitted`` () =
    let files, found = generate (stated [ query; key; value; "var idle = h * 7;" ])
    let expected, _ = generate tiny
    Assert.Empty found
    Assert.Equal<Map<string, string>>(expected, files)

let private problems (text: string) (json: string) =
    let record = nonNull ((load text).GetType "Stranger.Tiny")

    let family =
        nonNull ((nonNull (record.GetProperty "ModelFamily")).GetValue null) :?> ModelFamily

    try
        family.FromHuggingFace.Invoke(nonNull (JsonNode.Parse json) :?> JsonObject)
        |> ignore

        []
    with :? ModelConfigException as e ->
        List.ofSeq e.Problems

/// The map out of the MLP reads a size of its own, which is Inner's number as the record starts.
let private assuming =
    tiny
        .Replace(
            "[Hf(\"dropout\")] public",
            "[Hf(\"core\")] public int Core { get; init; } = 24;\n    [Hf(\"dropout\")] public"
        )
        .Replace("[Row(\"Inner\", \"Width\")]", "[Row(\"Core\", \"Width\")]")

[<Fact>]
let ``sizes that are equal only by the record's numbers are compared when a config is read`` () =
    let _, found = generate assuming
    Assert.Empty found
    Assert.Empty(problems assuming "{}")
    Assert.Empty(problems assuming """{ "core": 28, "inner": 28 }""")

    Assert.Equal<string list>(
        [ "inner = 24: must equal core = 28 (they meet in TinyLayer's Down)" ],
        problems assuming """{ "core": 28 }"""
    )

[<Fact>]
let ``sizes that meet under a condition are compared where it holds`` () =
    // The second way through the MLP does not read the map.
    let text =
        assuming.Replace("Down(Activate(M.Act, Gate(x) * 0.5 + Up(x)))", "x * 0.5")

    let _, found = generate text
    Assert.Empty found
    Assert.NotEmpty(problems text """{ "core": 28 }""")
    Assert.Empty(problems text """{ "core": 28, "gated": false }""")

[<Fact>]
let ``an init that is negative is refused when a config is read`` () =
    Assert.Equal<string list>([ "std = -1: must be at least 0" ], problems tiny """{ "std": -1 }""")
