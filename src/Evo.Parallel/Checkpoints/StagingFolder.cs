using System.Globalization;
using Evo.Data;

namespace Evo.Parallel;

/// <summary>
/// A folder under construction: invisible to readers until <see cref="Commit"/> gives it its final name by one rename. Whatever
/// happens before that rename leaves at most a leftover whose name starts with a dot.
/// </summary>
internal sealed class StagingFolder : IDisposable
{
    internal const string Prefix = ".staging-";
    internal const string ReplacedPrefix = ".replaced-";
    internal const string DeletingPrefix = ".deleting-";

    private readonly string parent;
    private readonly string name;
    private bool committed;

    /// <summary>Makes the empty folder beside its final place.</summary>
    /// <param name="parent">Folder that will hold it; exists.</param>
    /// <param name="name">Final name in <paramref name="parent"/>.</param>
    internal StagingFolder(string parent, string name)
    {
        this.parent = parent;
        this.name = name;
        Path = PathOf(parent, name);
        if (Directory.Exists(Path))
        {
            Directory.Delete(Path, recursive: true);
        }

        Directory.CreateDirectory(Path);
    }

    /// <summary>Where the folder of that name is written before it is there.</summary>
    internal static string PathOf(string parent, string name) => System.IO.Path.Combine(parent, Prefix + name);

    /// <summary>Where to write.</summary>
    internal string Path { get; }

    /// <summary>Flushes every file and the folder, then renames. From the return on the folder survives a power cut.</summary>
    internal string Commit()
    {
        foreach (var file in Directory.EnumerateFiles(Path, "*", SearchOption.AllDirectories))
        {
            DurableFiles.SyncFile(file);
        }

        DurableFiles.SyncFolder(Path);
        var final = System.IO.Path.Combine(parent, name);
        string? replaced = null;
        if (Directory.Exists(final))
        {
            // A folder cannot be renamed over one that holds files. A kill between the two renames is undone by Recover.
            replaced = System.IO.Path.Combine(parent, ReplacedPrefix + name);
            if (Directory.Exists(replaced))
            {
                Directory.Delete(replaced, recursive: true);
            }

            Directory.Move(final, replaced);
        }

        Directory.Move(Path, final);
        committed = true;
        DurableFiles.SyncFolder(parent);
        if (replaced is not null)
        {
            Directory.Delete(replaced, recursive: true);
        }

        return final;
    }

    /// <summary>Removes what was not committed.</summary>
    public void Dispose()
    {
        if (!committed && Directory.Exists(Path))
        {
            Directory.Delete(Path, recursive: true);
        }
    }

    /// <summary>Takes a committed folder away: a kill in the middle leaves a leftover, never half a folder under its name.</summary>
    internal static void Remove(string parent, string name)
    {
        var deleting = System.IO.Path.Combine(parent, DeletingPrefix + name);
        if (Directory.Exists(deleting))
        {
            Directory.Delete(deleting, recursive: true);
        }

        Directory.Move(System.IO.Path.Combine(parent, name), deleting);
        Directory.Delete(deleting, recursive: true);
    }

    /// <summary>Cleans up after a killed process: removes leftovers, and gives back a folder that was being replaced.</summary>
    internal static void Recover(string parent)
    {
        foreach (var folder in Directory.EnumerateDirectories(parent, ".*"))
        {
            var found = System.IO.Path.GetFileName(folder);
            foreach (var prefix in (string[])[Prefix, ReplacedPrefix, DeletingPrefix])
            {
                if (found.StartsWith(prefix, StringComparison.Ordinal))
                {
                    Recover(parent, found[prefix.Length..]);
                }
            }
        }
    }

    /// <summary>The same for one name, in a folder that holds other people's too.</summary>
    internal static void Recover(string parent, string name)
    {
        var (final, replaced) = (System.IO.Path.Combine(parent, name), System.IO.Path.Combine(parent, ReplacedPrefix + name));
        if (Directory.Exists(replaced) && !Directory.Exists(final))
        {
            Directory.Move(replaced, final);
        }

        foreach (var prefix in (string[])[Prefix, ReplacedPrefix, DeletingPrefix])
        {
            if (System.IO.Path.Combine(parent, prefix + name) is var left && Directory.Exists(left))
            {
                Directory.Delete(left, recursive: true);
            }
        }
    }

    /// <summary>The step that a folder name stands for, or null for anything else.</summary>
    internal static long? StepOf(string folder) =>
        long.TryParse(System.IO.Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : null;
}
