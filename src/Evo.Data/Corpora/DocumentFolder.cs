using System.Text.Json;

namespace Evo.Data;

/// <summary>
/// The files of documents that a path names: the file itself, those of a folder that Hugging Face's data-set library saved, in its
/// order, or all below any other folder, by name.
/// </summary>
public static class DocumentFolder
{
    /// <summary>The files of a path, in the order in which their documents come.</summary>
    /// <param name="path">A file or a folder.</param>
    /// <param name="split">The part of a data set that is wanted (<c>train</c>); null for all, where there is only one.</param>
    /// <exception cref="DataException">There is nothing, or more than one split and none is named.</exception>
    public static IReadOnlyList<string> Files(string path, string? split = null)
    {
        if (File.Exists(path)) return [path];
        if (!Directory.Exists(path)) throw new DataException(path, "no such file or folder", "the path must exist", "check the spelling of the path");
        var dictionary = Path.Combine(path, "dataset_dict.json");
        if (File.Exists(dictionary)) return Saved(Path.Combine(path, Split(dictionary, split)));
        if (File.Exists(Path.Combine(path, "state.json"))) return Saved(path);
        var files = Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)
            .Where(file => IsData(file) && (split is null || IsOf(Path.GetRelativePath(path, file), split)))
            .Order(StringComparer.Ordinal).ToArray();
        return files.Length > 0 ? files
            : throw new DataException(path, split is null ? "no file of documents in this folder or below it" : $"no file of documents of split '{split}' in this folder or below it",
                ".txt, .jsonl (also .gz and .zst), .arrow and .parquet files are looked for", split is null ? null : "leave the split out, or name another");
    }

    // In folders .md and .json tell of the data and are none of it.
    private static bool IsData(string file) => DocumentFile.IsKnown(file) && Path.GetExtension(file).ToLowerInvariant() is not (".md" or ".json" or ".text");

    // On the hub: data/train-00000-of-00002.parquet, train.jsonl, or a folder train.
    private static bool IsOf(string file, string split) =>
        file.Split(Path.DirectorySeparatorChar).Any(part => part == split || part.StartsWith(split + "-", StringComparison.Ordinal) || part.StartsWith(split + ".", StringComparison.Ordinal));

    private static string Split(string dictionary, string? wanted)
    {
        var splits = Read(dictionary, root => root.GetProperty("splits").EnumerateArray().Select(split => split.GetString()!).ToArray());
        var there = string.Join(", ", splits);
        if (wanted is null)
            return splits.Length == 1 ? splits[0] : throw new DataException(dictionary, $"the splits {there}", "one of them must be chosen", "name it with --split");
        return splits.Contains(wanted) ? wanted : throw new DataException(dictionary, $"no split '{wanted}' among {there}", "one of them must be chosen", "name it with --split");
    }

    // What else lies in such a folder (cache-*.arrow) are results that the library keeps for itself.
    private static IReadOnlyList<string> Saved(string folder)
    {
        var state = Path.Combine(folder, "state.json");
        var names = Read(state, root => root.GetProperty("_data_files").EnumerateArray().Select(file => file.GetProperty("filename").GetString()!).ToArray());
        if (names.FirstOrDefault(name => name != Path.GetFileName(name)) is { } elsewhere)
            throw new DataException(state, $"a data file '{elsewhere}'", "data files lie beside state.json", "save the data set again");
        return names.Length > 0 ? [.. names.Select(name => Path.Combine(folder, name))]
            : throw new DataException(state, "no data files", "it must name those of the data set", "save the data set again");
    }

    private static T Read<T>(string path, Func<JsonElement, T> read)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            return read(json.RootElement);
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new DataException(path, $"not what the data-set library writes: {error.Message}", "it must name the files of the data set", "save the data set again", error);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(path, "read", error);
        }
    }
}
