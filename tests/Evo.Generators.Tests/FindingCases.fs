/// Specs that are wrong in one way: the finding, what is put in the place of what in the good spec, and the word it stands at.
module Evo.Generators.Tests.FindingCases

/// Edits of the good spec that make it wrong.
type Case = string * (string * string) list * string

/// One edit.
let private one id before after word : Case = id, [ before, after ], word

// Parts that a case adds, before the layer's dropout or the model's head.
let private layerPart = "[Dropout(\"Drops\")] private"
let private modelPart = "[Head(nameof(Width)"
let private property = "[Hf(\"dropout\")] public"
let private inLayer part = layerPart, part + "\n    " + layerPart
let private inModel part = modelPart, part + "\n    " + modelPart
let private withProperty text = property, text + "\n    " + property
let private gatedMlp = "Down(Gated(M.Act, Gate(x), Up(x)))"
let private plainMlp = "Gate(x) * 0.5 + Up(x)"
let private result = "return x + Mlp(x);"

let private placed =
    "Last(Blocks(Look(ids), at))", "Last(Blocks(Look(ids) + Place(at.Ids), at))"

/// EVO1xx: sizes, parts, forwards.
let specs: Case list =
    [
        one "EVO101" "[RmsNorm(\"Width\", \"Eps\")]" "[RmsNorm(\"Widht\", \"Eps\")]" "\"Widht\""
        one "EVO101" "Init = \"Std / Sqrt" "Init = \"Stf / Sqrt" "\"Stf / Sqrt(2 * (Number + 1))\""
        one "EVO102" "[Row(\"Inner\", \"Width\")]" "[Row(\"Inner *\", \"Width\")]" "\"Inner *\""
        one "EVO102" "[Row(\"Inner\", \"Width\")]" "[Row(\"Width % 3\", \"Width\")]" "\"Width % 3\""
        one
            "EVO102"
            "[Column(\"Width\", \"Inner\")] [Hf(\"wide_a\")]"
            "[Column(\"Width\")] [Hf(\"wide_a\")]"
            "Column(\"Width\")"
        one "EVO103" "[Row(\"Inner\", \"Width\")]" "[Row(\"Eps\", \"Width\")]" "\"Eps\""
        one "EVO103" "Bias = \"HasBias\"" "Bias = \"Width\"" "\"Width\""
        one
            "EVO103"
            "Dropout = \"Drops\")] private partial Tensor Heed"
            "Window = \"Eps\")] private partial Tensor Heed"
            "\"Eps\""
        one
            "EVO103"
            "Dropout = \"Drops\")] private partial Tensor Heed"
            "Alibi = \"Heads\")] private partial Tensor Heed"
            "\"Heads\""
        one
            "EVO103"
            "[RmsNorm(\"Width\", \"Eps\")]"
            "[RmsNorm(\"Width\", \"Eps\", Offset = \"Width\")]"
            "\"Width\""
        one
            "EVO103"
            "TiedTo = nameof(Look), Tied"
            "Normalized = \"Eps\", TiedTo = nameof(Look), Tied"
            "\"Eps\""
        one "EVO104" "[Row(\"Inner\", \"Width\")]" "[Row(\"Width\", \"Width\")]" "Down"
        one "EVO104" "[Head(nameof(Width), nameof(Words)" "[Head(nameof(Inner), nameof(Words)" "Last"
        one "EVO105" "[Row(\"Inner\", \"Width\")]" "[Row(\"Inner\", \"Inner\")]" "x + Mlp(x)"
        // What is not called any more would be unused.
        "EVO105",
        [
            result, "return Gate(x);"
            "var h = Calm(x);", "var h = Calm(x); x = x + Mlp(x);"
        ],
        "Gate"
        one
            "EVO106"
            "\"Heads\", \"HeadSize\")] [Hf(\"to_v\")]"
            "\"Inner\", \"HeadSize\")] [Hf(\"to_v\")]"
            "Heed"
        one "EVO106" "\"Heads\", \"HeadSize\")] [Hf(\"to_k\")]" "\"Heads\", \"Inner\")] [Hf(\"to_k\")]" "Turn"
        "EVO107",
        [
            withProperty "[Hf(\"few\")] public int Few { get; init; } = 3;"
            "[Attention(\"Heads\", \"Heads\"", "[Attention(\"Heads\", \"Few\""
            "\"Heads\", \"HeadSize\")] [Hf(\"to_k\")]", "\"Few\", \"HeadSize\")] [Hf(\"to_k\")]"
            "\"Heads\", \"HeadSize\")] [Hf(\"to_v\")]", "\"Few\", \"HeadSize\")] [Hf(\"to_v\")]"
        ],
        "3"
        "EVO108",
        [
            "[Column(\"Width\", \"Inner\")] [Hf(\"wide_b\")]",
            "[Column(\"Width\", \"Width\")] [Hf(\"wide_b\")]"
            plainMlp, "Gate(x)"
        ],
        "Gated"
        one "EVO109" "\"Heads\", \"HeadSize\")] [Hf(\"to_v\")]" "\"Heads * HeadSize\")] [Hf(\"to_v\")]" "Heed"
        one "EVO110" result "return x + Mlp(x.mean());" "mean"
        one "EVO110" "x += Drop(Back(" "for (int i = 0; i < 3; i++) x += Drop(Back(" "for"
        one "EVO110" "if (M.GatedMlp)" "if (x.dim() > 2)" "dim"
        one "EVO110" "var h = Calm(x);" "var f = (Tensor y) => y; var h = Calm(x);" "(Tensor y) => y"
        one
            "EVO110"
            "if (M.GatedMlp)"
            "if (M.GatedMlp) { if (M.HasBias) return x; x = Up(x); } if (M.GatedMlp)"
            "if"
        one "EVO110" "if (M.GatedMlp)" "switch (M.Depth) { case > 3: break; } if (M.GatedMlp)" "case"
        one
            "EVO111"
            "public sealed partial record Tiny : CausalLM"
            "public partial record Tiny : CausalLM"
            "Tiny"
        "EVO111",
        [
            inModel "[Router(\"Width\", \"Heads\")] [Hf(\"route\")] private partial Tensor Route(Tensor x);"
            inModel
                "[Experts(\"Width\", \"Inner\", \"Heads\", \"Heads\")] [Hf(\"some.{expert}\")] private partial Tensor Mix(Tensor x, Tensor y);"
            "Last(Blocks(Look(ids), at))", "Last(Blocks(Mix(Look(ids), Route(Look(ids))), at))"
        ],
        "Mix"
        one "EVO112" "public Tensor Forward(Tensor ids" "internal Tensor Forward(Tensor ids" "Tiny"
        one
            "EVO113"
            "private partial Tensor Calm(Tensor x);"
            "private partial Tensor Calm(Tensor x, int k);"
            "Calm"
        "EVO114",
        [
            "[Head(nameof(Width), nameof(Words), TiedTo = nameof(Look), Tied = nameof(IsTied))] [Hf(\"readout\")]",
            "[Column(\"Width\", \"Words\")] [Hf(\"readout\")]"
            "Last(Blocks(Look(ids), at))", "Out(Last(Blocks(Look(ids), at)))"
        ],
        "Tiny"
        "EVO115",
        [
            plainMlp, "Gate(x) * 0.5"
            "Gated(M.Act, Gate(x), Up(x))", "Activate(M.Act, Gate(x))"
        ],
        "Up"
        // Called, and nothing looks at what it gives.
        "EVO115",
        [
            plainMlp, "Gate(x) * 0.5"
            "Gated(M.Act, Gate(x), Up(x))", "Activate(M.Act, Gate(x))"
            "var h = Calm(x);", "var h = Calm(x); var idle = Up(h);"
        ],
        "Up"
        "EVO116",
        [
            "TinyLayer(Tiny M, int Number)", "TinyLayer(int Number)"
            "M.GatedMlp", "Number > 0"
            "M.Act", "\"silu\""
        ],
        "TinyLayer"
        "EVO117",
        [
            "[Hf(\"std\")] public double Std { get; init; } = 0.1",
            "[Hf(\"std\")] public decimal Std { get; init; }"
        ],
        "Std"
        one "EVO118" result "return x + Mlp(x.transpose(1, M.Depth));" "transpose"
        one "EVO118" result "return x + Mlp(x.unflatten(2, 4, -1).flatten(2, 3));" "unflatten"
        one "EVO118" result "return x + Mlp(x.unflatten(2, M.Heads, M.Inner).flatten(2, 3));" "unflatten"
        one "EVO118" result "return x + Mlp(x.narrow(2, 1, M.Width));" "narrow"
        one "EVO118" result "return x + Mlp(x.reshape(1, 2, M.Width));" "reshape"
    ]

/// EVO2xx: placements.
let placements: Case list =
    [
        one "EVO201" result "return x + Activate(M.Act, Mlp(x));" "Activate"
        one "EVO201" result "return x + Mlp(x) * Mlp(x);" "Mlp(x) * Mlp(x)"
        "EVO202",
        [
            inLayer "[RmsNorm(\"Inner\", \"Eps\")] [Hf(\"mid\")] private partial Tensor Mid(Tensor x);"
            gatedMlp, "Down(Mid(Gated(M.Act, Gate(x), Up(x))))"
        ],
        "Mid"
        "EVO202",
        [
            inLayer
                "[RmsNorm(\"Heads * HeadSize\", \"Eps\")] [Hf(\"mid\")] private partial Tensor Mid(Tensor x);"
            "Turn(Wish(h), at)", "Turn(Mid(Wish(h).flatten(2, 3)).unflatten(2, M.Heads, M.HeadSize), at)"
        ],
        "Mid"
        "EVO202", [ gatedMlp, "Down(Softmax(Gated(M.Act, Gate(x), Up(x))))" ], "Softmax"
        "EVO203",
        [
            inModel
                "[Embedding(nameof(Words), nameof(Width))] [Hf(\"places\")] private partial Tensor Place(Tensor ids);"
            placed
            "TiedTo = nameof(Look)", "TiedTo = nameof(Place)"
        ],
        "nameof(Place)"
        one
            "EVO203"
            "[Embedding(nameof(Words), nameof(Width))] [Hf(\"words\")]"
            "[Embedding(nameof(Inner), nameof(Width))] [Hf(\"words\")]"
            "nameof(Look)"
        one
            "EVO204"
            "[Row(\"Inner\", \"Width\")] [Hf(\"narrow\")]"
            "[Column(\"Inner\", \"Width\")] [Hf(\"narrow\")]"
            "Down"
        "EVO205",
        [
            "[Row(\"Inner\", \"Width\")]", "[Row(\"Width\", \"Width\")]"
            gatedMlp, "Down(Gated(M.Act, Gate(x), Up(x)).narrow(2, 0, M.Width))"
            plainMlp, "(Gate(x) * 0.5 + Up(x)).narrow(2, 0, M.Width)"
        ],
        "narrow"
        "EVO206",
        [
            inLayer
                "[Column(\"Width\", \"Heads\", \"HeadSize\")] [Hf(\"more\")] private partial Tensor More(Tensor x);"
            "x += Drop(Back(", "x += Back(Turn(More(h).transpose(2, 3), at)); x += Drop(Back("
        ],
        "Turn"
    ]

/// EVO3xx: degrees.
let degrees: Case list =
    [
        one "EVO301" "[HfNeutral(\"motto\")]" "[HfNeutral(\"motto\"), Degree(\"msp\", 3)]" "3"
        one "EVO301" "[HfNeutral(\"motto\")]" "[HfNeutral(\"motto\"), Degree(\"mtp\", 8)]" "8"
        one "EVO302" "[HfNeutral(\"motto\")]" "[HfNeutral(\"motto\"), Degree(\"tp\", 2)]" "\"tp\""
        one "EVO302" "[HfNeutral(\"motto\")]" "[HfNeutral(\"motto\"), Degree(\"isp\", 0)]" "0"
    ]

/// EVO4xx: names in a checkpoint and in configs.
let names: Case list =
    [
        one "EVO401" "[Hf(\"wide_b\")]" "[Hf(\"wide_a\")]" "\"wide_a\""
        // A model's own part, and a part of each layer.
        one "EVO401" "[Hf(\"closing\")]" "[Hf(\"h.0.pre\")]" "\"pre\""
        "EVO401",
        [
            inLayer "[Router(\"Width\", \"Heads\")] [Hf(\"route\")] private partial Tensor Route(Tensor x);"
            inLayer
                "[Experts(\"Width\", \"Inner\", \"Heads\", \"Depth\", Up = \"gate_proj\")] [Hf(\"experts.{expert}\")] private partial Tensor Mix(Tensor x, Tensor logits);"
            result, "return x + Mlp(x) + Mix(x, Route(x));"
        ],
        "\"experts.{expert}\""
        one "EVO402" "[RmsNorm(\"Width\", \"Eps\")] [Hf(\"pre\")]" "[RmsNorm(\"Width\", \"Eps\")]" "Calm"
        one "EVO403" "[Hf(\"theta\")]" "[Hf(\"eps\")]" "\"eps\""
        one "EVO404" "[Hf(\"h.{layer}\")]" "[Hf(\"h\")]" "\"h\""
        one "EVO405" "[Hf(\"theta\")] public" "public" "Theta"
        one "EVO406" "TiedTo = nameof(Look)" "TiedTo = nameof(Last)" "Out"
        "EVO407",
        [
            inLayer "[Router(\"Width\", \"Heads\")] [Hf(\"route\")] private partial Tensor Route(Tensor x);"
            inLayer
                "[Experts(\"Width\", \"Inner\", \"Heads\", \"Depth\")] [Hf(\"experts\")] private partial Tensor Mix(Tensor x, Tensor logits);"
            result, "return x + Mlp(x) + Mix(x, Route(x));"
        ],
        "\"experts\""
        one "EVO408" "[Hf(\"wide_b\")]" "[Hf(\"wide_a.weight\")]" "\"wide_a.weight\""
        one "EVO408" "[Hf(\"wide_b\")]" "[Hf(\"to_q.bias\")]" "\"to_q.bias\""
        one "EVO408" "[Hf(\"wide_b\")]" "[Hf(\"wide.{layer}\")]" "\"wide.{layer}\""
        one "EVO408" "[Hf(\"wide_b\")]" "[Hf(\"wide.{expert}\")]" "\"wide.{expert}\""
        one "EVO408" "[Hf(\"wide_b\")]" "[Hf(\"wide_{b}\")]" "\"wide_{b}\""
        one "EVO408" "[Hf(\"wide_b\")]" "[Hf(\"wide..b\")]" "\"wide..b\""
    ]

/// EVO5xx: numbers.
let numerics: Case list =
    [
        one "EVO501" "Eps { get; init; } = 1e-5" "Eps { get; init; } = 0" "0"
        one "EVO501" "[RmsNorm(\"Width\", \"Eps\")]" "[RmsNorm(\"Width\", \"-Eps\")]" "\"-Eps\""
        one "EVO502" "Eps { get; init; } = 1e-5" "Eps { get; init; } = 1e-20" "1e-20"
        "EVO503",
        [
            "Std { get; init; } = 0.1", "Std { get; init; } = -0.1"
            "Init = \"Std / Sqrt(2 * (Number + 1))\"", "Init = \"0.1\""
        ],
        "-0.1"
        one "EVO503" "Init = \"Std / Sqrt(2 * (Number + 1))\"" "Init = \"0 * Std\"" "\"0 * Std\""
        one "EVO504" "Drops { get; init; }" "Drops { get; init; } = 1.5;" "1.5"
        one "EVO504" "Dropout = \"Drops\"" "Dropout = \"1\"" "\"1\""
        one "EVO505" "Theta { get; init; } = 100" "Theta { get; init; } = 1" "1"
    ]

/// All of them.
let all: Case list = specs @ placements @ degrees @ names @ numerics

/// A case's text.
let text (good: string) ((_, edits, _): Case) =
    (good, edits)
    ||> List.fold (fun text (before, after) ->
        Xunit.Assert.Contains(before, text)
        text.Replace(before, after))
