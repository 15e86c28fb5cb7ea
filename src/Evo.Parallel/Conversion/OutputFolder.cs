using Evo.Data;

namespace Evo.Parallel;

/// <summary>
/// The folder that a conversion writes: it appears under its name by one rename when everything is in it. What stands there
/// already is replaced only when that was asked for, and only where it is a model folder and nothing else.
/// </summary>
internal static class OutputFolder
{
    /// <summary>Makes the folder under construction beside its final place.</summary>
    /// <exception cref="DataException">Something is in the way, or cannot be written.</exception>
    internal static StagingFolder Stage(string output, string source, bool force)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(output));
        var (parent, name) = (Path.GetDirectoryName(full), Path.GetFileName(full));
        if (parent is null || name == "")
            throw new DataException(output, "it is the root of the file system", "it must be a folder of its own", "choose another --out");
        RequireApart(output, Real(full), Real(Path.GetFullPath(source)));
        try
        {
            Directory.CreateDirectory(parent);
            StagingFolder.Recover(parent, name);
            RequireFree(output, full, force);
            return new StagingFolder(parent, name);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw DataException.FromSystem(output, "write", error);
        }
    }

    private static void RequireFree(string output, string full, bool force)
    {
        if (File.Exists(full))
            throw new DataException(output, "it is a file", "it must be a folder that is not there yet", "choose another --out");
        if (!Directory.Exists(full)) return;
        var names = Directory.EnumerateFileSystemEntries(full).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal).ToList();
        if (names.Count == 0) return;
        if (!force)
            throw new DataException(output, $"it is there already and holds {names[0]}{(names.Count > 1 ? $" and {names.Count - 1} more" : "")}",
                "nothing is overwritten unless that is asked for", "choose another --out, or replace it with --force");
        var foreign = Directory.EnumerateDirectories(full).Select(path => Path.GetFileName(path)).FirstOrDefault()
            ?? names.FirstOrDefault(file => !CompanionFiles.IsOfConversion(file));
        if (foreign is not null)
            throw new DataException(output, $"it holds {foreign}, which is no part of a model folder", "--force replaces a model folder and nothing else",
                "choose another --out, or take it away yourself");
    }

    private static void RequireApart(string output, string full, string source)
    {
        bool Holds(string outer, string inner) => inner == outer || inner.StartsWith(Path.TrimEndingDirectorySeparator(outer) + Path.DirectorySeparatorChar, StringComparison.Ordinal);
        if (Holds(full, source) || Holds(source, full))
            throw new DataException(output, $"it is {(full == source ? "the folder that is read" : $"not apart from {source}, which is read")}",
                "a conversion must not write where it reads", "choose another --out");
    }

    // With links followed, as far as the path is there.
    private static string Real(string path)
    {
        if (Directory.Exists(path) && new DirectoryInfo(path).ResolveLinkTarget(returnFinalTarget: true) is { } target)
            path = target.FullName;
        return Path.GetDirectoryName(path) is { } parent ? Path.Combine(Real(parent), Path.GetFileName(path)) : path;
    }
}
