namespace Evo.Models;

/// <summary>A mode and how many ranks each of its axes has: what <see cref="RankContext"/> is on paper.</summary>
/// <param name="Mode">How the model is spread.</param>
/// <param name="Tensor">Ranks that share one batch.</param>
/// <param name="Weight">Ranks that hold a share of each weight (isp).</param>
public sealed record ModeDegrees(ParallelMode Mode, int Tensor = 1, int Weight = 1)
{
    /// <summary>One device.</summary>
    public static ModeDegrees Single { get; } = new(ParallelMode.Serial);

    /// <summary>Ranks over which experts are dealt out: as many as the tensor axis has unless given, and in mtp one.</summary>
    public int Expert { get; init; } = Mode is ParallelMode.Serial or ParallelMode.Mtp ? 1 : Tensor;

    /// <summary>Ranks with rows of their own.</summary>
    public int Data { get; init; } = 1;

    /// <summary>As <see cref="RankContext.NoTp"/>.</summary>
    public bool NoTp { get; init; }

    /// <summary>As <see cref="RankContext.EmbedSplitHidden"/>.</summary>
    public bool EmbedSplitHidden { get; init; } = true;

    /// <summary>As <see cref="RankContext.SplitsHidden"/>.</summary>
    public bool SplitsHidden(bool tied, long width) => EmbedSplitHidden && !tied && width % Tensor == 0;

    /// <summary>Ranks of an axis by its name.</summary>
    public int Of(string axis) => axis switch { "weight" => Weight, "expert" => Expert, "data" => Data, _ => Tensor };

    /// <inheritdoc/>
    public override string ToString() => Mode == ParallelMode.Serial ? "serial"
        : $"{Mode.ToString().ToLowerInvariant()}, tensor {Tensor}{(Mode == ParallelMode.Isp ? $", weight {Weight}" : "")}";
}
