using Evo.Core;
using Evo.Parallel;
using Evo.Torch;

namespace Evo.Bench;

/// <summary>
/// How long the stages of a pipeline wait: measured in the passes of two ranks, one thread each, beside a simulation of the same
/// schedule whose stages take what they took on average in that step.
/// </summary>
internal static class PipelineBench
{
    private const int Stages = 2;
    private const int MicroBatches = 8;

    public static void Print(Options options)
    {
        Console.WriteLine($"{Stages} stages, {MicroBatches} micro-batches of 1 × {options.Sequence} tokens, Llama 8 × 512, float32, medians of {options.Repeats} steps");
        Console.WriteLine($"{"schedule",-14} {"measured",9} {"simulated",10} {"ratio",7}   bubble: the part of all ranks' time in which nothing is computed");
        foreach (var (mode, chunks) in (ReadOnlySpan<(PipelineMode, int)>)
        [
            (PipelineMode.OneForwardOneBackward, 1), (PipelineMode.OneForwardOneBackward, 2), (PipelineMode.ZeroBubbleH1, 1), (PipelineMode.ZeroBubbleV, 2),
        ])
        {
            var layout = BenchModel.Layout(1, Stages, mode, chunks, MicroBatches);
            var schedule = RankModel.ScheduleOf(layout);
            var ranks = LocalWorld.Results(Stages, rank => Steps(options, layout, rank), TimeSpan.FromMinutes(10), threads: 1);
            var found = Enumerable.Range(0, options.Repeats).Select(step => Bubbles(schedule, [.. ranks.Select(passes => passes[step])])).ToArray();
            Console.WriteLine(
                $"{layout.ScheduleName,-14} {BenchModel.Median(found.Select(f => f.Measured)),9:p1} {BenchModel.Median(found.Select(f => f.Simulated)),10:p1} "
                + $"{BenchModel.Median(found.Select(f => f.Measured / f.Simulated)),7:f3}");
        }
    }

    private static List<PassFigures> Steps(Options options, Core.Layout layout, LocalRank rank)
    {
        using var model = RankModel.Build(BenchModel.Llama, layout, new RankGroups(new Topology(layout.Degrees), rank), new RankModelOptions { DecayAll = true });
        model.Start(1);
        var passes = new List<PassFigures>();
        for (var step = 0; step <= options.Repeats; step++)
        {
            var rows = Enumerable.Range(0, MicroBatches).Select(row => BenchModel.Tokens(step, row, 1, options.Sequence, 8192)).ToArray();
            var figures = model.Gradients(rows, together: true);
            model.Update(BenchModel.Rates, step + 1, figures, clip: 1);
            if (step > 0)
                passes.Add(figures.Passes);
        }

        return passes;
    }

    private static (double Measured, double Simulated) Bubbles(Schedule schedule, PassFigures[] ranks)
    {
        double[] times = [.. ranks.SelectMany(rank => rank.Times).SelectMany(t => (double[])[t.Begin, t.End])];
        var step = MeasuredPipeline.OfTimes(1, schedule.Shape, ranks.Max(rank => rank.Apart!.Value), times);
        return (step.Bubble, step.Simulated.Bubble);
    }
}
