/// Every diagnostic that the compiler of specs can give has a page, a test and a line in the release file.
module Evo.House.Tests.Diagnostics

open System.Text.RegularExpressions
open Xunit

let private idsIn (paths: string list) =
    set
        [
            for path in paths do
                for found in Regex.Matches(Checkout.read path, @"\bEVO[1-9]\d\d\b") -> found.Value
        ]

let private declared = idsIn (Checkout.under "src/Evo.Generators/" [ ".cs" ])

let private without (where: Set<string>) what =
    [ for id in declared - where -> $"{id} {what}" ]

[<Fact>]
let ``the generators declare diagnostics`` () = Assert.NotEmpty declared

[<Fact>]
let ``every diagnostic has a page that shows what is wrong and what is right`` () =
    [
        for id in declared do
            let page = $"docs/diagnostics/{id}.md"

            if not (List.contains page Checkout.files) then
                $"{id} has no page {page}"
            elif not (Regex.IsMatch(Checkout.read page, $@"^# .*{id}", RegexOptions.Multiline)) then
                $"{page} does not open with its id"
            elif Regex.Matches(Checkout.read page, @"^```", RegexOptions.Multiline).Count < 2 then
                $"{page} shows no example"
    ]
    |> Checkout.noneAgainst "A diagnostic without its page:"

[<Fact>]
let ``every diagnostic has a test that names it`` () =
    without
        (idsIn (Checkout.under "tests/Evo.Generators.Tests/" [ ".fs" ]))
        "is in no test of tests/Evo.Generators.Tests"
    |> Checkout.noneAgainst "A diagnostic that no test gives:"

[<Fact>]
let ``every diagnostic is in the release file, and no page is left of one that is gone`` () =
    let released =
        Checkout.under "src/Evo.Generators/" [ ".md" ]
        |> List.filter (fun path -> path.Contains "AnalyzerReleases")

    without (idsIn released) "is in no AnalyzerReleases file"
    @ [
        for path in Checkout.under "docs/diagnostics/EVO" [ ".md" ] do
            let id = (Checkout.nameOf path).Replace(".md", "")

            if not (declared.Contains id) then
                $"{path} tells of a diagnostic that nothing declares"
    ]
    |> Checkout.noneAgainst "The list of diagnostics and its pages disagree:"
