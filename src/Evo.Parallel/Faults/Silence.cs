using System.Diagnostics;

namespace Evo.Parallel;

/// <summary>
/// How long each rank has given no new sign of life, by the clock of who listens. Time in which the listener itself did not run is
/// not silence of others.
/// </summary>
internal sealed class Silence(TimeSpan limit)
{
    private static readonly TimeSpan Gap = TimeSpan.FromSeconds(2);
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly Dictionary<int, (long Number, TimeSpan At)> last = [];
    private TimeSpan looked;

    public void Heard(int rank, Heartbeat beat)
    {
        if (beat.Left)
        {
            last.Remove(rank);
        }
        else if (!last.TryGetValue(rank, out var known) || known.Number != beat.Number)
        {
            last[rank] = (beat.Number, clock.Elapsed);
        }
    }

    /// <summary>The ranks that are silent for longer than the limit; with the first come those that are nearly so.</summary>
    public IReadOnlyList<int> Silent()
    {
        var now = clock.Elapsed;
        if (now - looked > Gap)
        {
            foreach (var rank in last.Keys.ToArray())
            {
                last[rank] = (last[rank].Number, now);
            }
        }

        looked = now;
        return last.Values.Any(sign => now - sign.At > limit)
            ? [.. last.Where(pair => now - pair.Value.At > limit - TimeSpan.FromSeconds(1.5)).Select(pair => pair.Key).Order()]
            : [];
    }
}
