// Experts that are dealt out over ranks: tokens travel to the ranks that hold their experts, and the outputs travel back.
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>The forms of <see cref="Ops.MixtureOfExperts"/> for experts spread over a group.</summary>
public static class ExpertParallel
{
    /// <summary>
    /// As <see cref="Ops.MixtureOfExperts"/>, each rank having tokens of its own and E / n experts: rank r holds experts r E / n
    /// and on. A capacity counts the tokens of all ranks, in the order in which one device would have them.
    /// </summary>
    /// <param name="group">The ranks among which the experts are dealt out.</param>
    /// <param name="site">
    /// The first of three places, counts, tokens, outputs; then one for each of <paramref name="tokens"/> and <paramref name="rows"/>
    /// that is given.
    /// </param>
    /// <param name="x">[B, T, C], this rank's tokens.</param>
    /// <param name="logits">[B, T, E], what the router says of them.</param>
    /// <param name="topK">Experts of a token.</param>
    /// <param name="normalize">Whether a token's weights are divided by their sum.</param>
    /// <param name="activation">As for <see cref="Ops.Activation"/>.</param>
    /// <param name="gate">[E / n, F, C] or none.</param>
    /// <param name="up">[E / n, F, C]</param>
    /// <param name="down">[E / n, C, F]</param>
    /// <param name="capacityFactor">GShard's: see <see cref="Ops.ExpertCapacity"/>; 0 drops nothing.</param>
    /// <param name="minCapacity">The smallest capacity.</param>
    /// <param name="noise">[B, T, E], as for <see cref="Ops.ChooseExperts"/>, of this rank's tokens.</param>
    /// <param name="lots">[B, T], as for <see cref="Ops.WithinCapacity"/>, of this rank's tokens.</param>
    /// <param name="tokens">Ranks that have the other tokens of the same rows; their choices are counted under a capacity.</param>
    /// <param name="rows">Ranks that have other rows, as many each; likewise.</param>
    /// <returns>[B, T, C], x's type.</returns>
    public static Tensor MixtureOfExperts(
        ProcessGroup group, int site, Tensor x, Tensor logits, int topK, bool normalize, string activation, Tensor? gate, Tensor up, Tensor down,
        double capacityFactor = 0, long minCapacity = 0, Tensor? noise = null, Tensor? lots = null, ProcessGroup? tokens = null, ProcessGroup? rows = null)
    {
        using var scope = NewDisposeScope();
        var x_NC = x.reshape(-1, x.shape[^1]);
        var logits_NE = logits.reshape(-1, logits.shape[^1]);
        var (own, count) = (up.shape[0], logits_NE.shape[1]);
        if (own * group.Size != count)
            throw new ArgumentException(
                $"ExpertParallel.MixtureOfExperts at site {site}: {own} experts on each of {group.Size} ranks, and logits of {count}; they must be as many.");
        var noise_NE = noise?.reshape(-1, count);
        var (experts, weights) = capacityFactor > 0
            ? Ops.ChooseExpertsWhere(
                logits_NE, topK, normalize,
                chosen => Kept(chosen.view(x.shape[0], x.shape[1], topK), count, capacityFactor, minCapacity, lots, tokens, rows, site + 3), noise_NE)
            : Ops.ChooseExperts(logits_NE, topK, normalize, noise_NE);
        var order = Ops.OrderByExpert(experts, count);
        var sorted = Ops.PermuteToExperts(x_NC, order, topK);
        var outputs = group.Size == 1 ? Ops.GroupedMlp(sorted, order.Counts, gate, up, down, activation)
            : Travelled(group, site, sorted, order.Counts, gate, up, down, activation);
        return Ops.CombineExperts(outputs, order, weights).view(x.shape).MoveToOuterDisposeScope();
    }

    // To the ranks of the experts, through them, and back.
    private static Tensor Travelled(ProcessGroup group, int site, Tensor sorted, long[] counts, Tensor? gate, Tensor up, Tensor down, string activation)
    {
        var own = up.shape[0];
        var (arriving, sent, received) = Counts(group, counts, own, new Site(site, false));
        var rows = Collective.ExchangeRows(group, sorted, sent, received, site + 1);

        // They arrive rank by rank, each rank's in the order of the experts; an expert takes its own of all ranks together.
        var (together, apart) = Grouping(arriving, own, sorted.device);
        var each = Enumerable.Range(0, (int)own).Select(e => arriving.Sum(from => from[e])).ToArray();
        var outputs = Ops.GroupedMlp(Ops.PermuteToExperts(rows, new(together, apart, each), 1), each, gate, up, down, activation);
        return Collective.ExchangeRows(group, Ops.PermuteToExperts(outputs, new(apart, together, each), 1), received, sent, site + 2);
    }

    // The choices of all ranks, put together as one device has them: a row's tokens in their order, then row after row.
    private static Tensor Kept(
        Tensor chosen_BTK, long count, double factor, long minimum, Tensor? lots_BT, ProcessGroup? tokens, ProcessGroup? rows, int site)
    {
        using var scope = NewDisposeScope();
        long batch = chosen_BTK.shape[0], length = chosen_BTK.shape[1], topK = chosen_BTK.shape[2];
        // A lot travels with the choice, in one number.
        var all = lots_BT is null ? chosen_BTK : chosen_BTK + (lots_BT.unsqueeze(-1) * count);
        if (tokens is { Size: > 1 })
            all = tokens.AllGather(all.contiguous(), 1, new(site, false));
        if (rows is { Size: > 1 })
            all = rows.AllGather(all.contiguous(), 0, new(tokens is null ? site : site + 1, false));
        var first = tokens is null ? 0 : Shards.Of(all.shape[1], tokens.Size, tokens.Rank).Start;
        if (all.shape[0] != batch * (rows?.Size ?? 1))
            throw new ArgumentException(
                $"a capacity counts tokens in the order of the whole batch: {rows!.Size} ranks with as many rows each; found {batch} here and {all.shape[0]} in all.");
        var capacity = Ops.ExpertCapacity(all.shape[0] * all.shape[1], count, (int)topK, factor, minimum);
        var experts = lots_BT is null ? all : all.remainder(count);
        var lots = lots_BT is null ? null : all.floor_divide(count).select(2, 0).reshape(-1);
        var kept = Ops.WithinCapacity(experts.reshape(-1, topK), count, capacity, lots).reshape(all.shape);
        return kept.narrow(0, (rows?.Rank ?? 0) * batch, batch).narrow(1, first, length).reshape(-1, topK).MoveToOuterDisposeScope();
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
