// libevo_torch.so: beside the program where a checkout built it, else from the user's cache, made there for the libtorch
// that is found.
using System.Reflection;
using Evo.Native;

namespace Evo.Torch.Native;

internal static class TorchLibrary
{
    private const string Finder = "find-libtorch";
    private const string Tools = "g++ cmake make";
    private const string Needs = Tools + " libtorch-dev libopenblas0-openmp libgloo-dev";

    /// <summary>The file to load.</summary>
    /// <exception cref="TorchException">There is none and none can be made.</exception>
    internal static string File(Assembly carrier)
    {
        if (NativeCache.Beside(carrier, "libevo_torch.so") is { } beside)
        {
            return beside;
        }

        try
        {
            return NativeCache.Library(carrier, Recipe(carrier));
        }
        catch (NativeBuildException error)
        {
            throw new TorchException("load", error.Message);
        }
    }

    private static NativeRecipe Recipe(Assembly carrier)
    {
        var found = NativeCache.Ask("bash", ["-s"], NativeCache.Source(carrier, Finder));
        if (!found.Works)
        {
            throw new NativeBuildException(found.Text, Needs);
        }

        // What was passed over says nothing about what was taken.
        var libtorch = found.Text.Split('\n').Where(line => !line.StartsWith("skipped=", StringComparison.Ordinal)).ToList();
        var lib = libtorch.First(line => line.StartsWith("lib=", StringComparison.Ordinal))["lib=".Length..];
        libtorch.Add($"bytes={new FileInfo(System.IO.File.ResolveLinkTarget(Path.Combine(lib, "libtorch_cpu.so"), true)?.FullName ?? Path.Combine(lib, "libtorch_cpu.so")).Length}");
        // A libtorch that was named needs the tools only.
        var needs = libtorch.Contains("from=system") ? Needs : Tools;
        var compiler = NativeCache.Compiler;
        foreach (var tool in (string[])[compiler, "cmake", "make"])
        {
            var asked = NativeCache.Ask(tool, ["--version"]);
            if (!asked.Works)
            {
                throw new NativeBuildException($"libevo_torch.so is built once for each libtorch, and that takes {tool}: {asked.Text}", needs);
            }

            if (tool == compiler)
            {
                libtorch.Add($"compiler={compiler}, {asked.Text.Split('\n')[0]}");
            }
        }

        return new("evo_torch", string.Join('\n', libtorch), "lib/libevo_torch.so", Steps, needs);

        IReadOnlyList<string[]> Steps(string source, string build) => [
            ["cmake", "-S", source, "-B", build, "-DCMAKE_BUILD_TYPE=Release", $"-DCMAKE_CXX_COMPILER={compiler}", $"-DEVO_FIND_LIBTORCH={Path.Combine(source, Finder)}"],
            ["cmake", "--build", build, "--parallel", $"{Environment.ProcessorCount}"],
        ];
    }
}
