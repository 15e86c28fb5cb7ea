/// An edit that cannot matter runs nothing again, and nothing of the compiler is kept alive between edits.
module Evo.Generators.Tests.Caching

open System
open System.Collections
open System.Collections.Generic
open System.Reflection
open Evo.Generators.Spec
open Evo.Generators.Tests.Spec
open Microsoft.CodeAnalysis
open Xunit

let private names =
    [ TrackingNames.Parsed; TrackingNames.Models; TrackingNames.Diagnostics ]

/// The reasons of every output of the named step.
let private reasons (run: GeneratorDriverRunResult) (name: string) =
    match run.Results[0].TrackedSteps.TryGetValue name with
    | true, steps ->
        [
            for step in steps do
                for struct (_, reason) in step.Outputs -> reason
        ]
    | _ -> []

/// Runs on one pair of files and then on another; the second run's result.
let private twice (first: (string * string) list) (second: (string * string) list) =
    let trees files =
        [ for name, text in files -> file name text ]

    let start = compilation (trees first)
    let driver = driver().RunGenerators start

    // Trees whose text is the same stay the same trees, as they do in an editor.
    let mutable next = start

    for (name, text), (_, before) in List.zip second first do
        if text <> before then
            let old = start.SyntaxTrees |> Seq.find (fun t -> t.FilePath = name)
            next <- next.ReplaceSyntaxTree(old, file name text)

    (driver.RunGenerators next).GetRunResult()

let private other =
    "namespace Stranger; public class Elsewhere { public int One() => 1; }"

let private files = [ "Spec.cs", tiny; "Other.cs", other ]

let private edited (change: string -> string) =
    [ "Spec.cs", change tiny; "Other.cs", other ]

let private only (expected: IncrementalStepRunReason list) (found: IncrementalStepRunReason list) =
    Assert.NotEmpty found
    Assert.All(found, fun reason -> Assert.Contains(reason, expected))

let private cached =
    [ IncrementalStepRunReason.Cached; IncrementalStepRunReason.Unchanged ]

[<Fact>]
let ``the same compilation runs no step again`` () =
    let run = twice files files

    for name in [ TrackingNames.Parsed; TrackingNames.Models ] do
        only [ IncrementalStepRunReason.Cached ] (reasons run name)

[<Fact>]
let ``an edit of another file emits nothing again`` () =
    let run = twice files [ "Spec.cs", tiny; "Other.cs", other.Replace("=> 1", "=> 2") ]
    only cached (reasons run TrackingNames.Parsed)

    only
        [ IncrementalStepRunReason.Cached; IncrementalStepRunReason.Unchanged ]
        (reasons run TrackingNames.Models)

[<Theory>]
[<InlineData("var h = Calm(x);", "var  normed = Calm(x); // a comment")>]
[<InlineData("namespace Stranger;", "// moved down\n\nnamespace Stranger;")>]
[<InlineData("int HeadSize => Width / Heads;", "int HeadSize => (Width / Heads);")>]
let ``an edit inside bodies and comments that leaves the data flow emits nothing again``
    (before: string, after: string)
    =
    let after = if before.StartsWith "var h" then after else after

    let change (text: string) =
        let text = text.Replace(before, after)

        if before.StartsWith "var h" then
            text
                .Replace("Wish(h)", "Wish(normed)")
                .Replace("Sign(h)", "Sign(normed)")
                .Replace("Content(h)", "Content(normed)")
        else
            text

    let run = twice files (edited change)
    only cached (reasons run TrackingNames.Models)

[<Fact>]
let ``independent statements that change places emit nothing again`` () =
    let stated first second =
        tiny
            .Replace(
                "Heed(Turn(Wish(h), at), Turn(Sign(h), at), Content(h), at)",
                "Heed(q, Turn(Sign(h), at), v, at)"
            )
            .Replace("var h = Calm(x);", $"var h = Calm(x); {first} {second}")

    let q, v = "var q = Turn(Wish(h), at);", "var v = Content(h);"

    let run =
        twice [ "Spec.cs", stated q v; "Other.cs", other ] [ "Spec.cs", stated v q; "Other.cs", other ]

    only cached (reasons run TrackingNames.Models)

[<Fact>]
let ``a warning that moves is reported again and nothing is emitted again`` () =
    let warned = tiny.Replace("Eps { get; init; } = 1e-5", "Eps { get; init; } = 1e-20")

    let run =
        twice [ "Spec.cs", warned; "Other.cs", other ] [ "Spec.cs", "\n" + warned; "Other.cs", other ]

    only [ IncrementalStepRunReason.Modified ] (reasons run TrackingNames.Diagnostics)
    only cached (reasons run TrackingNames.Models)

[<Theory>]
[<InlineData("[Hf(\"eps\")]", "[Hf(\"epsilon\")]")>]
[<InlineData("return x + Mlp(x);", "return Mlp(x) + x;")>]
[<InlineData("\"Heads * HeadSize\"", "\"HeadSize * Heads\"")>]
[<InlineData("Entries of the vocabulary.", "How many words.")>]
let ``an edit of what the spec says is emitted`` (before: string, after: string) =
    let run = twice files (edited (fun text -> text.Replace(before, after)))
    only [ IncrementalStepRunReason.Modified ] (reasons run TrackingNames.Models)

[<Fact>]
let ``a finding that moves is reported again and nothing else runs`` () =
    let bad = tiny.Replace("[Hf(\"pre\")]", "")

    let run =
        twice [ "Spec.cs", bad; "Other.cs", other ] [ "Spec.cs", "\n" + bad; "Other.cs", other ]

    only [ IncrementalStepRunReason.Modified ] (reasons run TrackingNames.Diagnostics)
    only cached (reasons run TrackingNames.Stubs)

/// Everything that an object refers to, by reference.
let private reachable (root: obj) =
    let seen = HashSet<obj>(ReferenceEqualityComparer.Instance)

    let rec walk (value: obj | null) =
        match value with
        | null -> ()
        | value when value.GetType().IsPrimitive || (value :? string) -> ()
        | value when seen.Add value ->
            match value with
            | :? IEnumerable as items ->
                for item in items do
                    walk item
            | _ -> ()

            let mutable owner: Type | null = value.GetType()

            while not (isNull owner) do
                for field in
                    (nonNull owner)
                        .GetFields(BindingFlags.Instance ||| BindingFlags.Public ||| BindingFlags.NonPublic) do
                    walk (field.GetValue value)

                owner <- (nonNull owner).BaseType
        | _ -> ()

    walk root
    seen

[<Fact>]
let ``no step keeps a symbol, a compilation, a syntax node or a location`` () =
    let run =
        (driver().RunGenerators(compilation [ for name, text in files -> file name text ])).GetRunResult()

    let mutable walked = 0

    for name in names do
        match run.Results[0].TrackedSteps.TryGetValue name with
        | true, steps ->
            for step in steps do
                for struct (value, _) in step.Outputs do
                    for part in reachable value do
                        walked <- walked + 1

                        match part with
                        | :? ISymbol
                        | :? Compilation
                        | :? SyntaxNode
                        | :? SyntaxTree
                        | :? SemanticModel
                        | :? Location -> Assert.Fail $"{name} keeps a {part.GetType()}"
                        | _ -> ()
        | _ -> ()

    Assert.True(walked > 100, $"only {walked} objects were walked")

[<Fact>]
let ``equal sources give equal models with equal hash codes`` () =
    let model () =
        let run =
            (driver().RunGenerators(compilation [ file "Spec.cs" tiny ])).GetRunResult()

        let step = run.Results[0].TrackedSteps[TrackingNames.Models] |> Seq.head
        let struct (value, _) = Seq.head step.Outputs
        value

    let a, b = model (), model ()
    Assert.False(Object.ReferenceEquals(a, b))
    Assert.True(a.Equals b)
    Assert.Equal(a.GetHashCode(), b.GetHashCode())
