using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace Evo.Parallel;

/// <summary>
/// Reads the global batches of coming steps on a thread of its own, a few ahead. A batch is a pure function of its step, so
/// nothing of what was read ahead has to be saved with a checkpoint.
/// </summary>
public sealed class BatchSource : IDisposable
{
    private readonly BlockingCollection<(long Step, IReadOnlyList<MicroBatch>? Batch, ExceptionDispatchInfo? Error)> ahead;
    private readonly CancellationTokenSource stop = new();
    private readonly Thread reader;

    /// <param name="read">The micro-batches of a step; called on the reading thread only, in rising order of steps.</param>
    /// <param name="steps">The steps to read, rising.</param>
    /// <param name="depth">Batches held ready at most.</param>
    public BatchSource(Func<long, IReadOnlyList<MicroBatch>> read, IEnumerable<long> steps, int depth = 2)
    {
        ahead = new(depth);
        reader = new Thread(() => Read(read, steps)) { IsBackground = true, Name = "evo data" };
        reader.Start();
    }

    /// <summary>The batch of the next step, and the seconds that were spent waiting for it.</summary>
    /// <exception cref="InvalidOperationException">No steps are left, or another one was due than <paramref name="step"/>.</exception>
    public (IReadOnlyList<MicroBatch> Batch, double WaitSeconds) Take(long step)
    {
        var clock = Stopwatch.GetTimestamp();
        if (!ahead.TryTake(out var next, Timeout.Infinite))
        {
            throw new InvalidOperationException($"no batch is left for step {step}");
        }

        next.Error?.Throw();
        return next.Step == step
            ? (next.Batch!, Stopwatch.GetElapsedTime(clock).TotalSeconds)
            : throw new InvalidOperationException($"the batch of step {next.Step} was due, not that of step {step}");
    }

    /// <summary>Ends the reading thread.</summary>
    public void Dispose()
    {
        stop.Cancel();
        reader.Join();
        ahead.Dispose();
        stop.Dispose();
    }

    private void Read(Func<long, IReadOnlyList<MicroBatch>> read, IEnumerable<long> steps)
    {
        long current = 0;
        try
        {
            foreach (var step in steps)
            {
                current = step;
                ahead.Add((step, read(step), null), stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
        }
        catch (Exception error)
        {
            // The error belongs to the step that needed the batch: it is thrown there, with its first stack.
            ahead.TryAdd((current, null, ExceptionDispatchInfo.Capture(error)), Timeout.Infinite, CancellationToken.None);
        }
        finally
        {
            ahead.CompleteAdding();
        }
    }
}
