namespace Evo.Models;

/// <summary>
/// The blocks of a stage: what stands before its layers, where it has that; each of its layers; and what stands behind them with
/// the head. A forward that cannot be cut is one block.
/// </summary>
/// <param name="Stage">The layers.</param>
/// <param name="Layers">Layers of the whole model.</param>
/// <param name="Cuttable">Whether the forward is cut at its layers.</param>
public readonly record struct StageBlocks(StageRange Stage, int Layers, bool Cuttable = true)
{
    private bool HoldsEntry => Stage.First == 0;

    private bool HoldsExit => Stage.End == Layers;

    /// <summary>How many there are.</summary>
    public int Count => Cuttable ? FirstLayer + Stage.Count + (HoldsExit ? 1 : 0) : 1;

    private int FirstLayer => HoldsEntry ? 1 : 0;

    /// <summary>The block that a parameter belongs to; a table that embedding and head share, to the embedding's where it is held.</summary>
    /// <exception cref="ArgumentException">The stage does not hold it.</exception>
    public int Of(ParameterInfo info) => !Stage.Holds(info, Layers)
        ? throw new ArgumentException($"{info.Name} is not held by a stage of {Stage}", nameof(info))
        : !Cuttable ? 0
        : info.Layer is { } layer ? FirstLayer + layer - Stage.First
        : info.Exit || !HoldsEntry ? Count - 1
        : 0;

    /// <summary>The blocks that read a parameter: its own, and the last one too for a table that embedding and head share.</summary>
    public IReadOnlyList<int> ReadIn(ParameterInfo info) =>
        info.TiedNames.Count > 0 && HoldsExit && Of(info) != Count - 1 ? [Of(info), Count - 1] : [Of(info)];
}
