/// The launcher, on a stage of stand-ins.
module Evo.House.Tests.Launcher

open System
open System.Diagnostics
open System.IO
open Xunit
open Evo.House.Tests.Stage

[<Fact>]
let ``the first call builds, the second does not, and each passes its words on as they are`` () =
    needsWholeSystem ()
    use stage = new Stage()

    let code, output, errors =
        stage.Run("check out/evo", [ "train"; "a b.json"; "--set=x=\"y\""; "" ])

    Assert.Equal(0, code)
    Assert.StartsWith("<train><a b.json><--set=x=\"y\"><> in ", output)
    Assert.Contains("building", errors)
    let code, output, errors = stage.Run("check out/evo", [ "show" ])
    Assert.Equal((0, ""), (code, errors))
    Assert.StartsWith("<show> in " + Path.GetTempPath().TrimEnd('/'), output)
    Assert.Equal(1, stage.Builds)

[<Fact>]
let ``a source that is changed, added, renamed or removed is built, even when its time is old`` () =
    needsWholeSystem ()
    use stage = new Stage()
    let source = stage.Path "check out/src/Evo.Core/A.fs"

    let run () =
        stage.Run("check out/evo", [ "show" ]) |> ignore

    let old = DateTime(2024, 2, 29, 12, 0, 0, DateTimeKind.Utc)
    File.SetLastWriteTimeUtc(source, old)
    run ()
    File.WriteAllText(source, "module A // longer")
    File.SetLastWriteTimeUtc(source, old)
    run ()
    Assert.Equal(2, stage.Builds)
    File.Copy(source, stage.Path "check out/src/Evo.Core/B.fs")
    run ()
    Assert.Equal(3, stage.Builds)
    File.Move(source, stage.Path "check out/src/Evo.Core/C.fs")
    run ()
    Assert.Equal(4, stage.Builds)
    File.Delete(stage.Path "check out/src/Evo.Core/B.fs")
    run ()
    run ()
    Assert.Equal(5, stage.Builds)

[<Fact>]
let ``it is found through a link and from another folder`` () =
    needsWholeSystem ()
    use stage = new Stage()
    File.CreateSymbolicLink(stage.Path "bin/evo", "../check out/evo") |> ignore
    let code, output, _ = stage.Run("bin/evo", [ "show" ])
    Assert.Equal(0, code)
    Assert.StartsWith("<show>", output)

[<Fact>]
let ``many calls at once build once`` () =
    needsWholeSystem ()
    use stage = new Stage()
    stage.Write("slow", "")

    let running =
        [ for number in 1..5 -> stage.Start("check out/evo", [ string number ]) ]

    for number, one in Seq.indexed running do
        Assert.StartsWith($"<{number + 1}>", one.StandardOutput.ReadToEnd())
        one.WaitForExit()
        Assert.Equal(0, one.ExitCode)
        one.Dispose()

    Assert.Equal(1, stage.Builds)

[<Fact>]
let ``a program that runs keeps its files when a newer one is built, and leaves none behind`` () =
    needsWholeSystem ()
    use stage = new Stage()
    let launch = stage.Path "check out/artifacts/launch"
    use running = stage.Start("check out/evo", [ "wait" ])
    Assert.Equal("waiting", running.StandardOutput.ReadLine())
    let first = Directory.GetDirectories launch |> Array.exactlyOne
    stage.Write("check out/src/Evo.Core/B.fs", "")
    stage.Run("check out/evo", [ "show" ]) |> ignore
    Assert.True(File.Exists(Path.Combine(first, "evo.dll")), "the running program's files were taken away")
    Assert.Equal(2, Directory.GetDirectories(launch).Length)
    use killer = Process.Start("kill", [ "-TERM"; string running.Id ])
    killer.WaitForExit()
    running.WaitForExit()
    stage.Write("check out/src/Evo.Core/C.fs", "")
    stage.Run("check out/evo", [ "show" ]) |> ignore
    Assert.Single(Directory.GetDirectories launch) |> ignore

[<Fact>]
let ``the program's exit code and the signals sent to it pass through`` () =
    needsWholeSystem ()
    use stage = new Stage()
    let code, _, _ = stage.Run("check out/evo", [ "exit"; "4" ])
    Assert.Equal(4, code)
    use running = stage.Start("check out/evo", [ "wait" ])
    Assert.Equal("waiting", running.StandardOutput.ReadLine())
    use killer = Process.Start("kill", [ "-TERM"; string running.Id ])
    running.WaitForExit()
    Assert.Equal("stopped", running.StandardOutput.ReadLine())
    Assert.Equal(75, running.ExitCode)

[<Fact>]
let ``a build that fails shows its whole log and ends with 71, and the next call tries again`` () =
    needsWholeSystem ()
    use stage = new Stage()
    stage.Write("break", "")
    let code, output, errors = stage.Run("check out/evo", [ "show" ])
    Assert.Equal((71, ""), (code, output))
    Assert.Contains("the log of the build", errors)
    File.Delete(stage.Path "break")
    let code, _, _ = stage.Run("check out/evo", [ "show" ])
    Assert.Equal(0, code)

[<Fact>]
let ``without an SDK it prints one line to run and ends with 69`` () =
    use stage = new Stage()
    // The system's own SDK would be found: this copy of the script knows no system folders.
    let script = stage.Path "check out/scripts/set-up.sh"

    File.WriteAllText(
        script,
        (File.ReadAllText script)
            .Replace("/usr/share/dotnet/dotnet", "/nowhere/dotnet")
            .Replace("/usr/lib/dotnet/dotnet", "/nowhere/dotnet")
            .Replace("/usr/local/share/dotnet/dotnet", "/nowhere/dotnet")
            .Replace("$(command -v dotnet || true)", "")
    )

    let code, output, errors =
        stage.Run("check out/evo", [ "show" ], [ "DOTNET_ROOT", "" ])

    Assert.Equal((69, ""), (code, output))
    let last = (errors.TrimEnd().Split '\n') |> Array.last
    Assert.Matches("^(curl .*dotnet-install|sudo apt-get install -y dotnet-sdk)", last)

[<Fact>]
let ``what is missing and may not be installed is one line to run, and 69`` () =
    use stage = new Stage()
    // Somebody who is not root and has no sudo.
    stage.Executable("bin/id", "#!/bin/sh\necho 1000\n")
    stage.Executable("bin/sudo", "#!/bin/sh\nexit 1\n")
    stage.Executable("bin/apt-get", "#!/bin/sh\nexit 9\n")

    let code, output, errors =
        stage.Run("check out/evo", [ "show" ], [ "CXX", "no-such-compiler" ])

    Assert.Equal((69, ""), (code, output))

    let line =
        errors.Split '\n'
        |> Array.filter (fun line -> line.StartsWith("sudo ", StringComparison.Ordinal))
        |> Array.exactlyOne

    Assert.Contains("apt-get install -y --no-install-recommends", line)
    Assert.Contains(" g++", line)
    Assert.DoesNotContain("libtorch", line) // EVO_LIBTORCH names one

[<Fact>]
let ``with sudo that asks nothing it installs, after fetching the lists where that is needed, and goes on``
    ()
    =
    needsWholeSystem ()
    use stage = new Stage()
    stage.Executable("bin/id", "#!/bin/sh\necho 1000\n")
    stage.Executable("bin/sudo", "#!/bin/sh\nshift\nexec \"$@\"\n")

    stage.Executable(
        "bin/apt-get",
        $"""#!/bin/sh
cd '{stage.Path "bin"}'
echo "$@" >>../apt.log
case "$*" in
*update*) touch ../updated ;;
*) [ -e ../updated ] && cp g++ no-such-compiler && cp g++ python3 ;;
esac
"""
    )

    let code, output, errors =
        stage.Run("check out/evo", [ "show" ], [ "CXX", "no-such-compiler" ])

    Assert.Equal(0, code)
    Assert.StartsWith("<show>", output)
    Assert.Contains("installing g++", errors)
    let asked = File.ReadAllLines(stage.Path "apt.log")
    Assert.Equal(3, asked.Length)
    Assert.EndsWith("update", asked[1])
    Assert.EndsWith("install -y --no-install-recommends g++", asked[2])
    // What was installed changes what is looked at (here: a python); the build already knows it.
    stage.Run("check out/evo", [ "show" ], [ "CXX", "no-such-compiler" ]) |> ignore
    Assert.Equal(1, stage.Builds)

[<Fact>]
let ``doctor says what was found before there is a program`` () =
    use stage = new Stage()
    stage.Executable("bin/id", "#!/bin/sh\necho 1000\n")
    stage.Executable("bin/sudo", "#!/bin/sh\nexit 1\n")

    let code, output, errors =
        stage.Run("check out/evo", [ "doctor"; "--json" ], [ "CXX", "no-such-compiler" ])

    Assert.Equal((69, ""), (code, output))
    Assert.Matches(@"(?m)^compiler +not found$", errors)
    Assert.Matches(@"(?m)^libtorch +from EVO_LIBTORCH$", errors)
    Assert.Matches(@"(?m)^SDK +.*10\.0\.999", errors)
    Assert.Matches(@"(?m)^missing +.*g\+\+", errors)

[<Fact>]
let ``an EVO_LIBTORCH that is wrong is said, never passed over`` () =
    use stage = new Stage()

    let code, output, errors =
        stage.Run("check out/evo", [ "show" ], [ "EVO_LIBTORCH", "/nowhere" ])

    Assert.Equal((69, ""), (code, output))
    Assert.Contains("EVO_LIBTORCH = /nowhere", errors)
    Assert.Contains("no libtorch_cpu.so", errors)
    Assert.Equal(0, stage.Builds)

[<Fact>]
let ``a second call adds less than a second`` () =
    needsWholeSystem ()
    use stage = new Stage()
    // As many files as a large checkout has.
    for number in 1..1500 do
        stage.Write($"check out/src/Evo.Core/File{number}.cs", "")

    stage.Run("check out/evo", [ "show" ]) |> ignore

    let fastest =
        Seq.min
            [
                for _ in 1..3 do
                    let clock = Stopwatch.StartNew()
                    stage.Run("check out/evo", [ "show" ]) |> ignore
                    clock.Elapsed.TotalSeconds
            ]

    Assert.True(fastest < 1.0, $"the launcher took {fastest:F3} s")
