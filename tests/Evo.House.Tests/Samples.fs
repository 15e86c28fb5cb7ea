/// The samples: projects of strangers, which know Evo by its packages alone.
module Evo.House.Tests.Samples

open System.IO
open System.Text.RegularExpressions
open Xunit

let private projects = Checkout.under "samples/" [ ".csproj"; ".fsproj" ]

[<Fact>]
let ``a sample refers to packages, and to nothing else of the checkout`` () =
    Assert.NotEmpty projects
    let solution = Checkout.read "Evo.sln"

    [
        for project in projects do
            let text = Checkout.read project
            let folder = Path.GetDirectoryName project |> string

            if not (text.Contains "<PackageReference Include=\"Evo.") then
                $"{project}: no package of Evo"

            if Regex.IsMatch(text, "ProjectReference|HintPath|<Import") then
                $"{project}: refers to something beside packages"

            if solution.Contains(Checkout.nameOf project) then
                $"{project}: is in Evo.sln"

            // MSBuild looks for the nearest of these: without them, the checkout's own would act.
            for name in
                [
                    "Directory.Build.props"
                    "Directory.Build.targets"
                    "Directory.Packages.props"
                ] do
                if not (List.contains $"{folder}/{name}" Checkout.files) then
                    $"{project}: no {name} beside it"
                elif Regex.IsMatch(Checkout.read $"{folder}/{name}", "<(PropertyGroup|ItemGroup|Import)") then
                    $"{folder}/{name}: sets something"
    ]
    |> Checkout.noneAgainst "A sample is on its own:"

[<Fact>]
let ``a sample asks for the version of the packages that this checkout makes`` () =
    let version =
        Regex.Match(Checkout.read "Directory.Build.props", "<Version>(.+)</Version>").Groups[1].Value

    [
        for project in projects do
            for found in
                Regex.Matches(
                    Checkout.read project,
                    "<PackageReference Include=\"Evo[^\"]*\" Version=\"([^\"]+)\""
                ) do
                if found.Groups[1].Value <> version then
                    $"{project}: {found.Value}; this is {version}"
    ]
    |> Checkout.noneAgainst "A package that scripts/pack does not make:"

[<Fact>]
let ``a new architecture takes at most sixty lines`` () =
    let lines = File.ReadAllLines(Checkout.inRoot "samples/Tandem/Tandem.cs")
    Assert.True(lines.Length <= 60, $"samples/Tandem/Tandem.cs has {lines.Length} lines")

[<Fact>]
let ``what the pages show of a sample stands there`` () =
    let shown page =
        [
            for block in
                Regex.Matches(
                    Checkout.read page,
                    @"^<!-- from (samples/\S+) -->\n```\w*\n(.*?)^```",
                    RegexOptions.Multiline ||| RegexOptions.Singleline
                ) -> block.Groups[1].Value, block.Groups[2].Value
        ]

    let pages = [ "README.md"; "docs/own-model.md" ]

    [
        for page in pages do
            match shown page with
            | [] -> $"{page}: shows no sample"
            | blocks ->
                for file, text in blocks do
                    if not ((Checkout.read file).Contains text) then
                        $"{page}: what it shows is not in {file}"
    ]
    |> Checkout.noneAgainst "A page shows another sample than there is:"
