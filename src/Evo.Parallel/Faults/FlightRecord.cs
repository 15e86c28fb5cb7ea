using System.Text.Encodings.Web;
using System.Text.Json;

namespace Evo.Parallel;

/// <summary>
/// The last collectives of a rank: what it was doing when the run failed. Small and always on; written to a file only on a fault.
/// </summary>
public sealed class FlightRecord
{
    /// <summary>How many calls are kept.</summary>
    public const int Kept = 100;

    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        // The brackets and quotes of messages as they are.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly Lock gate = new();
    private readonly Queue<FlightEntry> last = [];
    private readonly Dictionary<string, long> begun = new(StringComparer.Ordinal);
    private long count;
    private long? step;

    /// <summary>The step of the run; null before the first.</summary>
    public long? Step
    {
        get
        {
            lock (gate)
            {
                return step;
            }
        }

        set
        {
            lock (gate)
            {
                step = value;
            }
        }
    }

    /// <summary>Told of every call that ends, where that is asked for: what it was, and the timestamps of <see cref="System.Diagnostics.Stopwatch"/> between which the rank waited for it.</summary>
    public Action<string, long, long>? Waited { get; set; }

    /// <summary>Where the rank is, in words: "in all-reduce …", "after all-reduce …".</summary>
    public string Place
    {
        get
        {
            lock (gate)
            {
                return last.LastOrDefault(entry => entry.State == FlightState.Waiting) is { } now ? $"in {now.Call}"
                    : last.LastOrDefault() is { } then ? $"after {then.Call}"
                    : "before its first collective";
            }
        }
    }

    /// <summary>How many calls of each series were begun.</summary>
    public IReadOnlyDictionary<string, long> Begun
    {
        get
        {
            lock (gate)
            {
                return new Dictionary<string, long>(begun);
            }
        }
    }

    /// <summary>How a group is called here: "data [0, 1]".</summary>
    public static string NameOf(Evo.Torch.ProcessGroup group) => $"{group.Axis} [{string.Join(", ", group.Ranks)}]";

    /// <summary>
    /// What calls are counted by, so that the n-th is the same on all its ranks: collectives by group, messages by sender and receiver.
    /// </summary>
    public static string SeriesOf(Evo.Torch.ProcessGroup group, GroupCall call) => call.Operation switch
    {
        GroupOperation.Send => $"{NameOf(group)}, {group.Ranks[group.Rank]} to {group.Ranks[call.Peer!.Value]}",
        GroupOperation.Receive => $"{NameOf(group)}, {group.Ranks[call.Peer!.Value]} to {group.Ranks[group.Rank]}",
        _ => NameOf(group),
    };

    /// <summary>A call begins.</summary>
    /// <param name="call">What is called.</param>
    /// <param name="series">See <see cref="SeriesOf"/>.</param>
    public FlightEntry Begin(GroupCall call, string series)
    {
        lock (gate)
        {
            var entry = new FlightEntry(++count, call, series, begun[series] = begun.GetValueOrDefault(series) + 1, step, DateTimeOffset.UtcNow);
            if (last.Count == Kept)
            {
                last.Dequeue();
            }

            last.Enqueue(entry);
            return entry;
        }
    }

    /// <summary>Calls that are told as a whole, without a word of each, are counted.</summary>
    /// <param name="calls">How many of each series.</param>
    public void Repeat(IReadOnlyDictionary<string, long> calls)
    {
        lock (gate)
        {
            foreach (var (series, times) in calls)
            {
                begun[series] = begun.GetValueOrDefault(series) + times;
            }
        }
    }

    /// <summary>What was begun between two looks at <see cref="Begun"/>, of each series; nothing where nobody looked.</summary>
    public static IReadOnlyDictionary<string, long> Since(IReadOnlyDictionary<string, long>? before, IReadOnlyDictionary<string, long>? after) =>
        (after ?? new Dictionary<string, long>()).ToDictionary(
            pair => pair.Key, pair => pair.Value - (before?.GetValueOrDefault(pair.Key) ?? 0), StringComparer.Ordinal);

    /// <summary>A call ends.</summary>
    public void End(FlightEntry entry, bool failed)
    {
        lock (gate)
        {
            (entry.Ended, entry.State) = (DateTimeOffset.UtcNow, failed ? FlightState.Failed : FlightState.Done);
        }
    }

    /// <summary>Which of its series this call is, of those that are under way; null: none.</summary>
    internal long? NumberOf(string series, GroupCall call)
    {
        var words = call.ToString();
        lock (gate)
        {
            return last.FirstOrDefault(e => e.State == FlightState.Waiting && e.Series == series && e.Call.ToString() == words)?.NumberInSeries;
        }
    }

    /// <summary>Writes rank-N.json into a folder.</summary>
    /// <returns>The file.</returns>
    public string Write(string folder, int rank, string fault)
    {
        object page;
        lock (gate)
        {
            page = new
            {
                rank,
                step,
                fault,
                written = DateTimeOffset.UtcNow,
                calls = last.Select(entry => new
                {
                    entry.Number,
                    entry.Series,
                    entry.NumberInSeries,
                    operation = entry.Call.Operation.ToString(),
                    site = entry.Call.Site.Number,
                    direction = entry.Call.Site.Backward ? "backward" : "forward",
                    shape = entry.Call.Shape,
                    dtype = entry.Call.Dtype?.ToString(),
                    entry.Step,
                    entry.Started,
                    entry.Ended,
                    state = entry.State.ToString(),
                }).ToArray(),
            };
        }

        Directory.CreateDirectory(folder);
        var file = Path.Combine(folder, $"rank-{rank}.json");
        File.WriteAllText(file, JsonSerializer.Serialize(page, Indented) + "\n");
        return file;
    }
}

/// <summary>How a call stands.</summary>
public enum FlightState
{
    /// <summary>It was begun.</summary>
    Waiting,

    /// <summary>It has its result.</summary>
    Done,

    /// <summary>It ended with an exception.</summary>
    Failed,
}

/// <summary>One call of a rank.</summary>
/// <param name="number">Among all calls of the rank, from 1.</param>
/// <param name="call">What was called.</param>
/// <param name="series">The group's name; for a message who sends and who receives, too.</param>
/// <param name="numberInSeries">Among the rank's calls of this series, from 1: the same on all its ranks.</param>
/// <param name="step">The step of the run.</param>
/// <param name="started">When.</param>
public sealed class FlightEntry(long number, GroupCall call, string series, long numberInSeries, long? step, DateTimeOffset started)
{
    /// <summary>Among all calls of the rank, from 1.</summary>
    public long Number => number;

    /// <summary>What was called.</summary>
    public GroupCall Call => call;

    /// <summary>The group's name; for a message who sends and who receives, too.</summary>
    public string Series => series;

    /// <summary>Among the rank's calls of this series, from 1.</summary>
    public long NumberInSeries => numberInSeries;

    /// <summary>The step of the run; null before the first.</summary>
    public long? Step => step;

    /// <summary>When it began.</summary>
    public DateTimeOffset Started => started;

    /// <summary>When it ended; null: it has not.</summary>
    public DateTimeOffset? Ended { get; internal set; }

    /// <summary>How it stands.</summary>
    public FlightState State { get; internal set; }
}
