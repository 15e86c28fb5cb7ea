/// Each bad spec gives exactly its own finding, at the offending word; the good one gives none.
module Evo.Generators.Tests.Findings

open System.IO
open Evo.Generators.Spec
open Evo.Generators.Tests.Spec
open Microsoft.CodeAnalysis
open Xunit

let caseNumbers =
    let numbers = TheoryData<int>()

    for number in 0 .. FindingCases.all.Length - 1 do
        numbers.Add(number: int)

    numbers

/// Numbers that may be meant are warned of.
let private severity id =
    match id with
    | "EVO502"
    | "EVO503" -> DiagnosticSeverity.Warning
    | _ -> DiagnosticSeverity.Error

[<Theory; MemberData(nameof caseNumbers)>]
let ``a bad spec gives exactly its finding, at the word`` (number: int) =
    let id, _, word = FindingCases.all[number]
    let text = FindingCases.text tiny FindingCases.all[number]
    let files, found = generate text
    let ids = found |> List.map _.Id |> List.distinct
    let shown = found |> List.map string |> String.concat "\n"

    match id with
    // The places that ask for a property of the wrong type miss it too.
    | "EVO117" ->
        Assert.True(List.contains id ids && ids |> List.forall (fun i -> i = id || i = "EVO103"), shown)
    | _ -> Assert.True((ids = [ id ]), $"{id} was expected, found:\n{shown}")

    for finding in found |> List.filter (fun f -> f.Id = id) do
        let span = finding.Location.SourceSpan
        let at = text.Substring(span.Start, span.Length)
        Assert.True((at = word), $"at '{at}', not '{word}': {finding}")
        Assert.Equal(severity id, finding.Severity)
        // Nothing of the message is left open.
        Assert.DoesNotMatch(@"\{\d\}|, ,", finding.GetMessage())

    // What is warned of is compiled all the same.
    let emitted = files.Values |> Seq.exists _.Contains("PlanBuilder plan)\n    {")
    Assert.Equal((severity id = DiagnosticSeverity.Warning), emitted)

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

    let tested = FindingCases.all |> List.map (fun (id, _, _) -> id) |> Set

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

/// The lines of the release file: id, category, severity, title.
let private released () =
    let path =
        Path.Combine(repository, "src", "Evo.Generators", "AnalyzerReleases.Unshipped.md")

    [
        for line in File.ReadAllLines path do
            match line.Split " | " with
            | [| id; _; severity; title |] when id.StartsWith "EVO" -> id, severity, title
            | _ -> ()
    ]

[<Fact>]
let ``the index of the findings is made from the release file`` () =
    let path = Path.Combine(repository, "docs", "diagnostics", "README.md")
    let before = File.ReadAllText path
    let head = before.Substring(0, before.IndexOf "| [EVO")

    let index =
        head
        + String.concat
            ""
            [
                for id, severity, title in released () |> List.sort ->
                    $"| [{id}]({id}.md) | {severity} | {title} |\n"
            ]

    if System.Environment.GetEnvironmentVariable "EVO_UPDATE_SNAPSHOTS" = "1" then
        File.WriteAllText(path, index)

    Assert.Equal(index, File.ReadAllText path)

    for id, _, title in released () do
        Assert.StartsWith(
            $"# {id}: {title}\n",
            File.ReadAllText(Path.Combine(repository, "docs", "diagnostics", $"{id}.md"))
        )

[<Fact>]
let ``the findings of every case are told in full`` () =
    // EVO_SHOW_FINDINGS=1 prints them, for a person.
    let messages =
        [
            for case in FindingCases.all do
                let text = FindingCases.text tiny case
                let _, found = generate text

                for f in found do
                    let at = f.Location.SourceSpan
                    $"{f.Id} at `{text.Substring(at.Start, at.Length)}`: {f.GetMessage()}"
        ]

    if System.Environment.GetEnvironmentVariable "EVO_SHOW_FINDINGS" = "1" then
        messages |> List.iter (printfn "%s")

    Assert.All(messages, fun message -> Assert.True(message.Length > 40, message))

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
