/// Degrees: what the compiler lists for a record's own numbers is what the model answers when it is asked.
module Evo.Generators.Tests.Degrees

open System.IO
open System.Text.Json.Nodes
open System.Text.RegularExpressions
open Evo.Generators.Tests.Spec
open Evo.Models
open Microsoft.CodeAnalysis
open Xunit

let private most = 64

let private modes =
    [
        "mtp", ParallelMode.Mtp
        "msp", ParallelMode.Msp
        "fsp", ParallelMode.Fsp
        "isp", ParallelMode.Isp
    ]

let families =
    let data = TheoryData<string>()

    // Other tests add families of assemblies of their own.
    for family in ModelFamilies.All do
        if family.FromHuggingFace.Method.Module.Assembly = typeof<Llama2>.Assembly then
            data.Add(family.Name: string)

    data

let private numbers (text: string) =
    [
        for found in Regex.Matches(Regex.Match(text, @"; use ([\d, or]+)").Groups[1].Value, @"\d+") ->
            int found.Value
    ]

/// What the compiler says of each degree of each mode: none, or the degrees that it lists.
let private told (source: string) (record: string) =
    let attributes =
        [
            for name, _ in modes do
                for degree in 1..most -> $"[Degree(\"{name}\", {degree})]"
        ]

    let head = $"public sealed partial record {record} :"
    Assert.Contains(head, source)

    let _, found =
        generate (source.Replace(head, String.concat "\n" attributes + "\n" + head))

    for f in found do
        Assert.True((f.Id = "EVO301"), string f)

    let line (f: Diagnostic) =
        f.Location.GetLineSpan().StartLinePosition.Line

    let first = source.Substring(0, source.IndexOf head).Split('\n').Length - 1

    Map [ for f in found -> line f - first, numbers (f.GetMessage()) ]

[<Theory; MemberData(nameof families)>]
let ``the compiler and the model agree on the legal degrees of every mode`` (name: string) =
    let family = nonNull (ModelFamilies.Find name)
    let spec = family.FromHuggingFace.Invoke(JsonObject())
    let record = spec.GetType().Name

    let path =
        Path.Combine(folder, "..", "..", "src", "Evo.Models", "Families", $"{record}.cs")

    let told = told ("using System;\n" + File.ReadAllText path) record
    let mutable refused = 0

    for index, (mode, value) in List.indexed modes do
        let plan = spec.Plan value

        for degree in 1..most do
            match Map.tryFind (index * most + degree - 1) told with
            | None ->
                Assert.Empty(plan.Problems degree)
                Assert.Contains(degree, plan.Degrees most)
            | Some listed ->
                refused <- refused + 1
                let problems = plan.Problems degree
                Assert.NotEmpty problems
                Assert.DoesNotContain(degree, plan.Degrees most)

                for problem in problems do
                    Assert.Equal<int list>(numbers problem, listed)

                // The set is exact: no legal degree is left out, and none that is listed is refused.
                for d in 1 .. List.max listed + 1 do
                    Assert.True(
                        (List.contains d listed = (plan.Problems d).Count.Equals 0),
                        $"{mode} {d}: {listed}"
                    )

    Assert.True(refused > 0, "no degree was refused")

[<Fact>]
let ``a degree that the record's numbers allow is no finding`` () =
    for mode, _ in modes do
        let _, found =
            generate (
                tiny.Replace("[HfNeutral(\"motto\")]", $"[HfNeutral(\"motto\"), Degree(\"{mode}\", 4)]")
            )

        Assert.Empty found

[<Fact>]
let ``no model is split less than one way`` () =
    let family = nonNull (ModelFamilies.Find "LLAMA2")
    let spec = family.FromHuggingFace.Invoke(JsonObject())

    Assert.Equal<string list>(
        [ "a model is split at least 1 way, not 0" ],
        List.ofSeq (spec.Plan(ParallelMode.Msp).Problems 0)
    )
