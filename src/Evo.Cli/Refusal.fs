/// How things go wrong: each kind of exception has its exit code and one clear message. A stack trace is for defects of
/// Evo itself, and goes to a file.
module Evo.Cli.Refusal

open System
open System.IO
open Evo.Core
open Evo.Data
open Evo.Models
open Evo.Parallel
open Evo.Torch

/// The command line was wrong; the message says how, the hint where to look.
exception UsageException of message: string * hint: string

/// The work was refused; the message says all, and the exit code is chosen already.
exception RefusedException of message: string * code: ExitCode

/// Throws a `UsageException`.
let usage message hint : 'a = raise (UsageException(message, hint))

/// Throws a `RefusedException`.
let refuse code message : 'a = raise (RefusedException(message, code))

let rec private known (error: exn) : (string * ExitCode) option =
    match error with
    | UsageException(message, "") -> Some(message, ExitCode.Usage)
    | UsageException(message, hint) -> Some($"{message}\n{hint}", ExitCode.Usage)
    | RefusedException(message, code) -> Some(message, code)
    | :? ConfigException as error -> Some(error.Message, ExitCode.Config)
    | :? DataException as error ->
        // What the system refused (a full disk, a permission) is not a fault of the data.
        let system =
            match error.InnerException with
            | :? FileNotFoundException
            | :? DirectoryNotFoundException -> false
            | :? IOException
            | :? UnauthorizedAccessException -> true
            | _ -> false

        Some(error.Message, (if system then ExitCode.Machine else ExitCode.Data))
    | :? ModelConfigException as error -> Some(error.Message, ExitCode.Config)
    | :? ModelAssemblyException as error -> Some(error.Message, ExitCode.Data)
    | :? CheckpointException as error ->
        Some(
            error.Message,
            (if error.Fault = CheckpointFault.NotWritten then
                 ExitCode.Machine
             else
                 ExitCode.Data)
        )
    | :? TrainingException as error ->
        Some(
            error.Message,
            (if error.Diverged then
                 ExitCode.Diverged
             else
                 ExitCode.Config)
        )
    | :? LaunchException as error ->
        Some(
            error.Message,
            (if isNull error.InnerException then
                 ExitCode.Usage
             else
                 ExitCode.Machine)
        )
    | :? RankFaultException as error -> Some(error.Message, ExitCode.RankFault)
    | :? GenerationException as error -> Some(error.Message, ExitCode.Data)
    | :? TorchException as error -> Some($"libtorch failed: {error.Message}", ExitCode.Machine)
    | :? OperationCanceledException -> Some("stopped", ExitCode.Stopped)
    | :? FileNotFoundException as error -> Some(error.Message, ExitCode.Data)
    | :? DirectoryNotFoundException as error -> Some(error.Message, ExitCode.Data)
    | :? UnauthorizedAccessException as error ->
        Some($"{error.Message} Check the owner and the mode of it.", ExitCode.Machine)
    | :? IOException as error -> Some(error.Message, ExitCode.Machine)
    | :? OutOfMemoryException ->
        Some(
            "there is not enough memory; use a smaller data.micro_bsz, data.seq_len or model",
            ExitCode.Machine
        )
    | :? DllNotFoundException as error ->
        Some(
            $"a native library cannot be loaded: {error.Message}\nevo doctor says what was found.",
            ExitCode.Machine
        )
    | :? TypeInitializationException as error ->
        match error.InnerException with
        | null -> None
        | inner -> known inner
    | :? AggregateException as error when error.InnerExceptions.Count = 1 -> known error.InnerExceptions[0]
    | _ -> None

/// Says what went wrong and gives the exit code. `debug` shows the whole trace.
let explain (debug: bool) (error: exn) : ExitCode =
    match known error with
    | Some(message, code) ->
        Terminal.tell $"evo: {message}"

        if debug then
            Terminal.tell (string error)

        code
    | None ->
        Terminal.tell $"evo: this is a defect of Evo: {error.GetType().Name}: {error.Message}"

        if debug then
            Terminal.tell (string error)
        else
            let stamp = DateTime.UtcNow.ToString "yyyyMMdd-HHmmss"

            let path =
                Path.Combine(Path.GetTempPath(), $"evo-defect-{stamp}-{Environment.ProcessId}.txt")

            try
                File.WriteAllText(path, $"evo {Environment.CommandLine}\n\n{error}\n")

                Terminal.tell
                    $"The full trace is in {path}; please send it with a report. --debug shows it here."
            with :? IOException ->
                Terminal.tell "--debug shows the full trace."

        ExitCode.Defect
