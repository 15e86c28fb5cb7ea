/// The README and the pages: every page can be found, every link leads somewhere, every command shown exists.
module Evo.House.Tests.Pages

open System
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open Xunit

let private pages = Checkout.under "" [ ".md" ]

/// A page's text without its blocks of code.
let private prose path =
    Regex.Replace(Checkout.read path, @"^```.*?^```", "", RegexOptions.Multiline ||| RegexOptions.Singleline)

/// The lines of a page's blocks of code, with `\` at a line's end joining the next.
let private shown path =
    [
        for block in
            Regex.Matches(
                Checkout.read path,
                @"^```\w*\n(.*?)^```",
                RegexOptions.Multiline ||| RegexOptions.Singleline
            ) do
            yield! block.Groups[1].Value.Replace("\\\n", " ").Split('\n') |> Seq.map _.Trim()
    ]

/// GitHub's name for a heading.
let private anchor (heading: string) =
    Regex.Replace(heading.Trim().ToLowerInvariant(), @"[^\w\- ]", "").Replace(' ', '-')

let private anchorsOf path =
    set
        [
            for found in Regex.Matches(prose path, @"^#+ (.*)$", RegexOptions.Multiline) ->
                anchor found.Groups[1].Value
        ]

[<Fact>]
let ``every link within the project leads to a file, and to a heading where it names one`` () =
    [
        for page in pages do
            for found in Regex.Matches(prose page, @"\]\(([^)\s]+)\)") do
                let target = found.Groups[1].Value

                if not (Regex.IsMatch(target, "^[a-z]+:")) then
                    let file, heading =
                        match target.IndexOf '#' with
                        | -1 -> target, ""
                        | at -> target.Substring(0, at), target.Substring(at + 1)

                    let path =
                        if file = "" then
                            page
                        else
                            Path.GetRelativePath(
                                Checkout.root,
                                Path.GetFullPath(Path.Combine(Checkout.inRoot page, "..", file))
                            )

                    if not (Path.Exists(Checkout.inRoot path)) then
                        $"{page}: {target} is not there"
                    elif heading <> "" && path.EndsWith ".md" && not ((anchorsOf path).Contains heading) then
                        $"{page}: {target} names no heading of {path}"
    ]
    |> Checkout.noneAgainst "A link that leads nowhere:"

[<Fact>]
let ``the index of the pages lists every page`` () =
    let listedIn index =
        if List.contains index Checkout.files then
            set
                [
                    for found in Regex.Matches(prose index, @"\]\(([^)#\s]+)") ->
                        Path
                            .GetRelativePath(
                                Checkout.root,
                                Path.GetFullPath(
                                    Path.Combine(Checkout.inRoot index, "..", found.Groups[1].Value)
                                )
                            )
                            .Replace('\\', '/')
                ]
        else
            Set.empty

    let listed = listedIn "docs/README.md" + listedIn "docs/diagnostics/README.md"

    Checkout.under "docs/" [ ".md" ]
    |> List.filter (fun page -> page <> "docs/README.md" && not (listed.Contains page))
    |> Checkout.noneAgainst "A page that docs/README.md does not list:"

[<Fact>]
let ``the page about the structure names every folder of every room, and no other`` () =
    let sections =
        Checkout.read("docs/structure.md").Split("| `src/") |> List.ofArray |> List.tail

    let named =
        set
            [
                for section in sections do
                    let room = section.Substring(0, section.IndexOf '`')

                    for found in Regex.Matches(section, @"^\| `(\w+)` \|", RegexOptions.Multiline) ->
                        $"src/{room}/{found.Groups[1].Value}"
            ]

    let there =
        set
            [
                for file in Checkout.files do
                    match file.Split '/' with
                    | parts when
                        parts.Length > 3 && parts[0] = "src" && parts[2] <> "obj" && parts[2] <> "bin"
                        ->
                        String.Join("/", Array.truncate 3 parts)
                    | _ -> ()
            ]

    Set.toList (there - named)
    |> Checkout.noneAgainst "A folder that docs/structure.md does not name:"

    Set.toList (named - there)
    |> Checkout.noneAgainst "A folder of docs/structure.md that is not there:"

/// What `evo` answers to `--help`.
let private help =
    lazy
        (let start =
            ProcessStartInfo(
                "dotnet",
                [ Path.Combine(AppContext.BaseDirectory, "evo.dll"); "--help" ],
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

         use running = Process.Start start |> nonNull
         let output = running.StandardOutput.ReadToEndAsync()
         let errors = running.StandardError.ReadToEnd()
         running.WaitForExit()
         output.Result + errors)

[<Fact>]
let ``every command that a page shows exists`` () =
    [
        for page in pages do
            for line in shown page do
                let script =
                    Regex.Match(
                        line,
                        @"^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:sudo )?\./([\w./-]+)(?: ([a-z][a-z-]*))?"
                    )

                if script.Success then
                    let name = script.Groups[1].Value

                    if not (List.contains name Checkout.files) then
                        $"{page}: `{line}`: there is no {name}"
                    elif
                        name = "evo"
                        && script.Groups[2].Success
                        && not (
                            Regex.IsMatch(
                                help.Value,
                                $@"^\s+{script.Groups[2].Value}\b",
                                RegexOptions.Multiline
                            )
                        )
                    then
                        $"{page}: `{line}`: `evo --help` knows no {script.Groups[2].Value}"
    ]
    |> Checkout.noneAgainst "A command that cannot be typed:"

[<Fact>]
let ``every configuration that a page names is there`` () =
    [
        for page in pages do
            for found in Regex.Matches(Checkout.read page, @"\bconfigs/[\w.-]+\.json\b") do
                if not (List.contains found.Value Checkout.files) then
                    $"{page}: {found.Value}"
    ]
    |> List.distinct
    |> Checkout.noneAgainst "A configuration that is not there:"

[<Fact>]
let ``every script can be executed`` () =
    Checkout.texts
    |> List.filter (fun path ->
        (Checkout.read path).StartsWith("#!", StringComparison.Ordinal)
        && not (File.GetUnixFileMode(Checkout.inRoot path).HasFlag UnixFileMode.UserExecute))
    |> Checkout.noneAgainst "A script without its executable bit:"
