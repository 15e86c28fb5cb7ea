using Evo.Data;

namespace Evo.Parallel;

/// <summary>
/// Weights whose names lack the prefix of the model's body, as files saved from the body alone have them (<c>h.0.ln_1.weight</c>
/// for <c>transformer.h.0.ln_1.weight</c>): seen here under their full names, as transformers sees them.
/// </summary>
internal sealed class BaseModelNames : IStoredTensors
{
    private readonly Dictionary<string, string> original;
    private readonly IStoredTensors files;

    private BaseModelNames(IStoredTensors files, Dictionary<string, string> original)
    {
        (this.files, this.original) = (files, original);
        Names = [.. original.Keys.Order(StringComparer.Ordinal)];
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Names { get; }

    /// <inheritdoc/>
    public StoredTensor? Find(string name) => original.TryGetValue(name, out var found) ? files.Find(found) : null;

    /// <summary>The files themselves where any of their names has the prefix, or none is the model's without it.</summary>
    internal static IStoredTensors Over(IReadOnlyList<FileTensor> wanted, IStoredTensors files)
    {
        var prefix = wanted[0].Name[..(wanted[0].Name.IndexOf('.') + 1)];
        if (prefix == "" || files.Names.Any(name => name.StartsWith(prefix, StringComparison.Ordinal)))
            return files;
        var known = wanted.SelectMany(tensor => tensor.TiedNames.Prepend(tensor.Name)).ToHashSet(StringComparer.Ordinal);
        var original = files.Names.ToDictionary(name => known.Contains(prefix + name) ? prefix + name : name, StringComparer.Ordinal);
        return original.Any(pair => pair.Key != pair.Value) ? new BaseModelNames(files, original) : files;
    }
}
