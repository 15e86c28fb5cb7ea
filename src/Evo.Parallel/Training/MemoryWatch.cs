using System.Diagnostics;
using TorchSharp;

namespace Evo.Parallel;

/// <summary>Measures the memory of a rank's steps: the peak of each, all kinds of the first, and one over its time where that is asked for.</summary>
/// <param name="model">The rank's model.</param>
/// <param name="rows">Rows of a micro-batch.</param>
/// <param name="length">Tokens of a row.</param>
/// <param name="profiles">Whether one step is looked at over its time.</param>
internal sealed class MemoryWatch(RankModel model, int rows, int length, bool profiles)
{
    private int begun;
    private bool told;
    private bool profiled = !profiles;

    private torch.Device Device => model.Optimizer.Device;

    /// <summary>A step begins.</summary>
    /// <param name="total">Steps that are left, this one included.</param>
    internal Watched Begin(long total)
    {
        RankMemory.ResetPeak(Device);

        // The first step makes what later ones find made, so that the second is looked at where there is one.
        var looks = !profiled && (begun > 0 || total == 1);
        begun++;
        return new(this, looks ? new(() => RankMemory.Alive(Device), () => model.Optimizer.GatheredBytes) : null);
    }

    private (RankMemory Counted, RankMemory Predicted) Look(long peak) =>
        (RankMemory.Counted(model, peak), RankMemory.Predicted(model, rows, length));

    private TrainEvent.MemoryMeasured Measured(long step, RankMemory counted, RankMemory predicted) =>
        new(step, counted, counted.Largest(model), predicted, model.Groups.Everyone.Size);

    /// <summary>One step that is measured.</summary>
    internal sealed class Watched(MemoryWatch watch, MemorySampler? sampler) : IDisposable
    {
        /// <summary>The most bytes of tensors that were alive at one time so far.</summary>
        internal long Peak => RankMemory.Peak(watch.Device);

        /// <summary>The step is done: tells what was not told before. All ranks come here together.</summary>
        internal void Tell(long step, GradientFigures figures, long turned, Action<TrainEvent> tell)
        {
            if (watch.told && sampler is null)
            {
                return;
            }

            var (counted, predicted) = watch.Look(Peak);
            if (sampler is not null)
            {
                var spans = Spans(figures, sampler.Seconds - Stopwatch.GetElapsedTime(turned).TotalSeconds, sampler.Seconds);
                tell(new TrainEvent.MemoryProfiled(new(step, counted, predicted, sampler.Stop(), spans)));
                watch.profiled = true;
            }

            if (!watch.told)
            {
                watch.told = true;
                tell(watch.Measured(step, counted, predicted));
            }
        }

        /// <inheritdoc/>
        public void Dispose() => sampler?.Dispose();

        // The passes ended where the reduction of gradients began, and that ended where the update began.
        private static List<MemorySpan> Spans(GradientFigures figures, double update, double end)
        {
            var began = update - figures.ReduceSeconds - figures.Passes.Seconds;
            return
            [
                .. figures.Passes.Times.Select(t => new MemorySpan(t.Step.ToString(), began + t.Begin, began + t.End)),
                new("reduction of gradients", update - figures.ReduceSeconds, update),
                new("update", update, end),
            ];
        }
    }
}
