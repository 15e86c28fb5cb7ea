namespace Evo.Models;

/// <summary>
/// The layers that one stage of a pipeline runs: those from <paramref name="First"/> up to, not with, <paramref name="End"/>.
/// The stage that has the first layer also has what stands before the layers; the one that has the last, what stands behind.
/// </summary>
public readonly record struct StageRange(int First, int End)
{
    /// <summary>Layers of the stage.</summary>
    public int Count => End - First;

    /// <summary>Whether a stage of a model of <paramref name="layers"/> layers holds a parameter; a tied table lies at both ends.</summary>
    public bool Holds(ParameterInfo info, int layers) => info.Layer is { } layer
        ? layer >= First && layer < End
        : (First == 0 && !info.Exit) || (End == layers && (info.Exit || info.TiedNames.Count > 0));

    /// <inheritdoc/>
    public override string ToString() => Count == 1 ? $"layer {First}" : $"layers {First} to {End - 1}";
}
