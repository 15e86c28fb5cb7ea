using Evo.Models;
using Evo.Torch;

namespace Evo.Parallel;

/// <summary>How a compared step is spread over ranks.</summary>
/// <param name="Mode">The mode.</param>
/// <param name="Tensor">Ranks that share one batch.</param>
/// <param name="Weight">Ranks that share each weight (isp); consecutive ranks as those of the tensor axis, and as many or not.</param>
/// <param name="Data">Replicas with rows of their own.</param>
/// <param name="EmbedSplitHidden">Whether the embedding is cut along the hidden size.</param>
/// <param name="Recompute">Share of the layers that are computed again in the backward pass.</param>
/// <param name="Expert">Ranks over which experts are dealt out; 0 for as many of the tensor axis as divide them, in mtp one.</param>
/// <param name="NoTp">In mtp: whether tokens are shared out before the experts.</param>
public sealed record ParityLayout(
    ParallelMode Mode, int Tensor, int Weight = 1, int Data = 1, bool EmbedSplitHidden = true, double Recompute = 0, int Expert = 0, bool NoTp = false)
{
    /// <summary>Ranks in all.</summary>
    public int World => Tensor * Data;

    /// <summary>One device.</summary>
    public static ParityLayout Serial { get; } = new(ParallelMode.Serial, 1);

    /// <summary>Ranks over which the experts of a model are dealt out.</summary>
    public int ExpertsOf(CausalLM spec)
    {
        if (Expert > 0 || Mode == ParallelMode.Mtp)
        {
            return Math.Max(1, Expert);
        }

        var experts = spec.Parameters.Where(p => p.Kind == ParameterKind.Expert).Select(p => (int)p.Shape[0]).ToList();
        return experts.Count == 0 ? Tensor : Enumerable.Range(1, Tensor).Last(n => Tensor % n == 0 && experts.All(e => e % n == 0));
    }

    /// <summary>The degrees on paper.</summary>
    public ModeDegrees DegreesOf(CausalLM spec) =>
        new(Mode, Tensor, Weight) { Expert = ExpertsOf(spec), Data = Data, NoTp = NoTp, EmbedSplitHidden = EmbedSplitHidden };

    /// <summary>
    /// This rank's groups: TENSOR and WEIGHT are consecutive ranks, DATA and WEIGHT_DATA the ranks at one place in them. EXPERT
    /// is consecutive ranks too, but where ranks of the tensor axis have the same tokens, ranks at one place of it.
    /// </summary>
    public ParityGroups Groups(CausalLM spec, LocalRank rank)
    {
        ProcessGroup Of(string axis, Func<int, (int, int)> place) =>
            rank.Group(axis, [.. Enumerable.Range(0, World).Where(r => place(r) == place(rank.Rank))]);
        ProcessGroup Block(string axis, int size) => Of(axis, r => (r / size, 0));
        ProcessGroup Stride(string axis, int size) => Of(axis, r => (r % size, 0));
        var experts = ExpertsOf(spec);
        var alike = Mode == ParallelMode.Mtp && !NoTp ? Tensor : 1;
        var ranks = new RankContext(Mode, Block("tensor", Tensor), Block("weight", Weight))
        {
            Data = Stride("data", Tensor),
            Expert = Of("expert", r => (r / (alike * experts), r % alike)),
            NoTp = NoTp,
            EmbedSplitHidden = EmbedSplitHidden,
        };
        return new(ranks, ranks.Data, Stride("weight_data", Weight), Stride("expert_data", alike * experts));
    }

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Mode.ToString().ToLowerInvariant()} {(Mode == ParallelMode.Isp ? $"sp {Tensor} wp {Weight}" : $"tp {Tensor}")}"
        + (Data > 1 ? $" dp {Data}" : "") + (Expert > 0 ? $" ep {Expert}" : "") + (NoTp ? " no_tp" : "")
        + (EmbedSplitHidden || Mode == ParallelMode.Isp ? "" : " vocabulary-split") + (Recompute > 0 ? $" recompute {Recompute}" : "");
}

/// <summary>The groups of one rank: those that its model talks over, and those over which gradients are summed.</summary>
public sealed record ParityGroups(RankContext Ranks, ProcessGroup Data, ProcessGroup WeightData, ProcessGroup ExpertData);
