using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Evo.Native;

namespace Evo.Parallel;

/// <summary>A project of models, built on demand by the SDK that this program runs on.</summary>
internal static class ModelProject
{
    /// <summary>Builds a project and gives the path of its assembly; the SDK skips what has not changed.</summary>
    /// <exception cref="ModelAssemblyException">It does not build: with all that the build said.</exception>
    internal static string Build(string project, Action<string>? tell)
    {
        tell?.Invoke($"building {Path.GetFileName(project)}");
        using var door = OneAtATime(project);
        // The target is asked for by name: with --getProperty alone, nothing would be built. No server is left behind.
        var start = new ProcessStartInfo(Dotnet(), [
            "build", project, "-c", "Release", "-t:Build", "--getProperty:TargetPath", "-nologo", "-nodeReuse:false", "-p:UseSharedCompilation=false",
        ])
        {
            WorkingDirectory = Path.GetDirectoryName(project),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var build = Process.Start(start) ?? throw new ModelAssemblyException(project, $"cannot be built: {start.FileName} does not start");
        var said = build.StandardError.ReadToEndAsync();
        var answer = build.StandardOutput.ReadToEnd().Trim();
        build.WaitForExit();
        if (build.ExitCode != 0)
        {
            throw new ModelAssemblyException(project, $"does not build (dotnet build ended with {build.ExitCode}):\n{(said.Result.Trim() is { Length: > 0 } errors ? errors : answer)}");
        }

        return File.Exists(answer)
            ? answer
            : throw new ModelAssemblyException(
                project, $"was built, but not to one assembly (TargetPath is \"{answer}\"); a project of several target frameworks has one for each: name the .dll instead");
    }

    // Ranks of one run, or two commands, may ask for the same project at once.
    private static FileStream OneAtATime(string project)
    {
        var name = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(project)))[..16];
        var path = Path.Combine(Path.GetTempPath(), $"evo-{Environment.UserName}-build-{name}.lock");
        return UserCache.Lock(path);
    }

    // The runtime lies at <root>/shared/Microsoft.NETCore.App/<version>.
    private static string Dotnet()
    {
        var root = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        foreach (var candidate in (string?[])[Environment.GetEnvironmentVariable("DOTNET_HOST_PATH"), Path.Combine(root, "dotnet")])
        {
            if (candidate is not null && File.Exists(candidate))
            {
                return candidate;
            }
        }

        return "dotnet";
    }
}
