namespace Evo.Models;

/// <summary>Collects a model's parameters; emitted code fills it in the order of the data flow.</summary>
public sealed class ParameterTable
{
    private readonly List<ParameterInfo> rows = [];

    /// <summary>What was added.</summary>
    public IReadOnlyList<ParameterInfo> Rows => rows;

    /// <summary>Adds one parameter.</summary>
    public void Add(
        string name, string huggingFace, Initializer init, ParameterKind kind, bool transposed, int? layer, string[] tied, long[] shape,
        TensorCut? cut = null, TensorCut? hidden = null, bool exit = false) =>
        rows.Add(new ParameterInfo(name, huggingFace, shape, init, kind, transposed, layer, tied) { Cut = cut, Hidden = hidden, Exit = exit });

    /// <summary>Adds one map of all experts, stacked along a first axis; <paramref name="huggingFace"/> holds <c>{expert}</c>.</summary>
    public void AddExperts(
        string name, string huggingFace, Initializer init, int? layer, int experts, int active, long[] shape, TensorCut cut) =>
        rows.Add(new ParameterInfo(name, huggingFace, [experts, .. shape], init, ParameterKind.Expert, false, layer, [])
        {
            Pieces = [.. Enumerable.Range(0, experts).Select(e => huggingFace.Replace("{expert}", e.ToString(System.Globalization.CultureInfo.InvariantCulture)))],
            ActivePieces = Math.Min(active, experts),
            Cut = cut,
        });
}
