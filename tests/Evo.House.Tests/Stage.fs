/// A checkout of scripts alone, with an SDK that only writes down what it is asked: nothing is compiled.
module Evo.House.Tests.Stage

open System
open System.Diagnostics
open System.IO

/// A folder with `evo`, its scripts, one source file, and an SDK whose `dotnet build` adds a line to built.log and whose
/// `dotnet evo.dll` prints its arguments; a test program leaves the report and the exit code that were put there for it. Everything that the launcher looks for is found. Deleted at the end.
type Stage() =
    let top = Directory.CreateTempSubdirectory("evo launcher ").FullName
    let path (name: string) = Path.Combine(top, name)

    let write (name: string) (text: string) =
        Directory.CreateDirectory(Path.GetDirectoryName(path name) |> nonNull) |> ignore
        File.WriteAllText(path name, text)

    let executable name text =
        write name text
        File.SetUnixFileMode(path name, enum<UnixFileMode> 0o755)

    do
        executable "check out/evo" (Checkout.read "evo")

        for script in [ "set-up.sh"; "find-libtorch"; "doctor" ] do
            executable $"check out/scripts/{script}" (Checkout.read $"scripts/{script}")

        write "check out/src/Evo.Core/A.fs" "module A"
        write "sdk/sdk/10.0.999/dotnet.dll" ""

        executable
            "sdk/dotnet"
            """#!/bin/bash
top=$(dirname "$(dirname "$0")")
if [ "$1" = build ]; then
    echo "the log of the build"
    [ ! -e "$top/break" ] || exit 1
    [ ! -e "$top/slow" ] || sleep 1
    echo built >>"$top/built.log"
    mkdir -p "$top/check out/artifacts/bin/Evo.Cli/release"
    echo program >"$top/check out/artifacts/bin/Evo.Cli/release/evo.dll"
elif [ "$2" = -list ]; then
    cat "$top/reports/$(basename "$1" .dll).classes"
elif [ "$2" = -xml ]; then
    name=$(basename "$1" .dll)
    shift
    echo "$name $*" >>"$top/ran.log"
    [ ! -f "$top/reports/$name.xml" ] || cp "$top/reports/$name.xml" "$2"
    exit "$(cat "$top/reports/$name.exit" 2>/dev/null || echo 0)"
elif [ "$2" = exit ]; then
    exit "$3"
elif [ "$2" = wait ]; then
    trap 'echo stopped; exit 75' TERM
    echo waiting
    while :; do sleep 0.1; done
else
    [ -f "$1" ] && shift
    printf '<%s>' "$@"
    echo " in $PWD"
fi
"""

        for tool in [ "g++"; "cmake"; "make" ] do
            executable $"bin/{tool}" "#!/bin/sh\n"

        write "libtorch/include/torch/csrc/api/include/torch/version.h" "#define TORCH_VERSION_MAJOR 2\n"
        write "libtorch/lib/libtorch_cpu.so" ""

    member _.Path name = path name
    member _.Write(name, text) = write name text
    member _.Executable(name, text) = executable name text

    member _.Builds =
        if File.Exists(path "built.log") then
            File.ReadAllLines(path "built.log").Length
        else
            0

    /// Starts a command of the stage, by default with everything in place.
    member _.Start(command: string, arguments: string list, ?settings: (string * string) list) =
        let start =
            ProcessStartInfo(
                path command,
                arguments,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                WorkingDirectory = Path.GetTempPath()
            )

        start.Environment.Clear()

        let defaults =
            [
                "PATH", path "bin" + ":/usr/bin:/bin"
                "HOME", path "home"
                "DOTNET_ROOT", path "sdk"
                "EVO_LIBTORCH", path "libtorch"
            ]

        for name, value in defaults @ defaultArg settings [] do
            start.Environment[name] <- value

        Process.Start start |> nonNull

    member stage.Run(command, arguments, ?settings) =
        use running = stage.Start(command, arguments, defaultArg settings [])
        let errors = running.StandardError.ReadToEndAsync()
        let output = running.StandardOutput.ReadToEnd()
        running.WaitForExit()
        running.ExitCode, output.Trim(), errors.Result

    interface IDisposable with
        member _.Dispose() = Directory.Delete(top, true)

/// Sentencepiece's headers and certificates are looked for in the system itself.
let needsWholeSystem () =
    if not (File.Exists "/usr/include/sentencepiece_trainer.h") then
        Xunit.Assert.Skip "libsentencepiece-dev is not installed, so that the launcher would ask for it"
