// A mixture of experts in four steps, each of which a parallel form takes on its own: choose, permute, compute, combine.
// Here are the choice and the whole, in TorchSharp calls and nothing else; the other steps are in Ops.ExpertRows.cs.
//
// Shapes: N tokens, K choices of a token, E experts, M choices that were kept, C channels, F width inside of an expert.
// A pair is a token's choice; pair n * K + k is choice k of token n.

using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

public static partial class Ops
{
    /// <summary>
    /// Step 1, without limits: softmax over the experts in float32 (float64 for float64), then the best K of them.
    /// </summary>
    /// <param name="logits">[N, E]</param>
    /// <param name="topK">K</param>
    /// <param name="normalize">Whether the K weights of a token are divided by their sum.</param>
    /// <param name="noise">[N, E]: where given, a token's last choice is the best by logits and noise of those that are left.</param>
    /// <returns>Experts [N, K] int64, best first, and their weights [N, K], float32 or float64.</returns>
    public static (Tensor experts, Tensor weights) ChooseExperts(Tensor logits, int topK, bool normalize, Tensor? noise = null)
    {
        using var scope = NewDisposeScope();
        var probabilities = logits.softmax(-1, Wide(logits.dtype));
        var experts = Best(probabilities, logits, topK, noise);
        var weights = probabilities.gather(-1, experts);
        if (normalize)
            weights = weights / weights.sum(-1, keepdim: true);
        return (experts.MoveToOuterDisposeScope(), weights.MoveToOuterDisposeScope());
    }

    /// <summary>
    /// Step 1 under a capacity, as GShard does it: an expert takes the first <paramref name="capacity"/> of those that chose
    /// it, all first choices in the order of the tokens before all second ones. The rest is dropped: expert E, weight 0.
    /// Where the weights are normalized, a token's surviving choices share its whole weight.
    /// </summary>
    /// <param name="logits">[N, E]</param>
    /// <param name="topK">K</param>
    /// <param name="normalize">Whether the weights of a token are divided by their sum.</param>
    /// <param name="capacity">Most tokens of one expert: see <see cref="ExpertCapacity"/>.</param>
    /// <param name="noise">As for <see cref="ChooseExperts"/>.</param>
    /// <param name="lots">As for <see cref="WithinCapacity"/>.</param>
    /// <returns>Experts [N, K] int64, best first, and their weights [N, K], float32 or float64.</returns>
    public static (Tensor experts, Tensor weights) ChooseExpertsWithin(
        Tensor logits, int topK, bool normalize, long capacity, Tensor? noise = null, Tensor? lots = null)
    {
        var count = logits.shape[1];
        return ChooseExpertsWhere(logits, topK, normalize, experts => WithinCapacity(experts, count, capacity, lots), noise);
    }

    /// <summary>As <see cref="ChooseExpertsWithin"/>, where something else says which choices are kept.</summary>
    /// <param name="logits">[N, E]</param>
    /// <param name="topK">K</param>
    /// <param name="normalize">Whether the weights of a token are divided by their sum.</param>
    /// <param name="kept">From the choices [N, K], best first, to those that are kept, bool [N, K].</param>
    /// <param name="noise">As for <see cref="ChooseExperts"/>.</param>
    public static (Tensor experts, Tensor weights) ChooseExpertsWhere(
        Tensor logits, int topK, bool normalize, Func<Tensor, Tensor> kept, Tensor? noise = null)
    {
        using var scope = NewDisposeScope();
        var probabilities = logits.softmax(-1, Wide(logits.dtype));
        var experts = Best(probabilities, logits, topK, noise);
        var stays = kept(experts);
        var weights = probabilities.gather(-1, experts) * stays.to_type(probabilities.dtype);
        if (normalize)
            weights = weights / weights.sum(-1, keepdim: true).clamp_min(weights.dtype == ScalarType.Float64 ? 2.220446049250313e-16 : 1.1920929e-7);
        return (experts.masked_fill(stays.logical_not(), logits.shape[1]).MoveToOuterDisposeScope(), weights.MoveToOuterDisposeScope());
    }

    // The best K; with noise the last is the best of the others by logits and noise.
    private static Tensor Best(Tensor probabilities, Tensor logits, int topK, Tensor? noise)
    {
        using var quiet = no_grad();
        var (_, best) = probabilities.topk(topK, -1);
        if (noise is null)
            return best;
        var noisy = logits.to_type(noise.dtype) + noise;
        if (topK == 1)
            return noisy.argmax(-1, keepdim: true);
        var first = best.narrow(-1, 0, topK - 1);
        return cat([first, noisy.scatter(-1, first, full_like(first, double.NegativeInfinity, noisy.dtype)).argmax(-1, keepdim: true)], -1);
    }

    /// <summary>
    /// Which choices an expert has room for: the first of those that chose it, all first choices in the order of the tokens
    /// before all second ones. Sorted, not counted expert by expert: as many numbers as choices, however many experts.
    /// </summary>
    /// <param name="experts">[N, K] int64, best first.</param>
    /// <param name="count">E</param>
    /// <param name="capacity">Most tokens of one expert.</param>
    /// <param name="lots">[N] int64: where given, tokens come by falling lots, not in their order (GShard's random token selection).</param>
    /// <returns>bool [N, K]</returns>
    public static Tensor WithinCapacity(Tensor experts, long count, long capacity, Tensor? lots = null)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        if (lots is not null)
        {
            var (_, order) = lots.sort(0, descending: true, stable: true);
            return WithinCapacity(experts.index_select(0, order), count, capacity).index_select(0, order.argsort()).MoveToOuterDisposeScope();
        }

        var flat = experts.t().reshape(-1);
        var (sorted, pairs) = flat.sort(0, stable: true);
        var firsts_E = searchsorted(sorted, arange(count, device: flat.device));
        var before = arange(flat.shape[0], device: flat.device) - firsts_E.index_select(0, sorted);
        return before.lt(capacity).index_select(0, pairs.argsort()).view(experts.shape[1], experts.shape[0]).t().MoveToOuterDisposeScope();
    }

    /// <summary>Most tokens that GShard lets one expert have: ⌈tokens / experts × factor × topK⌉, and no fewer than the minimum.</summary>
    public static long ExpertCapacity(long tokens, long experts, int topK, double factor, long minimum) =>
        Math.Max((long)Math.Ceiling((double)tokens / experts * (factor * topK)), minimum);

    /// <summary>All four steps on one device.</summary>
    /// <param name="x">[B, T, C]</param>
    /// <param name="logits">[B, T, E]: what the router says of each token.</param>
    /// <param name="topK">Experts of a token.</param>
    /// <param name="normalize">Whether a token's weights are divided by their sum.</param>
    /// <param name="activation">As for <see cref="Activation"/>.</param>
    /// <param name="gate">[E, F, C] or none.</param>
    /// <param name="up">[E, F, C]</param>
    /// <param name="down">[E, C, F]</param>
    /// <param name="capacityFactor">GShard's: see <see cref="ExpertCapacity"/>; 0 drops nothing.</param>
    /// <param name="minCapacity">The smallest capacity.</param>
    /// <param name="noise">[B, T, E], as for <see cref="ChooseExperts"/>.</param>
    /// <param name="lots">[B, T], as for <see cref="WithinCapacity"/>.</param>
    /// <returns>[B, T, C], x's type.</returns>
    public static Tensor MixtureOfExperts(
        Tensor x, Tensor logits, int topK, bool normalize, string activation, Tensor? gate, Tensor up, Tensor down,
        double capacityFactor = 0, long minCapacity = 0, Tensor? noise = null, Tensor? lots = null)
    {
        using var scope = NewDisposeScope();
        var x_NC = x.reshape(-1, x.shape[^1]);
        var logits_NE = logits.reshape(-1, logits.shape[^1]);
        long count = up.shape[0];
        if (logits_NE.shape[1] != count || logits_NE.shape[0] != x_NC.shape[0])
            throw new ArgumentException(
                $"MixtureOfExperts: x [{string.Join(", ", x.shape)}], logits [{string.Join(", ", logits.shape)}], up [{string.Join(", ", up.shape)}]: "
                + "the logits are [B, T, E] for x [B, T, C] and up [E, F, C].");
        var (experts, weights) = capacityFactor > 0
            ? ChooseExpertsWithin(
                logits_NE, topK, normalize, ExpertCapacity(x_NC.shape[0], count, topK, capacityFactor, minCapacity), noise?.reshape(-1, count), lots?.reshape(-1))
            : ChooseExperts(logits_NE, topK, normalize, noise?.reshape(-1, count));
        var order = OrderByExpert(experts, count);
        var rows = GroupedMlp(PermuteToExperts(x_NC, order, topK), order.Counts, gate, up, down, activation);
        return CombineExperts(rows, order, weights).view(x.shape).MoveToOuterDisposeScope();
    }
}
