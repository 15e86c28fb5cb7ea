/// Which libtorch is taken: EVO_LIBTORCH, the python's, the system's, in this order.
module Evo.House.Tests.Libtorch

open System
open System.Diagnostics
open System.IO
open Xunit

/// A folder of stand-ins: libtorch folders with headers, libraries or both, and pythons that know a torch.
type private Shelf() =
    let top = Directory.CreateTempSubdirectory("evo libtorch ").FullName
    let path (name: string) = Path.Combine(top, name)

    let write (name: string) (text: string) =
        Directory.CreateDirectory(Path.GetDirectoryName(path name) |> nonNull) |> ignore
        File.WriteAllText(path name, text)

    member _.Path name = path name

    member _.Headers(folder, version: string) =
        let parts = version.Split '.'

        write
            $"{folder}/include/torch/csrc/api/include/torch/version.h"
            $"#define TORCH_VERSION_MAJOR {parts[0]}\n#define TORCH_VERSION_MINOR {parts[1]}\n#define TORCH_VERSION_PATCH {parts[2]}\n"

    member _.Libraries(folder, flag: int) =
        write $"{folder}/lib/libtorch_cpu.so" ""

        write
            $"{folder}/share/cmake/Torch/TorchConfig.cmake"
            $"  set(TORCH_CXX_FLAGS \"-D_GLIBCXX_USE_CXX11_ABI={flag}\")\n"

    /// A python on the PATH whose torch lies in a folder, or that has none.
    member _.Python(folder: string) =
        write "bin/python3" $"#!/bin/sh\necho \"{folder}\"\n"
        File.SetUnixFileMode(path "bin/python3", enum<UnixFileMode> 0o755)

    member _.Find(evoLibtorch: string) =
        let start =
            ProcessStartInfo(
                Checkout.inRoot "scripts/find-libtorch",
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

        start.Environment["PATH"] <- path "bin" + ":/usr/bin:/bin"
        start.Environment["EVO_LIBTORCH"] <- evoLibtorch
        use running = Process.Start start |> nonNull
        let errors = running.StandardError.ReadToEndAsync()
        let output = running.StandardOutput.ReadToEnd()
        running.WaitForExit()

        let values =
            Map
                [
                    for line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries) do
                        match line.IndexOf '=' with
                        | -1 -> ()
                        | at -> line.Substring(0, at), line.Substring(at + 1)
                ]

        running.ExitCode, values, errors.Result

    interface IDisposable with
        member _.Dispose() = Directory.Delete(top, true)

[<Fact>]
let ``EVO_LIBTORCH comes before the python's, and its version and flag are read from it`` () =
    use shelf = new Shelf()
    shelf.Headers("mine", "2.4.1")
    shelf.Libraries("mine", 0)
    shelf.Headers("python", "2.6.0")
    shelf.Libraries("python", 1)
    shelf.Python(shelf.Path "python")
    let code, values, _ = shelf.Find(shelf.Path "mine")
    Assert.Equal(0, code)
    Assert.Equal("EVO_LIBTORCH", values["from"])
    Assert.Equal("2.4.1", values["version"])
    Assert.Equal("0", values["abi"])
    Assert.Equal(shelf.Path "mine/lib", values["lib"])

[<Fact>]
let ``the python's torch is taken when it holds headers and libraries`` () =
    use shelf = new Shelf()
    shelf.Headers("python", "2.6.0")
    shelf.Libraries("python", 0)
    shelf.Python(shelf.Path "python")
    let code, values, _ = shelf.Find ""
    Assert.Equal(0, code)
    Assert.Equal(("python", "2.6.0", "0"), (values["from"], values["version"], values["abi"]))

[<Fact>]
let ``a python's torch without headers is passed over, and that is said`` () =
    use shelf = new Shelf()
    shelf.Libraries("python", 1)
    shelf.Python(shelf.Path "python")
    let code, values, errors = shelf.Find ""

    if code = 0 then
        Assert.Equal("system", values["from"])
        Assert.Contains("has no C++ headers", values["skipped"])
    else
        Assert.Contains("has no C++ headers", errors)

[<Fact>]
let ``an EVO_LIBTORCH without a libtorch is an error`` () =
    use shelf = new Shelf()
    shelf.Headers("mine", "2.4.1")
    let code, values, errors = shelf.Find(shelf.Path "mine")
    Assert.Equal(1, code)
    Assert.Empty values
    Assert.Contains("has no libtorch_cpu.so", errors)

[<Fact>]
let ``EVO_LIBTORCH=system asks for the system's although a python has one`` () =
    use shelf = new Shelf()
    shelf.Headers("python", "2.6.0")
    shelf.Libraries("python", 1)
    shelf.Python(shelf.Path "python")
    let code, values, errors = shelf.Find "system"

    if code = 0 then
        Assert.Equal("system", values["from"])
    else
        Assert.Contains("libtorch-dev", errors)
