using Evo.Models;

namespace Evo.Parallel;

/// <summary>How a compared step is spread over ranks.</summary>
/// <param name="Mode">The mode.</param>
/// <param name="Tensor">Ranks that share one batch.</param>
/// <param name="Weight">Ranks that share each weight (isp); consecutive ranks as those of the tensor axis, and as many or not.</param>
/// <param name="Data">Replicas with rows of their own.</param>
/// <param name="EmbedSplitHidden">Whether the embedding is cut along the hidden size.</param>
/// <param name="Recompute">Share of the layers that are computed again in the backward pass.</param>
public sealed record ParityLayout(
    ParallelMode Mode, int Tensor, int Weight = 1, int Data = 1, bool EmbedSplitHidden = true, double Recompute = 0)
{
    /// <summary>Ranks in all.</summary>
    public int World => Tensor * Data;

    /// <summary>One device.</summary>
    public static ParityLayout Serial { get; } = new(ParallelMode.Serial, 1);

    /// <summary>This rank's groups: TENSOR and WEIGHT are consecutive ranks, DATA and WEIGHT_DATA the ranks at one place in them.</summary>
    internal (RankContext Ranks, Evo.Torch.ProcessGroup Data, Evo.Torch.ProcessGroup WeightData) Groups(LocalRank rank)
    {
        Evo.Torch.ProcessGroup Block(string axis, int size) =>
            rank.Group(axis, [.. Enumerable.Range(rank.Rank / size * size, size)]);
        Evo.Torch.ProcessGroup Stride(string axis, int size) =>
            rank.Group(axis, [.. Enumerable.Range(0, World / size).Select(k => (k * size) + (rank.Rank % size))]);
        var ranks = new RankContext(Mode, Block("tensor", Tensor), Block("weight", Weight)) { Data = Stride("data", Tensor), EmbedSplitHidden = EmbedSplitHidden };
        return (ranks, ranks.Data, Stride("weight_data", Weight));
    }

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Mode.ToString().ToLowerInvariant()} {(Mode == ParallelMode.Isp ? $"sp {Tensor} wp {Weight}" : $"tp {Tensor}")}"
        + (Data > 1 ? $" dp {Data}" : "") + (EmbedSplitHidden || Mode == ParallelMode.Isp ? "" : " vocabulary-split")
        + (Recompute > 0 ? $" recompute {Recompute}" : "");
}
