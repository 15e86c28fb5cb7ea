using System.Runtime.InteropServices;

namespace Evo.Data;

/// <summary>Finds the documentation files of a .NET SDK.</summary>
internal static class SdkDocsFolders
{
    /// <summary>The SDK's folder and its documentation files in ordinal order of their paths.</summary>
    public static (string Root, IReadOnlyList<FileInfo> Files) Find(string? given)
    {
        var candidates = given is not null ? [given] : Candidates().Distinct(StringComparer.Ordinal).ToList();
        foreach (var root in candidates)
        {
            var files = DocumentationOf(root);
            if (files.Count > 0) return (root, files);
        }
        throw new DataException(string.Join(", ", candidates), "no documentation (packs/*/*/ref/*/*.xml) in this .NET SDK",
            "the SDK must be Microsoft's build, as those of some distributions leave it out",
            "install it from https://dotnet.microsoft.com/download and set DOTNET_ROOT to its folder, or train on text files of your own");
    }

    // DOTNET_ROOT, the runtime that runs this, the dotnet on the PATH.
    private static IEnumerable<string> Candidates()
    {
        if (Environment.GetEnvironmentVariable("DOTNET_ROOT") is { Length: > 0 } root) yield return Path.GetFullPath(root);
        yield return Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));
        foreach (var folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
        {
            var command = new FileInfo(Path.Combine(folder, "dotnet"));
            if (!command.Exists) continue;
            var target = command.ResolveLinkTarget(returnFinalTarget: true) ?? command;
            yield return Path.GetDirectoryName(target.FullName)!;
        }
    }

    private static List<FileInfo> DocumentationOf(string root)
    {
        try
        {
            return
            [
                .. Below(Path.Combine(root, "packs")).SelectMany(Below).Select(version => Path.Combine(version, "ref")).SelectMany(Below)
                    .SelectMany(framework => Directory.EnumerateFiles(framework, "*.xml"))
                    .Order(StringComparer.Ordinal).Select(path => new FileInfo(path)),
            ];
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(root, "read", error);
        }
    }

    private static IEnumerable<string> Below(string folder) => Directory.Exists(folder) ? Directory.EnumerateDirectories(folder) : [];
}
