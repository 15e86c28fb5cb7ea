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
        TensorCut? cut = null, TensorCut? hidden = null) =>
        rows.Add(new ParameterInfo(name, huggingFace, shape, init, kind, transposed, layer, tied) { Cut = cut, Hidden = hidden });
}
