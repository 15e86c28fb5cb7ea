using System.Diagnostics;

namespace Evo.Parallel;

/// <summary>The memory of one moment of a step.</summary>
/// <param name="Seconds">Since the step began.</param>
/// <param name="Alive">Bytes of all tensors.</param>
/// <param name="Gathered">Of those, whole blocks of sharded weights.</param>
public readonly record struct MemorySample(double Seconds, long Alive, long Gathered);

/// <summary>What one rank did at a time.</summary>
/// <param name="Name">A pass, with its chunk and micro-batch; or the update.</param>
/// <param name="Begin">Seconds since the step began.</param>
/// <param name="End">Likewise.</param>
public readonly record struct MemorySpan(string Name, double Begin, double End);

/// <summary>Memory over the time of one step.</summary>
/// <param name="Step">Its number.</param>
/// <param name="Counted">Bytes by kind, with the peak of the step.</param>
/// <param name="Predicted">The same by formulas.</param>
/// <param name="Samples">In order of time.</param>
/// <param name="Spans">In order of time.</param>
public sealed record MemoryTimeline(
    long Step, RankMemory Counted, RankMemory Predicted, IReadOnlyList<MemorySample> Samples, IReadOnlyList<MemorySpan> Spans)
{
    /// <summary>What is there at all times.</summary>
    public long Kept => Counted.Parameters + Counted.Gradients + Counted.OptimizerState + Counted.Master;
}

/// <summary>Looks at a rank's memory again and again while a step runs.</summary>
internal sealed class MemorySampler : IDisposable
{
    // A millisecond is short beside a pass, and looking costs some microseconds.
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(1);

    private readonly List<MemorySample> samples = [];
    private readonly Func<long> alive;
    private readonly Func<long> gathered;
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly ManualResetEventSlim ended = new();
    private readonly Thread thread;

    /// <param name="alive">Bytes of all tensors now.</param>
    /// <param name="gathered">Bytes of gathered weights now.</param>
    public MemorySampler(Func<long> alive, Func<long> gathered)
    {
        (this.alive, this.gathered) = (alive, gathered);
        thread = new(Look) { IsBackground = true, Name = "memory profile" };
        thread.Start();
    }

    /// <summary>Seconds since it began.</summary>
    public double Seconds => clock.Elapsed.TotalSeconds;

    /// <summary>Ends, and gives what was seen.</summary>
    public IReadOnlyList<MemorySample> Stop()
    {
        ended.Set();
        thread.Join();
        return samples;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Stop();
        ended.Dispose();
    }

    private void Look()
    {
        do
        {
            samples.Add(new(Seconds, alive(), gathered()));
        }
        while (!ended.Wait(Every));
        samples.Add(new(Seconds, alive(), gathered()));
    }
}
