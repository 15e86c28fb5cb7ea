using Evo.Core;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// Measures what the ranks of a pipeline do when, where that is asked for: in some steps after the first ones, of which the fastest is
/// told. The first steps make what later ones find made; of those that are alike, the fastest is the one that other work of the
/// machine disturbed least.
/// </summary>
/// <remarks>All ranks have one, and every pipeline measures itself; the first rank tells about its own.</remarks>
internal sealed class PipelineWatch(RankModel model, bool profiles)
{
    private const int WarmUp = 2;

    private long begun;
    private int wanted = profiles ? 5 : 0;
    private MeasuredPipeline? fastest;

    /// <summary>A step begins; gives whether its ranks set off together, to be measured.</summary>
    /// <param name="left">Steps that are left, this one included. A short run has at least its last one measured.</param>
    internal bool Begin(long left) => wanted > 0 && (begun++ >= WarmUp || left == 1);

    /// <summary>Such a step is done; all ranks of the pipeline come here together.</summary>
    internal void Measured(long step, PassFigures passes, int microBatches, Action<TrainEvent> tell)
    {
        using var scope = NewDisposeScope();
        var pipeline = model.Groups.Pipeline;
        var site = new Site(RuntimeSites.Times, false);
        double[] own = [.. passes.Times.SelectMany(t => (double[])[t.Begin, t.End])];
        var times = pipeline.AllGather(tensor(own, device: model.Options.Device), 0, site).cpu();
        var apart = pipeline.AllReduce(tensor((double[])[passes.Apart!.Value], device: model.Options.Device), ReduceOperation.Max, site).cpu();
        var schedule = model.Schedule;
        var shape = new PipelineShape(schedule.Kind, schedule.Stages, microBatches, schedule.Chunks);
        var measured = MeasuredPipeline.OfTimes(step, shape, apart.data<double>()[0], times.data<double>().ToArray());

        // While batches grow, the larger ones count.
        if (fastest is null || !fastest.Shape.Equals(shape) || measured.Makespan < fastest.Makespan)
        {
            fastest = measured;
        }

        wanted--;
        if (wanted == 0)
        {
            Tell(tell);
        }
    }

    /// <summary>Tells what was measured, once; at the end of a run what there is.</summary>
    internal void Tell(Action<TrainEvent> tell)
    {
        if (fastest is not null)
        {
            tell(new TrainEvent.PipelineMeasured(fastest));
            fastest = null;
        }
    }
}
