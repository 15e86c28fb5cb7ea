/// What somebody has who has Evo's packages and not its sources: a project of their own with a model of their own.
module Evo.House.Tests.Stranger

open System
open System.Diagnostics
open System.IO
open System.Security.Cryptography
open System.Text.Json
open System.Text.RegularExpressions
open Evo.Data
open Xunit

/// A folder outside of the checkout with a package cache, a cache of native libraries and a package source that are its own.
type private Abroad() =
    let top = Directory.CreateTempSubdirectory("evo stranger ").FullName
    let path (name: string) = Path.Combine(top, name)

    do
        for name in [ "packages"; "package cache"; "cache"; "work" ] do
            Directory.CreateDirectory(path name) |> ignore

    member _.Path name = path name

    member _.Write(name: string, text: string) =
        Directory.CreateDirectory(Path.GetDirectoryName(path name) |> nonNull) |> ignore
        File.WriteAllText(path name, text)

    /// Runs a program in a folder here; what it writes to standard output and standard error, and its exit code.
    member _.Run(folder: string, program: string, arguments: string list, ?settings: (string * string) list) =
        let start =
            ProcessStartInfo(
                program,
                arguments,
                WorkingDirectory = path folder,
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

        for name, value in
            [
                "NUGET_PACKAGES", path "package cache"
                "XDG_CACHE_HOME", path "cache"
                "DOTNET_CLI_USE_MSBUILD_SERVER", "0"
                "MSBUILDDISABLENODEREUSE", "1"
            ]
            @ defaultArg settings [] do
            start.Environment[name] <- value

        use running = Process.Start start |> nonNull
        let errors = running.StandardError.ReadToEndAsync()
        let output = running.StandardOutput.ReadToEnd()
        running.WaitForExit()
        running.ExitCode, output, errors.Result

    /// Runs a program that must succeed; gives its standard output.
    member abroad.Succeed(folder, program, arguments) =
        let code, output, errors = abroad.Run(folder, program, arguments)
        let line = String.Join(" ", program :: arguments)
        Assert.True((code = 0), $"{line}: exit code {code}\n{output}\n{errors}")
        output

    /// Runs `evo` of the packages.
    member abroad.Evo arguments =
        abroad.Run("work", path "bin/evo", arguments)

    interface IDisposable with
        member _.Dispose() = Directory.Delete(top, true)

let private version =
    Regex.Match(Checkout.read "Directory.Build.props", "<Version>(.+)</Version>").Groups[1].Value

/// Packs with the caches of this machine, so that the checkout's own restore is left as it is.
let private pack (abroad: Abroad) =
    use packing =
        Process.Start(
            ProcessStartInfo(
                Checkout.inRoot "scripts/pack",
                [ abroad.Path "packages" ],
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )
        )
        |> nonNull

    let errors = packing.StandardError.ReadToEndAsync()
    let output = packing.StandardOutput.ReadToEnd()
    packing.WaitForExit()
    Assert.True((packing.ExitCode = 0), errors.Result)

    Assert.Equal<string list>(
        [ "Cli"; "Core"; "Data"; "Models"; "Parallel"; "Torch" ]
        |> List.map (fun room -> $"Evo.{room}.{version}.nupkg"),
        output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        |> Seq.map Checkout.nameOf
        |> Seq.sort
        |> List.ofSeq
    )

/// The sample, with its packages from here.
let private copySample (abroad: Abroad) =
    for file in Checkout.files |> List.filter (fun path -> path.StartsWith "samples/Tandem/") do
        abroad.Write(file.Substring "samples/".Length, Checkout.read file)

    let settings = Checkout.read "samples/Tandem/nuget.config"
    let packages = abroad.Path "packages"
    Assert.Contains("\"../../artifacts/packages\"", settings)

    abroad.Write("Tandem/nuget.config", settings.Replace("\"../../artifacts/packages\"", $"\"{packages}\""))

/// Sentences of a small world.
let private text =
    String.Join(
        "\n",
        [
            for i in 0..1999 ->
                let who = [| "the model"; "a token"; "the row"; "one step"; "the loss" |]
                let does = [| "reads"; "writes"; "counts"; "scales" |]
                $"{who[i % 5]} {does[i / 5 % 4]} {who[i * 3 % 5]} and {does[i * 7 % 4]} {i % 97}."
        ]
    )

/// The sample's run made so small that it takes some seconds.
let private small =
    [
        "prepare.source=text"
        "prepare.input=text.txt"
        "prepare.vocab_size=384"
        "model.vocab_size=384"
        "model.sliding_window=8"
        "prepare.held_out=0.05"
        "data.seq_len=32"
        "data.micro_bsz=2"
        "data.total_steps=12"
        "data.valid_every=6"
        "ckpt.checkpoint_every=5"
        "train.device=cpu"
    ]
    |> List.collect (fun assignment -> [ "--set"; assignment ])

let private answered (code: int, output: string, errors: string) =
    Assert.True((code = 0), $"exit code {code}\n{output}\n{errors}")
    output

let private refused (expected: int) (words: string) (code: int, output: string, errors: string) =
    Assert.True((code = expected), $"exit code {code}\n{output}\n{errors}")
    Assert.Contains(words, errors)
    Assert.DoesNotContain("   at ", errors)

/// Every tensor of a folder of weights by its name, with a checksum of its bytes.
let private tensors (folder: string) =
    use file = SafeTensors.Open(Path.Combine(folder, "model.safetensors"))

    let checksum tensor =
        Convert.ToHexString(SHA256.HashData(file.Bytes tensor))

    [ for tensor in file.Tensors -> tensor.Name, checksum tensor ] |> List.sort

let private root (json: string) = JsonDocument.Parse(json).RootElement

[<Fact; Trait("Category", "Full")>]
let ``a stranger's model is built, inspected, trained, loaded again and converted with packages alone`` () =
    use abroad = new Abroad()
    pack abroad
    copySample abroad
    abroad.Write("work/text.txt", text)

    // Built by itself: every part of Evo comes from a package, and the generator out of one too.
    abroad.Succeed("Tandem", "dotnet", [ "build"; "-c"; "Release"; "-nologo"; "-v"; "q" ])
    |> ignore

    let libraries =
        (root (File.ReadAllText(abroad.Path "Tandem/obj/project.assets.json"))).GetProperty "libraries"

    let rooms =
        [
            for library in libraries.EnumerateObject() do
                if library.Name.StartsWith "Evo." then
                    library.Name, library.Value.GetProperty("type").GetString()
        ]

    Assert.Equal<(string * string | null) list>(
        [
            for room in [ "Core"; "Models"; "Torch" ] -> $"Evo.{room}/{version}", "package"
        ],
        List.sort rooms
    )

    // The command comes from a package as well. Nothing native is in either.
    abroad.Succeed(
        "work",
        "dotnet",
        [
            "tool"
            "install"
            "Evo.Cli"
            "--version"
            version
            "--tool-path"
            abroad.Path "bin"
            "--add-source"
            abroad.Path "packages"
        ]
    )
    |> ignore

    let native =
        Directory.GetFiles(abroad.Path "", "libevo_*.so", SearchOption.AllDirectories)

    Assert.Empty native

    // Without a compiler the one line to run is said.
    let code, output, _ =
        abroad.Run("work", abroad.Path "bin/evo", [ "doctor" ], [ "CXX", "no-such-compiler" ])

    Assert.Equal(1, code)
    Assert.Contains("no-such-compiler was not found", output)
    Assert.Contains("sudo apt-get install -y --no-install-recommends g++ cmake make", output)

    // It is inspected, and its keys are checked like those of Evo's own families.
    let config = abroad.Path "Tandem/run.json"

    let inspected =
        root (answered (abroad.Evo([ "inspect"; config; "--json" ] @ small)))

    Assert.Equal("TANDEM", inspected.GetProperty("family").GetString())

    abroad.Evo([ "inspect"; config; "--set"; "model.hiden_size=64" ])
    |> refused 3 "--set model.hiden_size: unknown key; did you mean \"hidden_size\"?"

    // It trains, and the native libraries are built once on the way.
    let events =
        answered(abroad.Evo([ "train"; config; "--json" ] @ small))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
        |> Array.map root

    let ended = Array.last events
    Assert.Equal(12L, ended.GetProperty("step").GetInt64())

    // It is loaded again: the checkpoint finds the project.
    let generate (folder: string) (more: string list) =
        abroad.Evo(
            [
                "generate"
                "--checkpoint"
                folder
                "--prompt"
                "the model"
                "--max-tokens"
                "12"
                "--json"
            ]
            @ more
        )

    let written answer =
        (root (answered answer)).GetProperty("text").GetString()

    let checkpoint = abroad.Path "work/runs/tandem/checkpoints/12"
    let first = written (generate "runs/tandem" [])
    Assert.NotEqual<string>("", nonNull first)
    Assert.Equal(first, written (generate checkpoint []))

    let again = root (answered (abroad.Evo [ "inspect"; "runs/tandem"; "--json" ]))

    Assert.Equal(inspected.GetProperty("parameters").ToString(), again.GetProperty("parameters").ToString())

    // It is converted to a Hugging Face folder, which names no assembly: the option does.
    abroad.Evo [ "convert"; "--to-hf"; "runs/tandem"; "--out"; "hf" ]
    |> answered
    |> ignore

    generate "hf" [] |> refused 3 "TandemForCausalLM"

    let assembly = abroad.Path "Tandem/bin/Release/net10.0/Tandem.dll"
    Assert.Equal(first, written (generate "hf" [ "--assembly"; assembly ]))

    // And back: every tensor is the same to the byte.
    abroad.Evo [ "convert"; "--from-hf"; "hf"; "--out"; "back"; "--assembly"; assembly ]
    |> answered
    |> ignore

    Assert.Equal<(string * string) list>(tensors (abroad.Path "work/hf"), tensors (abroad.Path "work/back"))
    Assert.Equal<(string * string) list>(tensors checkpoint, tensors (abroad.Path "work/back"))

    // The project has moved, and the run goes on with its new place.
    Directory.Move(abroad.Path "Tandem", abroad.Path "Moved")
    generate "runs/tandem" [] |> refused 4 "--assembly says where it is now"

    Assert.Equal(first, written (generate "runs/tandem" [ "--assembly"; abroad.Path "Moved/Tandem.csproj" ]))

    let resumed =
        answered(
            abroad.Evo(
                [ "train"; abroad.Path "Moved/run.json"; "--json" ]
                @ small
                @ [ "--set"; "data.total_steps=14"; "--set"; "lr_scheduler.total_steps=12" ]
            )
        )
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
        |> Array.last
        |> root

    Assert.Equal(14L, resumed.GetProperty("step").GetInt64())

    // A program of theirs finds the same native library.
    abroad.Write("Program/nuget.config", File.ReadAllText(abroad.Path "Moved/nuget.config"))

    abroad.Write(
        "Program/Program.csproj",
        $"<Project Sdk=\"Microsoft.NET.Sdk\"><PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework></PropertyGroup><ItemGroup><PackageReference Include=\"Evo.Parallel\" Version=\"{version}\" /></ItemGroup></Project>"
    )

    abroad.Write(
        "Program/Program.cs",
        "System.Console.WriteLine(TorchSharp.torch.ones(3, 4).sum().item<float>());"
    )

    Assert.Equal("12", abroad.Succeed("Program", "dotnet", [ "run"; "-c"; "Release" ]).Trim())

    Assert.Single(Directory.GetDirectories(abroad.Path "cache/evo/native", "evo_torch-*"))
    |> ignore
