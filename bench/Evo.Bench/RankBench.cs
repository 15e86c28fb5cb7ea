using System.Diagnostics;
using Evo.Core;
using Evo.Models;
using Evo.Parallel;
using Evo.Torch;

namespace Evo.Bench;

/// <summary>
/// One data-parallel step of two ranks that are threads, with one thread each, beside the same step of one rank with two threads
/// that takes the rows of both as two micro-batches. They take turns in one run.
/// </summary>
internal static class RankBench
{
    private const int Ranks = 2;

    public static void Print(Options options)
    {
        var times = LocalWorld.Results(Ranks, rank => Measure(options, rank), TimeSpan.FromMinutes(10), threads: 1)[0];
        var tokens = (double)Ranks * options.Batch * options.Sequence;
        Console.WriteLine($"one step of {Ranks} × {options.Batch} × {options.Sequence} tokens, Llama 8 × 512, float32, medians of {options.Repeats} turns");
        Console.WriteLine($"  one rank, {Ranks} threads      {tokens / BenchModel.Median(times.Select(t => t.Alone)),8:f0} tokens/s");
        Console.WriteLine($"  {Ranks} ranks, a thread each   {tokens / BenchModel.Median(times.Select(t => t.Together)),8:f0} tokens/s");
        Console.WriteLine($"  ratio                    {BenchModel.Median(times.Select(t => t.Alone / t.Together)),8:f3}");
        Console.WriteLine(
            $"  of the ranks' step: passes {100 * BenchModel.Median(times.Select(t => t.Passes / t.Together)):f0} %, rest of the reduction and norm "
            + $"{100 * BenchModel.Median(times.Select(t => t.Reduction / t.Together)):f0} %, update {100 * BenchModel.Median(times.Select(t => t.Update / t.Together)):f0} %");
    }

    private static List<(double Alone, double Together, double Passes, double Reduction, double Update)> Measure(Options options, LocalRank rank)
    {
        var layout = BenchModel.Layout(Ranks);
        var spec = BenchModel.Llama;
        var made = new RankModelOptions { DecayAll = true };
        using var model = RankModel.Build(spec, layout, new RankGroups(new Topology(layout.Degrees), rank), made);
        model.Start(1);
        using var alone = rank.Rank == 0 ? RankModel.OnOneRank(spec, made) : null;
        alone?.Start(1);
        MicroBatch Rows(int turn, int of) => BenchModel.Tokens(turn, of * options.Batch, options.Batch, options.Sequence, spec.Size.VocabSize);

        var times = new List<(double, double, double, double, double)>();
        for (var turn = 0; turn <= options.Repeats; turn++)
        {
            var own = Rows(turn, rank.Rank);
            model.Together();
            var (loss, together, figures, update) = Step(model, [own], turn);
            model.Together();
            if (alone is not null)
            {
                Threads.SetOwn(Ranks);
                var (same, seconds, _, _) = Step(alone, [own, Rows(turn, 1)], turn);
                Threads.SetOwn(1);
                if (Math.Abs(loss - same) > 1e-4 * Math.Abs(same))
                    throw new InvalidOperationException($"not the same training: the ranks' loss is {loss}, that of one {same}");
                if (turn > 0)
                    times.Add((seconds, together, figures.Passes.Seconds, figures.ReduceSeconds, update));
            }
        }

        model.Together();
        return times;
    }

    private static (double Loss, double Seconds, GradientFigures Figures, double Update) Step(RankModel model, IReadOnlyList<MicroBatch> rows, int turn)
    {
        var started = Stopwatch.GetTimestamp();
        var figures = model.Gradients(rows);
        var found = Stopwatch.GetTimestamp();
        model.Update(BenchModel.Rates, turn + 1, figures, clip: 1);
        return (figures.Loss, Stopwatch.GetElapsedTime(started).TotalSeconds, figures, Stopwatch.GetElapsedTime(found).TotalSeconds);
    }
}
