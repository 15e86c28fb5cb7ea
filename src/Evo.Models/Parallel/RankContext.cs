using Evo.Torch;

namespace Evo.Models;

/// <summary>What one rank knows of the others: the mode, and its group on each mesh axis.</summary>
/// <param name="Mode">How the model is spread.</param>
/// <param name="Tensor">Ranks that share one batch: features (mtp, msp, fsp) or tokens (isp) are spread over them.</param>
/// <param name="Weight">Ranks that hold a share of each weight (isp); elsewhere this rank alone.</param>
public sealed record RankContext(ParallelMode Mode, ProcessGroup Tensor, ProcessGroup Weight)
{
    /// <summary>One device.</summary>
    public static RankContext Single { get; } = new(ParallelMode.Serial, new GroupOfOne("tensor"), new GroupOfOne("weight"));

    /// <summary>Ranks with rows of their own that take one step together; this rank alone unless given.</summary>
    public ProcessGroup Data { get; init; } = new GroupOfOne("data", Tensor.Ranks[Tensor.Rank]);

    /// <summary>
    /// Ranks over which experts are dealt out, all with tokens of their own: consecutive places of the tensor and data axes, or
    /// where ranks of the tensor axis have the same tokens (mtp), ranks at one place of it. Unless given the tensor axis, and in
    /// mtp this rank alone.
    /// </summary>
    public ProcessGroup Expert { get; init; } = Mode == ParallelMode.Mtp ? new GroupOfOne("expert", Tensor.Ranks[Tensor.Rank]) : Tensor;

    /// <summary>In mtp: whether the tokens are shared out over the tensor axis before the experts, which then are not cut along their inside.</summary>
    public bool NoTp { get; init; }

    /// <summary>
    /// Whether a table of embeddings is cut along the hidden size (InternEvo's <c>embed_split_hidden</c>), not along the
    /// vocabulary. A table that is also the head's, or whose width does not split, is cut along the vocabulary always.
    /// </summary>
    public bool EmbedSplitHidden { get; init; } = true;

    /// <summary>Whether a table is cut along the hidden size, given whether it is the head's too, and its width.</summary>
    public bool SplitsHidden(bool tied, long width) => EmbedSplitHidden && !tied && width % Tensor.Size == 0;
}
