/// Steps that read one value are emitted as one operator, in every mode, and only where nobody else reads what is between them.
module Evo.Generators.Tests.FusedSteps

open System.Text.RegularExpressions
open Evo.Generators.Tests.Spec
open Xunit

let private modes = [ "Serial"; "Mtp"; "Msp"; "Fsp"; "Isp" ]

/// The emitted forward of the layer in a mode.
let private forward (text: string) mode =
    let files, found = generate text
    Assert.Empty found
    let emitted = files["Stranger.TinyLayer.g.cs"]
    let start = emitted.IndexOf $" Forward{mode}("
    Assert.True(start > 0, mode)
    emitted.Substring(start, emitted.IndexOf("\n    }\n", start) - start)

let private times (operator: string) text mode =
    Regex.Matches(forward text mode, Regex.Escape $".{operator}(").Count

let private everywhere operator expected (text: string) =
    for mode in modes do
        Assert.Equal((mode, expected), (mode, times operator text mode))

let private changed (from: string) (into: string) (text: string) =
    Assert.Contains(from, text)
    text.Replace(from, into)

let private attends =
    "x += Drop(Back(Heed(Turn(Wish(h), at), Turn(Sign(h), at), Content(h), at)));"

/// The layer with a norm before its MLP.
let private normed = changed "return x + Mlp(x);" "return x + Mlp(Calm(x));" tiny

[<Fact>]
let ``heads of three maps that are turned and attended`` () =
    everywhere "HeadsApart" 1 tiny
    everywhere "Rotate" 0 tiny

[<Fact>]
let ``heads of one map, all queries first or group by group`` () =
    let oneMap sizes queries keys values text =
        text
        |> changed
            "[Column(\"Width\", \"Heads\", \"HeadSize\", Bias = \"HasBias\")]"
            $"[Column(\"Width\", {sizes}, \"HeadSize\")]"
        |> changed
            attends
            $"var w = Wish(h); x += Drop(Back(Heed(Turn({queries}, at), Turn({keys}, at), {values}, at)));"
        |> changed
            "[Column(\"Width\", \"Heads\", \"HeadSize\")] [Hf(\"to_k\")] private partial Tensor Sign(Tensor x);"
            ""
        |> changed
            "[Column(\"Width\", \"Heads\", \"HeadSize\")] [Hf(\"to_v\")] private partial Tensor Content(Tensor x);"
            ""

    tiny
    |> oneMap "\"3\", \"Heads\"" "w.select(2, 0)" "w.select(2, 1)" "w.select(2, 2)"
    |> everywhere "HeadsApart" 1

    tiny
    |> oneMap "\"Heads\", \"1 + 2\"" "w.narrow(3, 0, 1).flatten(2, 3)" "w.select(3, 1)" "w.select(3, 2)"
    |> everywhere "HeadsApart" 1

    // Keys and values have changed places.
    tiny
    |> oneMap "\"3\", \"Heads\"" "w.select(2, 0)" "w.select(2, 2)" "w.select(2, 1)"
    |> everywhere "HeadsApart" 0

[<Fact>]
let ``no heads whose keys are not turned, or that somebody else reads`` () =
    changed "Turn(Sign(h), at)" "Sign(h)" tiny |> everywhere "HeadsApart" 0

    changed attends ("var v = Content(h); " + attends.Replace("Content(h)", "v") + " x += Back(v);") tiny
    |> everywhere "HeadsApart" 0

[<Fact>]
let ``a gate of two maps, on its side of a choice`` () =
    // With the map that reads it, unless something stands between.
    everywhere "GatedLinear" 1 tiny
    everywhere "GatedPair" 0 tiny

    let between =
        changed
            "return Down(Gated(M.Act, Gate(x), Up(x)));"
            "return Down(Gated(M.Act, Gate(x), Up(x)) * 2);"
            tiny

    everywhere "GatedLinear" 0 between
    everywhere "GatedPair" 1 between

    let twice =
        changed
            "return Down(Gated(M.Act, Gate(x), Up(x)));"
            "{ var g = Gated(M.Act, Gate(x), Up(x)); return Down(g) + Down(g * 2); }"
            tiny

    everywhere "GatedLinear" 0 twice
    // What is let through is read twice.
    changed
        "return Down(Gated(M.Act, Gate(x), Up(x)));"
        "{ var u = Up(x); return Down(Gated(M.Act, Gate(x), u) + u); }"
        tiny
    |> fun read ->
        everywhere "GatedPair" 0 read
        everywhere "GatedLinear" 0 read

[<Fact>]
let ``a sum and the norm that reads it`` () =
    everywhere "AddRmsNorm" 1 normed
    everywhere "AddRmsNorm" 0 tiny
    // Between the sum and the norm stands something else; or a choice.
    changed "Mlp(Calm(x))" "Mlp(Calm(x * 2))" normed |> everywhere "AddRmsNorm" 0

    changed "return x + Mlp(x);" "if (M.HasBias) return x + Mlp(Calm(x)); return x;" tiny
    |> everywhere "AddRmsNorm" 0

[<Fact>]
let ``what a norm reads passes it by, where others read it behind it`` () =
    everywhere "PassRmsNorm" 1 tiny
    everywhere "RmsNorm" 0 tiny

    // Nobody else reads it; somebody read it before; somebody reads it on one side of a choice.
    for first, instead in
        [
            "x += Drop(", "x = Drop("
            "x += Drop(", "x = x * 2 + Drop("
            "var h = Calm(x);", "var h = Calm(x); if (M.HasBias) { h = h + x; }"
        ] do
        let other = changed first instead tiny
        everywhere "PassRmsNorm" 0 other
        everywhere "RmsNorm" 1 other

[<Fact>]
let ``an activation takes the bias of the map before it, and the map after it takes both`` () =
    let plain =
        changed
            "return Down(Activate(M.Act, Gate(x) * 0.5 + Up(x)));"
            "return Down(Activate(M.Act, Up(x)));"
            tiny

    let biased =
        changed
            "[Column(\"Width\", \"Inner\")] [Hf(\"wide_b\")]"
            "[Column(\"Width\", \"Inner\", Bias = \"true\")] [Hf(\"wide_b\")]"

    for spec in [ plain; biased plain ] do
        everywhere "ActivatedLinear" 1 spec
        everywhere "Activation" 0 spec

    // What is activated has another reader, or something stands before the map.
    for instead in
        [
            "return Down(Activate(M.Act, Up(x)) * 2);"
            "{ var a = Activate(M.Act, Up(x)); return Down(a) + Down(a * 2); }"
        ] do
        let apart = changed "return Down(Activate(M.Act, Up(x)));" instead plain
        everywhere "ActivatedLinear" 0 apart
        everywhere "Activation" 0 apart
        everywhere "ActivatedLinear" 0 (biased apart)
        everywhere "Activation" 1 (biased apart)
