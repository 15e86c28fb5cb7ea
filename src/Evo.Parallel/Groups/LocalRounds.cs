namespace Evo.Parallel;

/// <summary>
/// The collectives of one group that were begun and not yet taken by all. A rank may be several ahead of another: the n-th that
/// each begins is one round.
/// </summary>
internal sealed class LocalRounds(string key, IReadOnlyList<int> members) : IDisposable
{
    private readonly Dictionary<long, LocalMeeting> open = [];
    private readonly HashSet<LocalMeeting> complete = [];
    private readonly long[] begun = new long[members.Count];

    /// <summary>The round that a member begins now.</summary>
    public LocalMeeting Next(int place)
    {
        var number = begun[place]++;
        var round = open.TryGetValue(number, out var found) ? found : open[number] = new(key, members);
        if (begun.Min() > number)
        {
            // All have begun it: it is theirs who wait for it.
            open.Remove(number);
            complete.Add(round);
        }

        return round;
    }

    /// <summary>A member has its result.</summary>
    public void Taken(LocalMeeting round)
    {
        if (round.Arrived == 0 && round.Results.All(result => result is null))
        {
            complete.Remove(round);
        }
    }

    public void Dispose()
    {
        foreach (var round in open.Values.Concat(complete))
        {
            round.Dispose();
        }
    }
}
