using System.Text.Json;
using Evo.Torch;

namespace Evo.Parallel;

/// <summary>A sign of life: that a rank is there, where it is, and how far.</summary>
/// <param name="Number">Grows by one at each.</param>
/// <param name="Step">The step of the run; null before the first.</param>
/// <param name="Place">"in all-reduce …" or "after …".</param>
/// <param name="Begun">How many calls of each series it has begun; see <see cref="FlightRecord.SeriesOf"/>.</param>
/// <param name="Left">It has done its part, and gives no more signs.</param>
/// <param name="Host">The address of its host; null where none was said.</param>
internal sealed record Heartbeat(
    long Number, long? Step, string Place, IReadOnlyDictionary<string, long> Begun, bool Left, string? Host)
{
    /// <summary>"at step 7, in all-reduce …".</summary>
    public string Where => RankFault.Where(Step, Place);
}

/// <summary>What ended the run.</summary>
/// <param name="Rank">The global rank that is to blame; null where it is not one alone.</param>
/// <param name="Text">One sentence without its full stop.</param>
internal sealed record RankFault(int? Rank, string Text)
{
    public static string Where(long? step, string place) => step is { } s ? $"at step {s}, {place}" : $"before its first step, {place}";
}

/// <summary>What the ranks of a run, and those that started them, tell one another through the store.</summary>
internal sealed class FaultBoard(C10dStore store)
{
    private readonly C10dStore store = store.Under("watch");

    /// <summary>Where the store is.</summary>
    public string Place => store.Place;

    public void Beat(int rank, Heartbeat beat) => store.Set($"beat/{rank}", JsonSerializer.Serialize(beat));

    /// <summary>The last sign of life; null: there was none.</summary>
    public Heartbeat? BeatOf(int rank) => store.Find($"beat/{rank}") is { } text ? JsonSerializer.Deserialize<Heartbeat>(text) : null;

    /// <summary>The fault that was written first; null: none.</summary>
    public RankFault? Fault() => store.Find("fault") is { } text ? JsonSerializer.Deserialize<RankFault>(text) : null;

    /// <summary>Writes a fault, where none is written.</summary>
    public void Claim(RankFault fault)
    {
        if (store.Add("claims", 1) == 1)
        {
            store.Set("fault", JsonSerializer.Serialize(fault));
        }
    }

    /// <summary>A rank has left; says how many have.</summary>
    public long Leave() => store.Add("left", 1);

    /// <summary>How many ranks have left.</summary>
    public long Gone() => store.Add("left", 0);
}
