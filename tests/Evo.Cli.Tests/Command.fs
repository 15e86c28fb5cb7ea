/// Runs the `evo` command as a person does: as a process of its own.
module Evo.Cli.Tests.Command

open System
open System.Diagnostics
open System.IO

/// What a command answered.
type Answer =
    {
        Code: int
        Output: string
        Errors: string
    }

/// The checkout that these tests were built from.
let root =
    let rec up (folder: DirectoryInfo | null) =
        match folder with
        | null -> raise (DirectoryNotFoundException "these tests run inside a checkout")
        | folder when File.Exists(Path.Combine(folder.FullName, "Evo.sln")) -> folder.FullName
        | folder -> up folder.Parent

    up (DirectoryInfo AppContext.BaseDirectory)

let private start (variables: (string * string) list) (folder: string) (arguments: string list) =
    let info =
        ProcessStartInfo(
            "dotnet",
            Path.Combine(AppContext.BaseDirectory, "evo.dll") :: arguments,
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    info.Environment["OMP_NUM_THREADS"] <- "2"

    for name, value in variables do
        info.Environment[name] <- value

    match Process.Start info with
    | null -> raise (InvalidOperationException "dotnet did not start")
    | started -> started

let private runAs variables (meanwhile: Process -> unit) (folder: string) (arguments: string list) : Answer =
    use running = start variables folder arguments
    let output = running.StandardOutput.ReadToEndAsync()
    let errors = running.StandardError.ReadToEndAsync()
    meanwhile running

    if not (running.WaitForExit 300_000) then
        running.Kill true
        raise (TimeoutException(String.Join(" ", arguments)))

    {
        Code = running.ExitCode
        Output = output.Result
        Errors = errors.Result
    }

/// Runs a command line in a folder; `meanwhile` may send it signals.
let runWith meanwhile folder arguments = runAs [] meanwhile folder arguments

/// Runs a command line in a folder with these variables in its environment.
let runWhere variables folder arguments = runAs variables ignore folder arguments

/// Runs a command line in a folder.
let runIn folder arguments = runWith ignore folder arguments

/// Runs a command line in the checkout.
let run (arguments: string list) = runIn root arguments

/// A new folder, removed with everything in it at the end.
[<Sealed>]
type Folder() =
    let path = Directory.CreateTempSubdirectory("evo-cli-").FullName
    member _.Path = path
    member _.File name = Path.Combine(path, name)

    /// Writes a text into the folder; gives its full path.
    member _.Write(name: string, text: string) =
        let file = Path.Combine(path, name)

        Directory.CreateDirectory(Option.defaultValue path (Option.ofObj (Path.GetDirectoryName file)))
        |> ignore

        File.WriteAllText(file, text)
        file

    interface IDisposable with
        member _.Dispose() = Directory.Delete(path, true)
