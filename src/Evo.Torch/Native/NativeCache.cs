// Builds a native library of Evo's from the sources that its assembly carries: once for each set of sources and tools, into
// the user's cache. Packages hold no binary, because a library fits one libtorch and one C++ ABI only. Compiled into each
// room that has a native half.
using System.ComponentModel;
using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Evo.Native;

/// <summary>How a native library is made.</summary>
/// <param name="Name">"evo_torch" for libevo_torch.so.</param>
/// <param name="Tools">What the library depends on beside its sources: another text, another library.</param>
/// <param name="Result">The finished file, in the build folder.</param>
/// <param name="Steps">The commands, from a folder of sources and a folder to build in.</param>
/// <param name="Needs">Debian's names of what must be installed.</param>
internal sealed record NativeRecipe(string Name, string Tools, string Result, Func<string, string, IReadOnlyList<string[]>> Steps, string Needs);

/// <summary>A native library could not be made: why, and what to install.</summary>
internal sealed class NativeBuildException(string problem, string needs)
    : Exception($"{problem.TrimEnd()}\nIt needs: sudo apt-get install -y --no-install-recommends {needs}");

/// <summary>The cache: <c>$XDG_CACHE_HOME/evo/native</c>, else <c>~/.cache/evo/native</c>.</summary>
internal static class NativeCache
{
    /// <summary>Where libraries are kept.</summary>
    internal static string Root => UserCache.Folder("native");

    /// <summary>The library's file; made now if the cache has none for these sources and tools.</summary>
    /// <exception cref="NativeBuildException">It cannot be made.</exception>
    internal static string Library(Assembly carrier, NativeRecipe recipe)
    {
        var sources = Sources(carrier);
        var folder = Path.Combine(Root, $"{recipe.Name}-{Key(sources, recipe)}");
        var file = Path.Combine(folder, $"lib{recipe.Name}.so");
        try
        {
            if (!File.Exists(file))
            {
                Directory.CreateDirectory(Root);
                using var door = UserCache.Lock(folder + ".lock");
                if (!File.Exists(file))
                {
                    Make(folder, file, sources, recipe);
                }
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new NativeBuildException(
                $"lib{recipe.Name}.so cannot be kept in {Root} ({error.Message.TrimEnd('.')}); XDG_CACHE_HOME may name another folder.", recipe.Needs);
        }

        return file;
    }

    /// <summary>
    /// A library that lies beside the program or, where that is another's, beside the assembly; null where there is none. An assembly
    /// in a program of one file lies nowhere.
    /// </summary>
    internal static string? Beside(Assembly carrier, string name)
    {
#pragma warning disable IL3000 // that is what an empty answer means here
        var own = Path.GetDirectoryName(carrier.Location);
#pragma warning restore IL3000
        return ((string?[])[AppContext.BaseDirectory, own]).Where(folder => !string.IsNullOrEmpty(folder))
            .Select(folder => Path.Combine(folder!, name)).FirstOrDefault(File.Exists);
    }

    /// <summary>What a command answers, on one line; its error where it is not there or fails.</summary>
    internal static (bool Works, string Text) Ask(string program, string[] arguments, string input = "")
    {
        try
        {
            using var asked = Process.Start(new ProcessStartInfo(program, arguments)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var errors = asked.StandardError.ReadToEndAsync();
            asked.StandardInput.Write(input);
            asked.StandardInput.Close();
            var text = asked.StandardOutput.ReadToEnd();
            asked.WaitForExit();
            return asked.ExitCode == 0 ? (true, text.Trim()) : (false, errors.Result.Trim());
        }
        catch (Win32Exception)
        {
            return (false, $"{program} was not found.");
        }
    }

    /// <summary>The C++ compiler: CXX, or g++.</summary>
    internal static string Compiler => Environment.GetEnvironmentVariable("CXX") is { Length: > 0 } own ? own : "g++";

    /// <summary>A source of the assembly as text.</summary>
    internal static string Source(Assembly carrier, string name) => Encoding.UTF8.GetString(Sources(carrier)[name]);

    // native/kernels/loss.cpp is the resource of that name.
    private static SortedDictionary<string, byte[]> Sources(Assembly carrier)
    {
        const string Folder = "native/";
        var found = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var name in carrier.GetManifestResourceNames().Where(name => name.StartsWith(Folder, StringComparison.Ordinal)))
        {
            using var stream = carrier.GetManifestResourceStream(name)!;
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            found.Add(name[Folder.Length..], bytes);
        }

        return found;
    }

    private static string Key(SortedDictionary<string, byte[]> sources, NativeRecipe recipe)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, bytes) in sources)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{name}\0{bytes.Length}\0"));
            hash.AppendData(bytes);
        }

        hash.AppendData(Encoding.UTF8.GetBytes($"{recipe.Tools}\0{RuntimeInformation.OSArchitecture}"));
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..20];
    }

    // Everything happens in a folder beside; the finished one appears by one rename.
    private static void Make(string folder, string file, SortedDictionary<string, byte[]> sources, NativeRecipe recipe)
    {
        Console.Error.WriteLine($"evo: building lib{recipe.Name}.so, once for this machine's tools …");
        var part = folder + ".part";
        if (Directory.Exists(part))
        {
            Directory.Delete(part, true); // of a build that was killed
        }

        string In(string name) => Directory.CreateDirectory(Path.Combine(part, name)).FullName;
        var (source, build, done) = (In("source"), In("build"), In("done"));
        foreach (var (name, bytes) in sources)
        {
            var target = Path.Combine(source, name);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.WriteAllBytes(target, bytes);
        }

        var log = folder + ".log";
        File.WriteAllText(log, $"{recipe.Tools}\n");
        foreach (var step in recipe.Steps(source, build))
        {
            var (works, text) = Ask("bash", ["-c", "log=$1; shift; \"$@\" >>\"$log\" 2>&1 || { code=$?; tail -n 15 \"$log\" >&2; exit $code; }", "step", log, .. step]);
            if (!works)
            {
                Directory.Delete(part, true);
                throw new NativeBuildException($"lib{recipe.Name}.so could not be built; the end of {log}:\n{text}", recipe.Needs);
            }
        }

        File.Move(Path.Combine(build, recipe.Result), Path.Combine(done, Path.GetFileName(file)));
        File.WriteAllText(Path.Combine(done, "built-for.txt"), recipe.Tools + "\n");
        Directory.Move(done, folder);
        Directory.Delete(part, true);
        File.Delete(log);
    }
}
