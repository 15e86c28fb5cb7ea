/// A made-up architecture as the text of a spec.
module Evo.Parity.Tests.RecipeText

open Evo.Parity.Tests.Recipes

let private yes (flag: bool) = if flag then "true" else "false"

/// The recipe as a spec, in a namespace of its own.
let text (space: string) (r: Recipe) =
    let norm method name width =
        match r.Norm with
        | Rms ->
            $"""    [RmsNorm("{width}", "0.00001"), Hf("{name}")] private partial Tensor {method}(Tensor x);"""
        | RmsOffset ->
            $"""    [RmsNorm("{width}", "0.00001", Offset = "true"), Hf("{name}")] private partial Tensor {method}(Tensor x);"""
        | Layer ->
            $"""    [LayerNorm("{width}", "0.00001"), Hf("{name}")] private partial Tensor {method}(Tensor x);"""

    let bias = yes r.Bias

    let turn value =
        if r.Place = Rotary then $"Turn({value}, at)" else value

    let calm which value =
        if r.QkNorm then $"{which}({value})" else value

    // Shares of tokens, of features and of heads, among these heads that several ranks have; and the whole of them.
    let dropPart =
        [
            if r.Drops then
                """    [Dropout("0.25")] private partial Tensor Drop(Tensor x);"""
        ]

    let drop value =
        if r.Drops then $"Drop({value})" else value

    let attention =
        [
            match r.Projection with
            | Apart ->
                $"""    [Column("Width", "Heads", "HeadSize", Bias = "{bias}"), Hf("q")] private partial Tensor Ask(Tensor x);"""
                // Without rotary positions or norms softmax does not see a bias of the keys: its gradient is zero but for rounding.
                let seen = yes (r.Bias && (r.Place = Rotary || r.QkNorm))
                $"""    [Column("Width", "KvHeads", "HeadSize", Bias = "{seen}"), Hf("k")] private partial Tensor Lock(Tensor x);"""
                $"""    [Column("Width", "KvHeads", "HeadSize", Bias = "{bias}"), Hf("v")] private partial Tensor Worth(Tensor x);"""
            | Fused ->
                $"""    [Column("Width", "3", "Heads", "HeadSize", Bias = "{bias}"), Hf("qkv")] private partial Tensor All(Tensor x);"""
            | FusedByHead ->
                $"""    [Column("Width", "Heads", "3", "HeadSize", Bias = "{bias}"), Hf("qkv")] private partial Tensor All(Tensor x);"""
            if r.QkNorm then
                """    [RmsNorm("HeadSize", "0.00001"), Hf("q_norm")] private partial Tensor CalmAsk(Tensor x);"""
                """    [RmsNorm("HeadSize", "0.00001"), Hf("k_norm")] private partial Tensor CalmLock(Tensor x);"""
            if r.Place = Rotary then
                """    [Rope("HeadSize", "100")] private partial Tensor Turn(Tensor x, Positions at);"""
            let options =
                (if r.Window > 0 then $", Window = nameof(Seen)" else "")
                + (if r.Place = Alibi then ", Alibi = \"true\"" else "")
                + (if r.Drops then ", Dropout = \"0.25\"" else "")

            $"""    [Attention("Heads", "{(if r.Projection = Apart then "KvHeads" else "Heads")}", "HeadSize"{options})] private partial Tensor Heed(Tensor q, Tensor k, Tensor v, Positions at);"""
            $"""    [Row("Heads * HeadSize", "Width", Bias = "{bias}"), Hf("o")] private partial Tensor Back(Tensor x);"""
        ]

    let mlp =
        [
            match r.Mlp with
            | Gated
            | GatedByLinear ->
                $"""    [Column("Width", "Inner", Bias = "{bias}"), Hf("gate")] private partial Tensor Gate(Tensor x);"""
                $"""    [Column("Width", "Inner", Bias = "{bias}"), Hf("up")] private partial Tensor Up(Tensor x);"""
                $"""    [Row("Inner", "Width", Bias = "{bias}"), Hf("down")] private partial Tensor Down(Tensor x);"""

                if r.Mlp = GatedByLinear then
                    """    [Linear("Width", "1"), Hf("share")] private partial Tensor Share(Tensor x);"""
            | Plain
            | SquaredRelu ->
                $"""    [Column("Width", "Inner", Bias = "{bias}"), Hf("up")] private partial Tensor Up(Tensor x);"""
                $"""    [Row("Inner", "Width", Bias = "{bias}"), Hf("down")] private partial Tensor Down(Tensor x);"""
            | Mixture ->
                """    [Router("Width", "Experts"), Hf("router")] private partial Tensor Route(Tensor x);"""
                """    [Experts("Width", "Inner", "Experts", "2", Normalize = "true"), Hf("experts.{expert}")] private partial Tensor Mix(Tensor x, Tensor logits);"""
            | NoMlp -> ()
        ]

    let attend =
        match r.Projection with
        | Apart ->
            [
                $"""        return Back(Heed({turn (calm "CalmAsk" "Ask(h)")}, {turn (calm "CalmLock" "Lock(h)")}, {drop "Worth(h)"}, at));"""
            ]
        | Fused
        | FusedByHead ->
            let dim = if r.Projection = Fused then 2 else 3

            [
                "        var all = All(h);"
                $"""        var q = {turn (calm "CalmAsk" $"all.select({dim}, 0)")};"""
                $"""        var k = {turn (calm "CalmLock" $"all.select({dim}, 1)")};"""
                $"        return Back(Heed(q, k, all.select({dim}, 2), at));"
            ]

    let think =
        match r.Mlp with
        | Gated -> "Down(" + drop "Gated(\"silu\", Gate(h), Up(h))" + ")"
        | GatedByLinear -> "Sigmoid(Share(h)) * Down(Gated(\"gelu\", Gate(h), Up(h)))"
        | Plain -> "Down(" + drop "Activate(\"gelu_new\", Up(h))" + ")"
        | SquaredRelu -> "Down(Square(Activate(\"relu\", Up(h))))"
        | Mixture -> "Mix(h, Route(h))"
        | NoMlp -> "h"

    let hasMlp = r.Mlp <> NoMlp
    // Odd layers leave out the MLP where layers differ.
    let mlpStep statement =
        if not hasMlp then
            []
        elif r.Alternate then
            [ "        if (Number % 2 == 0)"; "        {"; "    " + statement; "        }" ]
        else
            [ statement ]

    let before, after =
        r.Residual <> PostNorm, r.Residual = PostNorm || r.Residual = Sandwich

    let pre method value =
        if before then $"{method}({value})" else value

    let post method value =
        if after then $"{method}({value})" else value

    let body =
        match r.Residual with
        | Parallel ->
            [
                "        var h = Before(x);"
                "        var a = " + drop "Attend(h, at)" + ";"
                yield!
                    (if hasMlp then
                         [ "        return x + a + Think(h);" ]
                     else
                         [ "        return x + a;" ])
            ]
        | _ ->
            [
                let attended = post "After" (drop ("Attend(" + pre "Before" "x" + ", at)"))
                let thought = post "AfterThink" ("Think(" + pre "BeforeThink" "x" + ")")
                $"        x += {attended};"
                yield! mlpStep $"        x += {thought};"
                "        return x;"
            ]

    let norms =
        [
            if before then
                norm "Before" "before" "Width"
            if after then
                norm "After" "after" "Width"
            if hasMlp && r.Residual <> Parallel then
                if before then
                    norm "BeforeThink" "before_think" "Width"

                if after then
                    norm "AfterThink" "after_think" "Width"
        ]

    let embedded =
        let looked = if r.Scaled then "Look(ids) * 3.5" else "Look(ids)"

        if r.Place = Learned then
            $"{looked} + Stand(at.Ids)"
        else
            looked

    String.concat
        "\n"
        [
            "using static Evo.Models.Functions;"
            "using Evo.Models;"
            "using Tensor = TorchSharp.torch.Tensor;"
            $"namespace {space};"
            $"""[Model("{space.ToUpperInvariant()}", HuggingFace = "{space}ForCausalLM", ModelType = "{space.ToLowerInvariant()}", InitStd = "0.3")]"""
            "public sealed partial record Made : CausalLM"
            "{"
            $"    [Hf(\"words\")] public int Words {{ get; init; }} = {r.Words};"
            $"    [Hf(\"width\")] public int Width {{ get; init; }} = {r.Width};"
            $"    [Hf(\"layers\")] public int Depth {{ get; init; }} = {r.Layers};"
            $"    [Hf(\"heads\")] public int Heads {{ get; init; }} = {r.Heads};"
            $"    [Hf(\"kv_heads\")] public int KvHeads {{ get; init; }} = {r.KvHeads};"
            $"    [Hf(\"head_size\")] public int HeadSize {{ get; init; }} = {r.HeadSize};"
            $"    [Hf(\"inner\")] public int Inner {{ get; init; }} = {r.Inner};"
            "    [Hf(\"experts\")] public int Experts { get; init; } = 4;"
            $"    [Hf(\"window\")] public int Window {{ get; init; }} = {max 1 r.Window};"
            $"    [Hf(\"tied\")] public bool Tied {{ get; init; }} = {yes r.Tied};"
            "    [Embedding(nameof(Words), nameof(Width)), Hf(\"look\")] private partial Tensor Look(Tensor ids);"
            if r.Place = Learned then
                "    [Embedding(\"64\", nameof(Width)), Hf(\"stand\")] private partial Tensor Stand(Tensor ids);"
            "    [Layers(typeof(MadeLayer), nameof(Depth)), Hf(\"layers.{layer}\")] private partial Tensor Blocks(Tensor x, Positions at);"
            norm "Last" "last" "Width"
            "    [Head(nameof(Width), nameof(Words), TiedTo = nameof(Look), Tied = nameof(Tied)), Hf(\"out\")] private partial Tensor Out(Tensor x);"
            yield! dropPart
            "    public Tensor Forward(Tensor ids, Positions at) => "
            + drop $"Last(Blocks({drop embedded}, at))"
            + ";"
            "}"
            "public sealed partial record MadeLayer(Made M, int Number)"
            "{"
            "    private int Seen => M.Window;"
            yield! norms
            yield! dropPart
            yield! attention
            yield! mlp
            "    public Tensor Forward(Tensor x, Positions at)"
            "    {"
            yield! body
            "    }"
            "    private Tensor Attend(Tensor h, Positions at)"
            "    {"
            yield! attend
            "    }"
            if hasMlp then
                $"    private Tensor Think(Tensor h) => {think};"
            if r.Mlp = SquaredRelu then
                "    private Tensor Square(Tensor u) => u * u;"
            "}"
        ]
