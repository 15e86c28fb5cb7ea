/// What every test of this room shares: a folder that vanishes, other people's files, errors that say enough.
module Evo.Data.Tests.Scratch

open System
open System.IO
open Evo.Data
open FsCheck.FSharp
open Xunit

/// FsCheck's settings for so many cases, twenty times as many in the full suite.
let cases count =
    let full = Environment.GetEnvironmentVariable "EVO_TEST_FULL" = "1"
    FsCheck.Config.QuickThrowOnFailure.WithMaxTest(if full then 20 * count else count)

/// Runs with a fresh folder, which is removed afterwards.
let inFolder (body: string -> 'a) =
    let folder = Directory.CreateTempSubdirectory "evo-data-"

    try
        body folder.FullName
    finally
        folder.Delete true

/// The path of one of the files of the shared test data, or a skip that says what to set.
let testData name =
    let rec upwards (folder: DirectoryInfo | null) =
        match folder with
        | null -> None
        | folder when Directory.Exists(Path.Combine(folder.FullName, "testdata")) ->
            Some(Path.Combine(folder.FullName, "testdata"))
        | folder -> upwards folder.Parent

    let root =
        match Environment.GetEnvironmentVariable "EVO_TEST_DATA" with
        | null
        | "" -> upwards (DirectoryInfo AppContext.BaseDirectory)
        | folder -> Some folder

    match root with
    | Some root when File.Exists(Path.Combine(root, name)) -> Path.Combine(root, name)
    | _ ->
        Assert.Skip
            $"{name} is not here: set EVO_TEST_DATA to the folder that holds it, or link it as testdata"

        ""

/// Runs what must fail with a DataException whose message names the file and holds a word of the reason.
let refused (file: string) (reason: string) (body: unit -> 'a) =
    let error = Assert.Throws<DataException>(fun () -> body () |> ignore)
    Assert.Contains(file, error.Message)
    Assert.Contains(reason, error.Message)

/// True when the body succeeds or fails with a DataException that names the file: anything else is a crash.
let orderly (file: string) (body: unit -> unit) =
    try
        body ()
        true
    with :? DataException as error ->
        error.Message.Contains file

/// Texts of any Unicode characters, most of them plain.
let text: FsCheck.Gen<string> =
    let character =
        Gen.frequency
            [
                4, Gen.choose (32, 126)
                1, Gen.elements [ 9; 10; 13; 0x2581; 0xFEFF; 0x301 ]
                1, Gen.choose (1, 0xD7FF)
                1, Gen.choose (0xE000, 0x10FFFF)
            ]

    Gen.listOf character
    |> Gen.map (fun characters -> String.Join("", characters |> List.map Char.ConvertFromUtf32))
