using System.Text.RegularExpressions;
using Evo.Data;

namespace Evo.Parallel;

/// <summary>The files of a model folder: which go along unchanged with its weights, which are written anew, which are no part of it.</summary>
public static partial class CompanionFiles
{
    /// <summary>
    /// Names that are copied along: tokenizers, generation settings, the model's own code for transformers (copied, never
    /// executed), licences. The documentation lists these.
    /// </summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "tokenizer.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt",
        "merges.txt", "spiece.model", "chat_template.jinja", "chat_template.json", "generation_config.json",
        "configuration_*.py", "modeling_*.py", "tokenization_*.py", "LICENSE*", "NOTICE*",
    ];

    /// <summary>The files of a folder that are copied, and the ones that are neither copied nor written anew, both in ordinal order.</summary>
    internal static (IReadOnlyList<string> Copied, IReadOnlyList<string> LeftOut) Of(string folder)
    {
        var others = NamesIn(folder).Where(name => !IsModelFile(name)).ToLookup(IsCompanion);
        return ([.. others[true]], [.. others[false]]);
    }

    /// <summary>Whether a conversion may have written a file of this name.</summary>
    internal static bool IsOfConversion(string name) => IsModelFile(name) || IsCompanion(name);

    /// <summary>Copies one file; a link is followed, as caches of downloads consist of them.</summary>
    internal static void Copy(string from, string to, string name)
    {
        var path = Path.Combine(from, name);
        try
        {
            // Not File.Copy: the copy is the user's own even where the original may only be read.
            using var source = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            using var copy = new FileStream(Path.Combine(to, name), FileMode.CreateNew, FileAccess.Write);
            source.CopyTo(copy);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw DataException.FromSystem(path, "copy", error);
        }
    }

    private static IEnumerable<string> NamesIn(string folder) =>
        Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal);

    private static bool IsModelFile(string name) =>
        name is HuggingFaceFolder.ConfigFile or SafeTensorsFolder.SingleFile or SafeTensorsFolder.IndexFile || Shard().IsMatch(name);

    private static bool IsCompanion(string name) => Names.Any(known =>
        known.IndexOf('*') is var star and >= 0
            ? name.StartsWith(known[..star], StringComparison.Ordinal) && name.EndsWith(known[(star + 1)..], StringComparison.Ordinal)
            : name == known);

    [GeneratedRegex(@"^model-\d{5}-of-\d{5}\.safetensors$")]
    private static partial Regex Shard();
}
