/// The checkout as these tests see it: its root, and the files in it that people wrote.
module Evo.House.Tests.Checkout

open System
open System.IO
open System.Text.RegularExpressions

/// The folder that holds Evo.sln, above the folder that the tests run from.
let root =
    let rec climb (folder: DirectoryInfo | null) =
        match folder with
        | null -> invalidOp $"no Evo.sln above {AppContext.BaseDirectory}"
        | folder when File.Exists(Path.Combine(folder.FullName, "Evo.sln")) -> folder.FullName
        | folder -> climb folder.Parent

    climb (DirectoryInfo AppContext.BaseDirectory)

let inRoot (path: string) = Path.Combine(root, path)

let nameOf (path: string) = Path.GetFileName path |> string

let extensionOf (path: string) = Path.GetExtension path |> string

let private made =
    set
        [
            "artifacts"
            "runs"
            "data"
            "testdata"
            "build"
            ".git"
            ".evo"
            ".vs"
            ".idea"
            "bin"
            "obj"
        ]

/// Every file that is neither made by a build or a run nor git's own, relative to the root, with `/`.
let files =
    let rec below (folder: string) : string list =
        [
            yield! Directory.GetFiles folder |> Seq.filter (fun path -> nameOf path <> ".git")
            for child in Directory.GetDirectories folder do
                if
                    not (isNull (DirectoryInfo(child).LinkTarget))
                    || (folder = root && made.Contains(nameOf child))
                    // A sample builds where it stands, as a stranger's project does.
                    || (nameOf (nonNull (Path.GetDirectoryName folder)) = "samples"
                        && made.Contains(nameOf child))
                then
                    ()
                else
                    yield! below child
        ]

    below root
    |> List.map (fun path -> Path.GetRelativePath(root, path).Replace('\\', '/'))
    |> List.sort

let private binary =
    set [ ".model"; ".safetensors"; ".png"; ".bin"; ".meta"; ".gz"; ".npy" ]

/// The files that hold text.
let texts =
    files |> List.filter (fun path -> not (binary.Contains(extensionOf path)))

let read (path: string) = File.ReadAllText(inRoot path)

let under (folder: string) (extensions: string list) =
    texts
    |> List.filter (fun path ->
        path.StartsWith(folder, StringComparison.Ordinal)
        && (extensions.IsEmpty || List.contains (extensionOf path) extensions))

/// `path:line: text` of every line that a pattern finds.
let linesWith (pattern: string) (paths: string list) =
    let regex = Regex(pattern, RegexOptions.CultureInvariant)

    [
        for path in paths do
            for number, line in Seq.indexed (File.ReadLines(inRoot path)) do
                if regex.IsMatch line then
                    $"{path}:{number + 1}: {line.Trim()}"
    ]

/// Fails with the rule and everything found against it.
let noneAgainst (rule: string) (found: string list) =
    if not found.IsEmpty then
        Xunit.Assert.Fail(rule + "\n" + String.Join("\n", found |> List.map (fun line -> "  " + line)))
