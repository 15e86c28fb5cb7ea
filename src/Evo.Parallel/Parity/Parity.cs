using Evo.Models;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// One step of a model on ranks of this process in float64, brought together so that it can be compared with the same step on
/// one device: the law of parity.
/// </summary>
public static class Parity
{
    /// <summary>The largest error that the law allows.</summary>
    public const double Tolerance = 1e-10;

    /// <summary>What the routers' losses are multiplied by beside the cross entropy.</summary>
    private const double RouterCoefficient = 0.01;

    /// <summary>Runs a step.</summary>
    /// <param name="spec">The model; small.</param>
    /// <param name="layout">How it is spread.</param>
    /// <param name="batch">Its tokens; its rows are dealt out to the data replicas.</param>
    /// <param name="around">Decorates each group of a rank, given the rank's other groups.</param>
    /// <param name="timeLimit">The longest wait of a rank.</param>
    public static ParityFigures Step(
        CausalLM spec, ParityLayout layout, ParityBatch batch, Func<ProcessGroup, IReadOnlyList<ProcessGroup>, ProcessGroup>? around = null, TimeSpan? timeLimit = null)
    {
        if (batch.Rows % layout.Data != 0)
        {
            throw new ArgumentException($"{batch.Rows} rows do not go to {layout.Data} replicas", nameof(batch));
        }

        var ranks = LocalWorld.Results(layout.World, rank => Run(spec, layout, batch, rank, around), timeLimit, threads: 1);
        return Join(ranks, layout);
    }

    private sealed record RankFigures(double Loss, double[] Auxiliary, double[] Logits, IReadOnlyList<ShareOfGradient> Gradients);

    private static RankFigures Run(
        CausalLM spec, ParityLayout layout, ParityBatch batch, LocalRank rank, Func<ProcessGroup, IReadOnlyList<ProcessGroup>, ProcessGroup>? around)
    {
        var (groups, data, weightData, expertData) = layout.Groups(spec, rank);
        if (around is not null)
        {
            ProcessGroup[] all = [groups.Tensor, groups.Weight, data, weightData, groups.Expert, expertData];
            groups = groups with { Tensor = around(groups.Tensor, all), Weight = around(groups.Weight, all), Data = around(data, all), Expert = around(groups.Expert, all) };
        }

        using var model = spec.Build(new BuildOptions { Dtype = float64, InitSeed = ParityStart.Seed, Ranks = groups, RecomputeFraction = layout.Recompute });
        ParityStart.Nudge(model);
        model.train();
        var rows = batch.Rows / layout.Data;
        var (ids, labels, places) = batch.Tensors(data.Rank * rows, rows, ParityStart.Random);
        using var at = places;
        var (sum, _, _, _, auxiliary) = model.LossWithRouters(ids, labels, at);
        var loss = sum / (double)batch.Targets;
        var total = auxiliary is null ? loss : loss + ((auxiliary.Balance + auxiliary.Z) * RouterCoefficient);
        total.backward();

        // The logits by themselves, with a backward pass of their own into the same gradients.
        var scores = model.Logits(model.Hidden(ids, at));
        ((scores * Probe(scores, data.Rank * rows)).sum() / (double)batch.Targets).backward();
        var logits = scores.detach().contiguous().data<double>().ToArray();
        GradientSum.Run(model, data, weightData, expertData);

        var gradients = model.Table.Select(p => ShareOfGradient.Of(p, groups)).ToList();
        return new(data.AllReduce(loss.detach(), ReduceOperation.Sum, new(-1, false)).item<double>(),
            auxiliary is null ? [] : [auxiliary.Balance.item<double>(), auxiliary.Z.item<double>()], logits, gradients);
    }

    // What each logit's gradient is: some function of its place in the whole batch.
    private static Tensor Probe(Tensor logits_BTV, int firstRow)
    {
        var places = arange(logits_BTV.numel(), dtype: float64) + (double)(firstRow * logits_BTV.shape[1] * logits_BTV.shape[2]);
        return (places * 0.7).cos().view(logits_BTV.shape) * 0.1;
    }

    private static ParityFigures Join(RankFigures[] ranks, ParityLayout layout)
    {
        var unequal = new List<string>();
        void Same(string quantity, IEnumerable<double[]> copies)
        {
            var first = copies.First();
            if (copies.Any(c => !c.AsSpan().SequenceEqual(first)))
            {
                unequal.Add(quantity);
            }
        }

        Same("loss", ranks.Select(r => new[] { r.Loss }));
        var replicas = ranks.Chunk(layout.Tensor).ToArray();
        foreach (var replica in replicas)
        {
            Same("logits", replica.Select(r => r.Logits));
            Same("auxiliary loss", replica.Select(r => r.Auxiliary));
        }

        var gradients = new Dictionary<string, double[]>();
        for (var p = 0; p < ranks[0].Gradients.Count; p++)
        {
            var copies = ranks.Select(r => r.Gradients[p]).ToArray();
            var name = copies[0].Info.Name;

            // Every place of the cuts is held by several ranks where there are replicas of it.
            var shares = copies.GroupBy(c => c.Place).OrderBy(g => g.Key).ToArray();
            foreach (var share in shares)
            {
                Same("gradient of " + name, share.Select(c => c.Gradient));
            }

            gradients[name] = ShareOfGradient.Whole([.. shares.Select(s => s.First())]);
        }

        return new(ranks[0].Loss, ranks[0].Auxiliary, [.. replicas.SelectMany(r => r[0].Logits)], gradients, unequal.Distinct().ToList());
    }
}
