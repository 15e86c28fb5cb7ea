/// How a native library comes out of a package: built from the sources that the assembly carries, once, whoever asks.
module Evo.Torch.Tests.NativeCaches

open System
open System.IO
open System.Threading.Tasks
open Evo.Native
open Evo.Torch
open Xunit

let private carrier = typeof<TorchException>.Assembly

/// A cache of its own, and steps that write down that they ran.
type private Cache() =
    let before = Environment.GetEnvironmentVariable "XDG_CACHE_HOME"
    let path = Directory.CreateTempSubdirectory("evo cache ").FullName
    do Environment.SetEnvironmentVariable("XDG_CACHE_HOME", path)
    member _.Path name = Path.Combine(path, name)

    member cache.Builds =
        if File.Exists(cache.Path "ran") then
            File.ReadAllLines(cache.Path "ran").Length
        else
            0

    /// Copies one source as the library, slowly.
    member cache.Recipe(tools: string) =
        NativeRecipe(
            "stand_in",
            tools,
            "result",
            (fun source build ->
                [|
                    [|
                        "bash"
                        "-c"
                        $"""echo ran >>'{cache.Path "ran"}'; sleep 0.3; cp '{source}/evo_torch.h' '{build}/result'"""
                    |]
                |]),
            "make"
        )

    interface IDisposable with
        member _.Dispose() =
            Environment.SetEnvironmentVariable("XDG_CACHE_HOME", before)
            Directory.Delete(path, true)

[<Fact>]
let ``the assembly carries every source, and the script that finds libtorch`` () =
    let carried = carrier.GetManifestResourceNames() |> set

    for name in
        [
            "CMakeLists.txt"
            "cmake/FindLibtorch.cmake"
            "find-libtorch"
            "kernels/vector.inc"
        ] do
        Assert.Contains("native/" + name, carried)

    // What a source includes by name is carried too.
    for name in carried do
        if
            name.StartsWith "native/"
            && (name.EndsWith ".cpp" || name.EndsWith ".inc" || name.EndsWith ".h")
        then
            let text = NativeCache.Source(carrier, name.Substring "native/".Length)

            for found in
                Text.RegularExpressions.Regex.Matches(
                    text,
                    "^#include \"([^\"]+)\"",
                    Text.RegularExpressions.RegexOptions.Multiline
                ) do
                let included = Path.GetFileName found.Groups[1].Value
                Assert.Contains(carried, (fun (other: string) -> other.EndsWith("/" + included)))

[<Fact>]
let ``who asks at the same time waits for one build, and later ones find it`` () =
    use cache = new Cache()
    let recipe = cache.Recipe "tools 1"

    let files =
        Task.WhenAll [ for _ in 1..4 -> Task.Run(fun () -> NativeCache.Library(carrier, recipe)) ]

    let file = files.Result |> Array.distinct |> Array.exactlyOne
    Assert.StartsWith(cache.Path "evo/native/stand_in-", file)
    Assert.Equal(NativeCache.Source(carrier, "evo_torch.h"), File.ReadAllText file)
    Assert.Equal(file, NativeCache.Library(carrier, recipe))
    Assert.Equal(1, cache.Builds)

[<Fact>]
let ``other tools are another library, beside the first`` () =
    use cache = new Cache()
    let one = NativeCache.Library(carrier, cache.Recipe "libtorch 1")
    let two = NativeCache.Library(carrier, cache.Recipe "libtorch 2")
    Assert.NotEqual<string>(one, two)
    Assert.True(File.Exists one)
    Assert.Equal(2, cache.Builds)

[<Fact>]
let ``a build that was killed on its way leaves nothing that counts`` () =
    use cache = new Cache()
    let recipe = cache.Recipe "tools"
    let file = NativeCache.Library(carrier, recipe)
    let folder = nonNull (Path.GetDirectoryName file)
    // As it stands in the middle of a build: a part with an unfinished library, and no folder yet.
    Directory.CreateDirectory(folder + ".part/done") |> ignore
    File.Move(file, Path.Combine(folder + ".part/done", "libstand_in.so"))
    Directory.Delete(folder, true)
    Assert.Equal(file, NativeCache.Library(carrier, recipe))
    Assert.Equal(2, cache.Builds)
    Assert.False(Directory.Exists(folder + ".part"))

[<Fact>]
let ``a step that fails shows its end and what to install, and the next call tries again`` () =
    use cache = new Cache()

    let failing =
        NativeRecipe(
            "stand_in",
            "tools",
            "result",
            (fun _ _ -> [| [| "bash"; "-c"; "echo the compiler says no; exit 3" |] |]),
            "g++ make"
        )

    let error =
        Assert.Throws<NativeBuildException>(fun () -> NativeCache.Library(carrier, failing) |> ignore)

    Assert.Contains("the compiler says no", error.Message)
    Assert.EndsWith("It needs: sudo apt-get install -y --no-install-recommends g++ make", error.Message)
    Assert.True(File.Exists(NativeCache.Library(carrier, cache.Recipe "tools")))

[<Fact>]
let ``a cache that cannot be written is said, with the variable that names another`` () =
    use cache = new Cache()
    File.WriteAllText(cache.Path "evo", "a file where the folder should be")

    let error =
        Assert.Throws<NativeBuildException>(fun () ->
            NativeCache.Library(carrier, cache.Recipe "tools") |> ignore)

    Assert.Contains("XDG_CACHE_HOME", error.Message)

[<Fact>]
let ``a tool that is not there is an answer, not an end`` () =
    let struct (works, text) = NativeCache.Ask("no-such-compiler", [| "--version" |])
    Assert.False works
    Assert.Equal("no-such-compiler was not found.", text)
