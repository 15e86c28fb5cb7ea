// The auxiliary loss that keeps experts evenly busy: a pure function of a few sums over tokens, so that ranks that hold
// different tokens need to add up nothing else.
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Models;

/// <summary>How the figures of a model's routers become one balance loss.</summary>
public enum Balancing
{
    /// <summary>
    /// As transformers computes it: the tokens of all layers count as one batch, E · Σₑ (choices of e per token) · (mean
    /// probability of e); the number of choices K at balance.
    /// </summary>
    Joint,
    /// <summary>As MegaBlocks computes it: E / K · Σₑ of the same for each layer, summed over the layers; 1 a layer at balance.</summary>
    EachLayer,
    /// <summary>As GShard computes it: first choices only, E · Σₑ for each layer, summed over the layers; 1 a layer at balance.</summary>
    FirstChoice,
}

/// <summary>A model's auxiliary loss.</summary>
/// <param name="Balancing">How figures become a number.</param>
/// <param name="Coefficient">What the model's own configuration multiplies it by; a run has its own, <c>loss.moe_loss_coeff</c>.</param>
public sealed record RouterLoss(Balancing Balancing, double Coefficient);

/// <summary>What the router of one layer said in one pass.</summary>
/// <param name="Layer">Index of the layer.</param>
/// <param name="Logits">[B, T, E], part of the graph.</param>
/// <param name="TopK">Experts of a token.</param>
public sealed record RouterOutput(int Layer, Tensor Logits, int TopK);

/// <summary>Auxiliary losses of one pass, scalars that are part of the graph; coefficients are not applied.</summary>
/// <param name="Balance">The balance loss.</param>
/// <param name="Z">Mean square of the logarithm of a router's denominator, which keeps logits small; summed or joined as the balance loss is.</param>
public sealed record AuxiliaryLosses(Tensor Balance, Tensor Z);

/// <summary>
/// Sums over the tokens of one layer and rank. Those of the same layer on other ranks, or of other layers, are added number
/// by number.
/// </summary>
/// <param name="Sums">
/// [3 E + 2], float32 or float64: choices of each expert, first choices of each, probabilities of each (part of the graph),
/// squared logarithms of the denominators (likewise), tokens.
/// </param>
/// <param name="Experts">E</param>
/// <param name="TopK">Experts of a token.</param>
public sealed record RouterStatistics(Tensor Sums, int Experts, int TopK)
{
    /// <summary>The sums over one router's tokens.</summary>
    public static RouterStatistics Of(RouterOutput router)
    {
        using var scope = NewDisposeScope();
        var count = (int)router.Logits.shape[^1];
        var logits_NE = router.Logits.reshape(-1, count);
        var wide = logits_NE.dtype == float64 ? float64 : float32;
        logits_NE = logits_NE.to_type(wide);
        var probabilities_NE = logits_NE.softmax(-1);
        var (_, chosen_NK) = probabilities_NE.detach().topk(router.TopK, -1);
        var hot_NKE = nn.functional.one_hot(chosen_NK, count).to_type(wide);
        var sums = cat(
            [
                hot_NKE.sum([0L, 1L]), hot_NKE.select(1, 0).sum([0L]), probabilities_NE.sum([0L]),
                logits_NE.logsumexp(-1).square().sum().view(1), full([1], (double)logits_NE.shape[0], wide, logits_NE.device),
            ], 0);
        return new(sums.MoveToOuterDisposeScope(), count, router.TopK);
    }

    /// <summary>The site of the sums over ranks: that of no emitted collective.</summary>
    public const int Site = 0;

    /// <summary>Sums over the tokens of all ranks: those among which a mode spreads them, and the data replicas.</summary>
    public static Tensor OverAll(Tensor sums, RankContext ranks)
    {
        var spread = ranks.Mode is ParallelMode.Serial or ParallelMode.Mtp ? sums : Collective.Reduce(ranks.Tensor, sums, Site);
        return Collective.Reduce(ranks.Data, spread, Site);
    }

    /// <summary>The sums over both sets of tokens.</summary>
    public static RouterStatistics operator +(RouterStatistics a, RouterStatistics b) => a with { Sums = a.Sums + b.Sums };

    /// <summary>The losses of a whole model, from the statistics of its routers over all tokens.</summary>
    /// <param name="layers">One for each router; at least one.</param>
    /// <param name="balancing">How they are put together.</param>
    public static AuxiliaryLosses Losses(IReadOnlyList<RouterStatistics> layers, Balancing balancing)
    {
        using var scope = NewDisposeScope();
        var batches = balancing == Balancing.Joint ? [layers.Aggregate((a, b) => a + b)] : layers;
        var losses = batches.Select(s => s.Losses(balancing)).ToList();
        return new(
            losses.Select(l => l.Balance).Aggregate((a, b) => a + b).alias().MoveToOuterDisposeScope(),
            losses.Select(l => l.Z).Aggregate((a, b) => a + b).alias().MoveToOuterDisposeScope());
    }

    private AuxiliaryLosses Losses(Balancing balancing)
    {
        var tokens = Sums.narrow(0, 3 * Experts + 1, 1);
        var choices = Sums.narrow(0, balancing == Balancing.FirstChoice ? Experts : 0, Experts);
        var product = ((choices / tokens) * (Sums.narrow(0, 2 * Experts, Experts) / tokens)).sum();
        var factor = balancing == Balancing.EachLayer ? (double)Experts / TopK : Experts;
        return new(product * factor, (Sums.narrow(0, 3 * Experts, 1) / tokens).sum());
    }
}
