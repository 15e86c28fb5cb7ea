/// What every file of the checkout must be: short, free of one machine's facts, with a reason for each dependency.
module Evo.House.Tests.Texts

open System
open System.IO
open System.Text.RegularExpressions
open Xunit

let private sources =
    Checkout.under "" [ ".fs"; ".cs"; ".cpp"; ".h"; ".sh"; ".py"; ".awk"; ".cmake"; "" ]
    |> List.filter (fun path -> Checkout.nameOf path <> "LICENSE")

[<Fact>]
let ``no source file is longer than 400 lines`` () =
    [
        for path in sources do
            let lines = File.ReadLines(Checkout.inRoot path) |> Seq.length

            if lines > 400 then
                $"{path}: {lines} lines"
    ]
    |> Checkout.noneAgainst "One idea a file; past 400 lines a second one has moved in:"

[<Fact>]
let ``nothing is called a manager, a helper or utilities`` () =
    // TorchSharp's surface has TorchSharp's names.
    sources
    |> List.filter (fun path -> not ((Checkout.read path).Contains "namespace TorchSharp"))
    |> Checkout.linesWith @"\b(class|record|struct|module|type)\s+\w*(Manager|Helpers?|Utils?|Utilities)\b"
    |> Checkout.noneAgainst "If it has no name yet, it has no place yet:"

[<Fact>]
let ``nothing is left to do`` () =
    // The words are put together here so that this file does not find itself.
    let words =
        [ "TO" + "DO"; "FIX" + "ME"; "HA" + "CK"; "NotImplemented" + "Exception" ]

    Checkout.linesWith (@"\b(" + String.Join("|", words) + @")\b") Checkout.texts
    |> Checkout.noneAgainst "Unfinished work is an issue, not a comment:"

[<Fact>]
let ``no file knows a path of one machine`` () =
    let places =
        [
            "/wo" + "rk/"
            "/tmp/" + "wt"
            "/home/" + @"(?!user\b|you\b|stranger\b|\$)\w+"
            "/Users/" + @"\w"
        ]

    Checkout.texts
    |> List.filter (fun path -> not (path.EndsWith(".operators.txt", StringComparison.Ordinal)))
    |> Checkout.linesWith (String.Join("|", places |> List.map (fun place -> @"(?<![\w.$}])" + place)))
    |> Checkout.noneAgainst "A path that only one machine has:"

/// Public places that the project's texts may name. A package registry or a mirror is configuration of a machine, never
/// of the project.
let private publicHosts =
    set
        [
            "github.com"
            "arxiv.org"
            "learn.microsoft.com"
            "dot.net"
            "dotnet.microsoft.com"
            "json-schema.org"
            "www.apache.org"
            "pytorch.org"
            "huggingface.co"
            "www.debian.org"
            "schemas.microsoft.com"
            "example.com"
            "xunit.net"
            "raw.githubusercontent.com"
            "download.pytorch.org"
            "en.wikipedia.org"
            "localhost"
            "aka.ms"
            "www.w3.org" // names the format of a picture
        ]

[<Fact>]
let ``only public places are named by address`` () =
    [
        for path in Checkout.texts do
            if path <> "LICENSE" then
                for found in Regex.Matches(Checkout.read path, @"https?://([A-Za-z0-9.-]+\.[A-Za-z]+)") do
                    if not (publicHosts.Contains found.Groups[1].Value) then
                        $"{path}: {found.Value}"
    ]
    |> List.distinct
    |> Checkout.noneAgainst "An address that is not on the list in tests/Evo.House.Tests/Texts.fs:"

[<Fact>]
let ``every package has its reason on the line before it`` () =
    let lines = File.ReadAllLines(Checkout.inRoot "Directory.Packages.props")

    [
        for number, line in Seq.indexed lines do
            if
                line.Contains "<PackageVersion"
                && not (Regex.IsMatch(lines[number - 1], @"<!-- \S+ .*\S -->"))
            then
                line.Trim()
    ]
    |> Checkout.noneAgainst "A dependency without a reason in Directory.Packages.props:"

[<Fact>]
let ``every package that a project names is pinned centrally, and every pinned one is used`` () =
    let names pattern path =
        [
            for found in Regex.Matches(Checkout.read path, pattern) -> found.Groups[1].Value
        ]

    let pinned =
        names "<PackageVersion Include=\"([^\"]+)\"" "Directory.Packages.props" |> set

    // A sample is a stranger's project, which pins its own.
    let projects =
        Checkout.under "" [ ".csproj"; ".fsproj"; ".props"; ".targets" ]
        |> List.filter (fun path -> not (path.StartsWith "samples/"))

    let used =
        projects |> List.collect (names "<PackageReference Include=\"([^\"]+)\"") |> set

    [
        for name in used - pinned -> $"{name} is used and not pinned"
        for name in pinned - used -> $"{name} is pinned and not used"
    ]
    |> Checkout.noneAgainst "Directory.Packages.props and the projects disagree:"

[<Fact>]
let ``warnings are errors and null is checked everywhere`` () =
    let shared = Checkout.read "Directory.Build.props"
    Assert.Contains("<Nullable>enable</Nullable>", shared)
    Assert.Contains("<TreatWarningsAsErrors>true</TreatWarningsAsErrors>", shared)

    Checkout.under "" [ ".csproj"; ".fsproj"; ".props"; ".targets" ]
    |> Checkout.linesWith
        @"<Nullable>disable|<TreatWarningsAsErrors>false|<WarningLevel>|<NoWarn>(?!\$\(NoWarn\))"
    |> Checkout.noneAgainst "A project loosens what all share:"

[<Fact>]
let ``every project is in the solution`` () =
    let solution = (Checkout.read "Evo.sln").Replace('\\', '/')

    Checkout.under "src/" [ ".csproj"; ".fsproj" ]
    @ Checkout.under "tests/" [ ".csproj"; ".fsproj" ]
    |> List.filter (fun project -> not (solution.Contains $"\"{project}\""))
    |> Checkout.noneAgainst "A project that Evo.sln does not know is not built by ./test:"
