/// Each bad spec gives exactly its own finding, at the offending word; the good one gives none.
module Evo.Generators.Tests.Findings

open System.IO
open Evo.Generators.Spec
open Evo.Generators.Tests.Spec
open Microsoft.CodeAnalysis
open Xunit

/// Id, what is replaced in the good spec, by what, and the word that the finding stands at.
let private cases =
    [
        "EVO101", "[RmsNorm(\"Width\", \"Eps\")]", "[RmsNorm(\"Widht\", \"Eps\")]", "\"Widht\""
        "EVO101", "Init = \"Std / Sqrt", "Init = \"Stf / Sqrt", "\"Stf / Sqrt(2 * (Number + 1))\""
        "EVO102", "[Row(\"Inner\", \"Width\")]", "[Row(\"Inner *\", \"Width\")]", "\"Inner *\""
        "EVO102", "[Row(\"Inner\", \"Width\")]", "[Row(\"Width % 3\", \"Width\")]", "\"Width % 3\""
        "EVO103", "[Row(\"Inner\", \"Width\")]", "[Row(\"Eps\", \"Width\")]", "\"Eps\""
        "EVO103", "Bias = \"HasBias\"", "Bias = \"Width\"", "\"Width\""
        "EVO103", "Dropout = \"Drops\")] private partial Tensor Heed", "Window = \"Eps\")] private partial Tensor Heed", "\"Eps\""
        "EVO103", "Dropout = \"Drops\")] private partial Tensor Heed", "Alibi = \"Heads\")] private partial Tensor Heed", "\"Heads\""
        "EVO103", "[RmsNorm(\"Width\", \"Eps\")]", "[RmsNorm(\"Width\", \"Eps\", Offset = \"Width\")]", "\"Width\""
        "EVO103", "TiedTo = nameof(Look), Tied", "Normalized = \"Eps\", TiedTo = nameof(Look), Tied", "\"Eps\""
        "EVO110", "return x + Mlp(x);", "return x + Mlp(x.mean());", "mean"
        "EVO110", "x += Drop(Back(", "for (int i = 0; i < 3; i++) x += Drop(Back(", "for"
        "EVO110", "if (M.GatedMlp)", "if (x.dim() > 2)", "dim"
        "EVO110", "var h = Calm(x);", "var f = (Tensor y) => y; var h = Calm(x);", "(Tensor y) => y"
        "EVO110",
        "if (M.GatedMlp)",
        "if (M.GatedMlp) { if (M.HasBias) return x; x = Up(x); } if (M.GatedMlp)",
        "if"
        "EVO102",
        "[Column(\"Width\", \"Inner\")] [Hf(\"wide_a\")]",
        "[Column(\"Width\")] [Hf(\"wide_a\")]",
        "Column(\"Width\")"
        "EVO111",
        "public sealed partial record Tiny : CausalLM",
        "public partial record Tiny : CausalLM",
        "Tiny"
        "EVO112", "public Tensor Forward(Tensor ids", "internal Tensor Forward(Tensor ids", "Tiny"
        "EVO113",
        "private partial Tensor Calm(Tensor x);",
        "private partial Tensor Calm(Tensor x, int k);",
        "Calm"
        "EVO114",
        "[Head(nameof(Width), nameof(Words), TiedTo = nameof(Look), Tied = nameof(IsTied))] [Hf(\"readout\")]",
        "[Column(\"Width\", \"Words\")] [Hf(\"readout\")]",
        "Tiny"
        "EVO115", "Gate(x) * 0.5 + Up(x)", "Gate(x) * 0.5", ""
        "EVO116", "TinyLayer(Tiny M, int Number)", "TinyLayer(int Number)", "TinyLayer"
        "EVO117", "[Hf(\"std\")] public double Std", "[Hf(\"std\")] public decimal Std", "Std"
        "EVO401", "[Hf(\"wide_b\")]", "[Hf(\"wide_a\")]", "\"wide_a\""
        "EVO402", "[RmsNorm(\"Width\", \"Eps\")] [Hf(\"pre\")]", "[RmsNorm(\"Width\", \"Eps\")]", "Calm"
        "EVO403", "[Hf(\"theta\")]", "[Hf(\"eps\")]", "\"eps\""
        "EVO404", "[Hf(\"h.{layer}\")]", "[Hf(\"h\")]", "\"h\""
        "EVO405", "[Hf(\"theta\")] public", "public", "Theta"
        "EVO406", "TiedTo = nameof(Look)", "TiedTo = nameof(Last)", "Out"
        "EVO407",
        "[Dropout(\"Drops\")]",
        "[Experts(\"Width\", \"Inner\", \"Heads\", \"Heads\")] [Hf(\"some\")] private partial Tensor Mix(Tensor x, Tensor y); [Dropout(\"Drops\")]",
        "\"some\""
        "EVO111",
        "public Tensor Forward(Tensor ids, Positions at) => Last(Blocks(Look(ids), at));",
        "[Experts(\"Width\", \"Inner\", \"Heads\", \"Heads\")] [Hf(\"some.{expert}\")] private partial Tensor Mix(Tensor x, Tensor y); public Tensor Forward(Tensor ids, Positions at) => Last(Blocks(Mix(Look(ids), Look(ids)), at));",
        "Mix"
    ]

let caseNumbers =
    let numbers = TheoryData<int>()

    for number in 0 .. cases.Length - 1 do
        numbers.Add(number: int)

    numbers

// A case may need more than one edit to be wrong in one way only.
let private also id (text: string) =
    match id with
    | "EVO114" -> text.Replace("Last(Blocks(Look(ids), at))", "Out(Last(Blocks(Look(ids), at)))")
    | "EVO115" -> text.Replace("Gated(M.Act, Gate(x), Up(x))", "Activate(M.Act, Gate(x))")
    | "EVO116" -> text.Replace("M.GatedMlp", "Number > 0").Replace("M.Act", "\"silu\"")
    | "EVO407" -> text.Replace("return x + Mlp(x);", "return x + Mix(x, Mlp(x));")
    | "EVO117" -> text.Replace("Std { get; init; } = 0.1", "Std { get; init; }")
    | _ -> text

[<Theory; MemberData(nameof caseNumbers)>]
let ``a bad spec gives exactly its finding, at the word`` (number: int) =
    let id, before, after, word = cases[number]
    Assert.Contains(before, tiny)
    let text = also id (tiny.Replace(before, after))
    let _, found = generate text
    let ids = found |> List.map _.Id |> List.distinct
    let shown = found |> List.map string |> String.concat "\n"

    match id with
    // The parts of a spec that lost a role or a property are missed elsewhere too.
    | "EVO117" ->
        Assert.True(List.contains id ids && ids |> List.forall (fun i -> i = id || i = "EVO103"), shown)
    | _ -> Assert.True((ids = [ id ]), shown)

    let finding = found |> List.find (fun f -> f.Id = id)
    let span = finding.Location.SourceSpan
    let at = text.Substring(span.Start, span.Length)
    Assert.True((word = "" || at = word), $"at '{at}': {finding}")
    Assert.Equal(DiagnosticSeverity.Error, finding.Severity)

[<Fact>]
let ``the good spec gives none`` () =
    let _, found = generate tiny
    Assert.Empty found

[<Fact>]
let ``a mistyped size names the nearest property`` () =
    let _, found = generate (tiny.Replace("[RmsNorm(\"Width\"", "[RmsNorm(\"Widht\""))
    Assert.Contains("did you mean Width?", (List.exactlyOne found).GetMessage())

[<Fact>]
let ``a refused spec leaves no errors but its own`` () =
    let mutable updated = Unchecked.defaultof<Compilation>
    let mutable found = Unchecked.defaultof<_>
    let text = tiny.Replace("[RmsNorm(\"Width\"", "[RmsNorm(\"Widht\"")

    driver().RunGeneratorsAndUpdateCompilation(compilation [ file "Spec.cs" text ], &updated, &found)
    |> ignore

    let errors =
        updated.GetDiagnostics()
        |> Seq.filter (fun d -> d.Severity = DiagnosticSeverity.Error)

    Assert.Empty errors
    Assert.Single found |> ignore

let private repository = Path.GetFullPath(Path.Combine(folder, "..", ".."))

[<Fact>]
let ``every finding has a page, a test and a line in the release file`` () =
    let releases =
        File.ReadAllText(Path.Combine(repository, "src", "Evo.Generators", "AnalyzerReleases.Unshipped.md"))

    let tested = cases |> List.map (fun (id, _, _, _) -> id) |> Set

    let declared =
        typeof<Diagnostics>.GetFields()
        |> Array.filter (fun f -> f.IsLiteral)
        |> Array.map (fun f -> string (f.GetRawConstantValue()))
        |> Set

    Assert.Equal<Set<string>>(declared, tested)

    for id in declared do
        Assert.Contains($"{id} |", releases)

        let page =
            File.ReadAllText(Path.Combine(repository, "docs", "diagnostics", $"{id}.md"))

        Assert.Contains("## Invalid", page)
        Assert.Contains("## Fixed", page)

[<Fact>]
let ``the generator's names of the vocabulary are the vocabulary's own`` () =
    let types =
        typeof<Evo.Models.CausalLM>.Assembly.GetTypes()
        |> Array.map (fun t -> nonNull t.FullName)
        |> Set

    for field in typeof<AttributeNames>.GetFields() do
        let name = string (field.GetRawConstantValue())

        match name with
        | "Evo.Models.IHuggingFaceValue<T>" -> Assert.Contains("Evo.Models.IHuggingFaceValue`1", types)
        | "TorchSharp.torch.Tensor" ->
            Assert.Equal("TorchSharp.torch+Tensor", typeof<TorchSharp.torch.Tensor>.FullName)
        | name -> Assert.Contains(name, types)
