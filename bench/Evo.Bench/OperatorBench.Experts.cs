using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Bench;

/// <summary>Experts among the operators: their steps, a layer of them, and the layer as it is without operators for experts.</summary>
internal static partial class OperatorBench
{
    private const long ExpertCount = 8;
    private const int TopK = 2;

    // Tokens that go through all experts, two of them each: rows as even as chance makes them.
    private static List<Case> ExpertCases()
    {
        const long C = Channels, F = Inner, N = 1024, M = N * TopK;
        var order = Chosen(Tokens);
        var counts = Chosen(N).Counts;
        Tensor gate = OfAll(F, C), up = OfAll(F, C), down = OfAll(C, F);
        Tensor[] layer = [Normal(1, N, C), Normal(1, N, ExpertCount), gate, up, down];
        const double bytes = 4.0 * Tokens * C, product = 2.0 * M * C * F;
        return
        [
            Timed("PermuteToExperts 4096x512, 2 of 8", 3 * bytes, false, [Normal(Tokens, C)], x => Ops.PermuteToExperts(x[0], order, TopK), backward: false),
            Timed("PermuteToExperts, both", 6 * bytes, false, [Normal(Tokens, C)], x => Ops.PermuteToExperts(x[0], order, TopK)),
            Timed("CombineExperts 4096x512, 2 of 8", 3 * bytes, false, [Normal(Tokens * TopK, C), Normal(Tokens, TopK)], x => Ops.CombineExperts(x[0], order, x[1]), backward: false),
            Timed("CombineExperts, both", 8 * bytes, false, [Normal(Tokens * TopK, C), Normal(Tokens, TopK)], x => Ops.CombineExperts(x[0], order, x[1])),
            Timed("GroupedLinear 2048x512x1376, 8 experts", product, true, [Normal(M, C), gate], x => Ops.GroupedLinear(x[0], counts, x[1]), backward: false),
            Timed("GroupedLinear of experts, both", 3 * product, true, [Normal(M, C), gate], x => Ops.GroupedLinear(x[0], counts, x[1])),
            Timed("MixtureOfExperts 1024x512, 2 of 8, both", 9 * product, true, layer, x => Ops.MixtureOfExperts(x[0], x[1], TopK, true, "silu", x[2], x[3], x[4])),
            Timed("Mixture, an expert at a time, both", 9 * product, true, layer, OneByOne),
        ];
    }

    private static ExpertOrder Chosen(long tokens)
    {
        var (experts, _) = Ops.ChooseExperts(Normal(tokens, ExpertCount), TopK, true);
        return Ops.OrderByExpert(experts, ExpertCount);
    }

    private static Tensor OfAll(long to, long from) => Normal(ExpertCount, to, from).mul_(0.05).DetachFromDisposeScope();

    // A mixture out of what there is for other layers: rows are selected, split, mapped expert by expert, and put together again.
    private static Tensor OneByOne(Tensor[] x)
    {
        var (experts, weights) = Ops.ChooseExperts(x[1].squeeze(0), TopK, true);
        var order = Ops.OrderByExpert(experts, ExpertCount);
        var rows = x[0].squeeze(0).index_select(0, order.Pairs.floor_divide(TopK)).split(order.Counts);
        var (gates, ups, downs) = (x[2].unbind(), x[3].unbind(), x[4].unbind());
        var outputs = Enumerable.Range(0, (int)ExpertCount).Select(
            e => Ops.Linear(Ops.Gated("silu", Ops.Linear(rows[e], gates[e]), Ops.Linear(rows[e], ups[e])), downs[e]));
        var outputs_NKC = cat([.. outputs], 0).index_select(0, order.Places).view(-1, TopK, Channels);
        return (outputs_NKC * weights.unsqueeze(-1)).sum([1L]).unsqueeze(0);
    }
}
