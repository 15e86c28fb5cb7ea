// Experts that are dealt out over ranks: tokens travel to the ranks that hold their experts, and the outputs travel back.
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>The forms of <see cref="Ops.MixtureOfExperts"/> for experts spread over a group.</summary>
public static class ExpertParallel
{
    /// <summary>
    /// As <see cref="Ops.MixtureOfExperts"/> without a capacity, each rank having tokens of its own and E / n experts: rank r
    /// holds experts r E / n and on.
    /// </summary>
    /// <param name="group">The ranks among which the experts are dealt out.</param>
    /// <param name="site">The first of three places: counts, tokens, outputs.</param>
    /// <param name="x">[B, T, C], this rank's tokens.</param>
    /// <param name="logits">[B, T, E], what the router says of them.</param>
    /// <param name="topK">Experts of a token.</param>
    /// <param name="normalize">Whether a token's weights are divided by their sum.</param>
    /// <param name="activation">As for <see cref="Ops.Activation"/>.</param>
    /// <param name="gate">[E / n, F, C] or none.</param>
    /// <param name="up">[E / n, F, C]</param>
    /// <param name="down">[E / n, C, F]</param>
    /// <returns>[B, T, C], x's type.</returns>
    public static Tensor MixtureOfExperts(
        ProcessGroup group, int site, Tensor x, Tensor logits, int topK, bool normalize, string activation, Tensor? gate, Tensor up, Tensor down)
    {
        if (group.Size == 1)
            return Ops.MixtureOfExperts(x, logits, topK, normalize, activation, gate, up, down);
        using var scope = NewDisposeScope();
        var x_NC = x.reshape(-1, x.shape[^1]);
        var logits_NE = logits.reshape(-1, logits.shape[^1]);
        var (own, count) = (up.shape[0], logits_NE.shape[1]);
        if (own * group.Size != count)
            throw new ArgumentException(
                $"ExpertParallel.MixtureOfExperts at site {site}: {own} experts on each of {group.Size} ranks, and logits of {count}; they must be as many.");
        var (experts, weights) = Ops.ChooseExperts(logits_NE, topK, normalize);
        var order = Ops.OrderByExpert(experts, count);
        var (arriving, sent, received) = Counts(group, order.Counts, own, new Site(site, false));
        var rows = Collective.ExchangeRows(group, Ops.PermuteToExperts(x_NC, order, topK), sent, received, site + 1);

        // They arrive rank by rank, each rank's in the order of the experts; an expert takes its own of all ranks together.
        var (together, apart) = Grouping(arriving, own, x.device);
        var counts = Enumerable.Range(0, (int)own).Select(e => arriving.Sum(from => from[e])).ToArray();
        var outputs = Ops.GroupedMlp(rows.index_select(0, together), counts, gate, up, down, activation);
        var back = Collective.ExchangeRows(group, outputs.index_select(0, apart), received, sent, site + 2);
        return Ops.CombineExperts(back, order, weights).view(x.shape).MoveToOuterDisposeScope();
    }

    // How many rows of each of this rank's experts come from each rank, and the rows sent to and received from each rank.
    private static (long[][] Arriving, long[] Sent, long[] Received) Counts(ProcessGroup group, long[] counts, long own, Site site)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var each = Enumerable.Repeat(own, group.Size).ToArray();
        var all = group.AllToAllRows(tensor(counts), each, each, site);
        long[] numbers = [.. all.data<long>()];
        var arriving = numbers.Chunk((int)own).ToArray();
        return (arriving, [.. counts.Chunk((int)own).Select(c => c.Sum())], [.. arriving.Select(c => c.Sum())]);
    }

    // From rows by (rank, expert) to rows by (expert, rank), and the way back.
    private static (Tensor Together, Tensor Apart) Grouping(long[][] arriving, long own, Device device)
    {
        var starts = new long[arriving.Length][];
        long next = 0;
        for (var rank = 0; rank < arriving.Length; rank++)
        {
            starts[rank] = new long[own];
            for (var e = 0; e < own; e++)
            {
                starts[rank][e] = next;
                next += arriving[rank][e];
            }
        }

        var (together, apart) = (new long[next], new long[next]);
        long place = 0;
        for (var e = 0; e < own; e++)
            for (var rank = 0; rank < arriving.Length; rank++)
                for (var row = starts[rank][e]; row < starts[rank][e] + arriving[rank][e]; row++)
                {
                    together[place] = row;
                    apart[row] = place++;
                }
        return (tensor(together, device: device), tensor(apart, device: device));
    }
}
