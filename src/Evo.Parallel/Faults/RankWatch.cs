using System.Collections.Concurrent;
using System.Diagnostics;
using Evo.Torch;

namespace Evo.Parallel;

/// <summary>
/// The watch of one rank. A thread gives signs of life through the store, looks for those of others, and for a fault that somebody
/// wrote; a second one minds that the first gets answers. Nothing that the rank itself does can stop them: only the end, or the
/// suspension, of its process.
/// </summary>
internal sealed class RankWatch : RankFaults, IDisposable
{
    private const int Neighbours = 8;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(10);
    private readonly int rank;
    private readonly int size;
    private readonly FlightRecord record;
    private readonly C10dOptions options;
    private readonly ConcurrentDictionary<int, Heartbeat> seen = new();
    private readonly ConcurrentDictionary<int, bool> wanted = new();
    private readonly BlockingCollection<RankFault> claims = [];
    private readonly ManualResetEventSlim known = new();
    private readonly ManualResetEventSlim written = new();
    private readonly ManualResetEventSlim stop = new();
    private readonly AutoResetEvent news = new(false);
    private readonly Lock gate = new();
    private readonly Stopwatch uptime = Stopwatch.StartNew();
    private readonly Thread signs;
    private readonly string place;
    private long contact;
    private long beats;
    private RankFault? fault;
    private string? folder;
    private string unwritten = "";
    private bool stopped;

    /// <param name="rank">The rank that is watched over.</param>
    /// <param name="size">Ranks in the world.</param>
    /// <param name="store">A connection of its own.</param>
    /// <param name="record">What the rank does.</param>
    /// <param name="options">The limits.</param>
    public RankWatch(int rank, int size, C10dStore store, FlightRecord record, C10dOptions options)
    {
        (this.rank, this.size, this.record, this.options) = (rank, size, record, options);
        place = store.Place;
        signs = new Thread(() => Signs(store)) { IsBackground = true, Name = $"signs of rank {rank}" };
        signs.Start();
        new Thread(Mind) { IsBackground = true, Name = $"watch of rank {rank}" }.Start();
    }

    /// <summary>Where the flight record goes.</summary>
    public string? Folder
    {
        get => Volatile.Read(ref folder);
        set => Volatile.Write(ref folder, value);
    }

    /// <summary>Whether the run has failed.</summary>
    public bool HasFault => known.IsSet;

    public override RankFaultException? Known(GroupCall call) => known.IsSet ? Ending($"in {call}") : null;

    public override RankFaultException Lost(ProcessGroup group, GroupCall call, Exception failure)
    {
        // The rank that died is known soon: by who started it, or by its silence. One that left has said so.
        var clock = Stopwatch.StartNew();
        while (!known.Wait(Tick) && clock.Elapsed < options.Silence + TimeSpan.FromSeconds(3))
        {
            if (Overdue(group, call) is { } left)
            {
                return left;
            }
        }

        Claim(new(
            null,
            $"rank {rank} lost its connection to the others {RankFault.Where(record.Step, $"in {call}")}, and none is known to be gone: {failure.Message}"));
        return Ending($"in {call}");
    }

    public override RankFaultException Late(ProcessGroup group, GroupCall call, TimeSpan limit)
    {
        Want(group);
        known.Wait(TimeSpan.FromSeconds(1.5));
        var missing = Missing(group, call);
        var waited = $"the others have waited for {limit.TotalSeconds:0.#} s {RankFault.Where(record.Step, $"in {call}")}";
        Claim(missing.Count == 0
            ? new(null, $"all ranks of {FlightRecord.NameOf(group)} have come, and nothing moves between them: {waited}")
            : new(
                missing.Count == 1 ? missing[0] : null,
                $"{Named(missing)} {(missing.Count == 1 ? "hangs" : "hang")}: {waited}; {string.Join("; ", missing.Select(WhereIs))}"));
        return Ending($"in {call}");
    }

    public override RankFaultException? Overdue(ProcessGroup group, GroupCall call)
    {
        Want(group);
        var gone = Missing(group, call).Where(member => seen.TryGetValue(member, out var beat) && beat.Left).ToList();
        if (gone.Count == 0)
        {
            return null;
        }

        Claim(new(gone.Count == 1 ? gone[0] : null, $"{Named(gone)} left while rank {rank} waits {RankFault.Where(record.Step, $"in {call}")}"));
        return Ending($"in {call}");
    }

    /// <summary>A step begins, which the others should know if this rank dies in it.</summary>
    public void AtStep(long step)
    {
        record.Step = step;
        news.Set();
    }

    /// <summary>This rank cannot go on.</summary>
    public void Failed(Exception exception)
    {
        Claim(exception is RankFaultException told
            ? new(told.Rank, told.Message)
            : new(rank, $"rank {rank} failed {RankFault.Where(record.Step, record.Place)}: {exception.GetType().Name}: {OneLine(exception.Message)}"));
    }

    /// <summary>The exception of this rank, at a place, for the fault that is known.</summary>
    public RankFaultException Ending(string where)
    {
        var found = fault ?? throw new UnreachableException("a rank ends without a fault");
        // Its own fault says where it was.
        return new(
            (found.Rank == rank ? found.Text : $"{found.Text}; rank {rank} ends {RankFault.Where(record.Step, where)}") + unwritten, found.Rank);
    }

    /// <summary>The last sign: this rank has done its part.</summary>
    public void Dispose()
    {
        stop.Set();
        news.Set();
        if (known.IsSet)
        {
            // The process may end now. A disk that does not answer is not waited for.
            written.Wait(TimeSpan.FromSeconds(2));
        }
        else
        {
            signs.Join(TimeSpan.FromSeconds(2));
        }

        stopped = true;
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");

    private static string Named(IReadOnlyList<int> ranks) => ranks.Count == 1 ? $"rank {ranks[0]}" : $"ranks {string.Join(", ", ranks)}";

    private string WhereIs(int other) => seen.TryGetValue(other, out var beat)
        ? $"rank {other} is {beat.Where}"
        : $"rank {other} has not come";

    private string LastSeen(IEnumerable<int> others) => string.Join("; ", others.Select(other => $"rank {other} was last seen {seen[other].Where}"));

    private RankFault StoreLost(string why) => options.StoreRank is { } server
        ? new(
            server,
            $"rank {server}, which serves the store of the run at {place}, was killed or has ended, or its host is gone ({why})"
            + (seen.ContainsKey(server) ? $": {LastSeen([server])}" : ""))
        : new(null, $"rank {rank} lost the store of the run at {place}: the process that serves it, or its host, is gone ({why})");

    // On other hosts, as far as this rank has looked: none where the store is on this host, and its process gone.
    private string OutOfReach()
    {
        var others = seen.Where(pair => !pair.Value.Left && (pair.Value.Host != options.Address || pair.Key == options.StoreRank)).Select(pair => pair.Key).Order().ToList();
        return others.Count == 0 ? "" : $", and with it {Named(others)}: {LastSeen(others)}";
    }

    // Whose part in the call in which this rank waits has not begun.
    private List<int> Missing(ProcessGroup group, GroupCall call)
    {
        var series = FlightRecord.SeriesOf(group, call);
        IEnumerable<int> awaited = call.Operation == GroupOperation.Receive ? [group.Ranks[call.Peer!.Value]] : group.Ranks;
        return record.NumberOf(series, call) is not { } number
            ? []
            : [.. awaited.Where(member => member != rank
                && (!seen.TryGetValue(member, out var beat) || beat.Begun.GetValueOrDefault(series) < number))];
    }

    private void Want(ProcessGroup group)
    {
        foreach (var member in group.Ranks)
        {
            wanted[member] = true;
        }
    }

    // The first thread writes it; where that has no answer, the fault is known here at least.
    private void Claim(RankFault found)
    {
        if (known.IsSet)
        {
            return;
        }

        claims.Add(found);
        news.Set();
        if (!known.Wait(TimeSpan.FromSeconds(3)))
        {
            Set(found);
        }
    }

    private void Set(RankFault found)
    {
        lock (gate)
        {
            if (fault is not null)
            {
                return;
            }

            fault = found;
            known.Set();
        }

        if (Folder is { } where)
        {
            try
            {
                record.Write(where, rank, found.Text);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                unwritten = $"; its last collectives could not be written: {OneLine(error.Message)}";
            }
        }

        written.Set();
        Raise();
    }

    private void Signs(C10dStore store)
    {
        var board = new FaultBoard(store);
        var silence = new Silence(options.Silence);
        var looked = TimeSpan.Zero;
        try
        {
            while (true)
            {
                var last = stop.IsSet;
                Beat(board, last);
                if (last)
                {
                    board.Leave();
                    return;
                }

                if (claims.TryTake(out var claim))
                {
                    board.Claim(claim);
                }

                if (board.Fault() is { } found)
                {
                    Set(found);
                }

                if (uptime.Elapsed - looked > 2 * Tick)
                {
                    looked = uptime.Elapsed;
                    Look(board, silence);
                }

                Interlocked.Exchange(ref contact, uptime.ElapsedMilliseconds);
                // Short steps do not make a sign each.
                stop.Wait(Breath);
                news.WaitOne(Tick);
            }
        }
        catch (TorchException error)
        {
            if (!stop.IsSet)
            {
                Set(StoreLost(OneLine(error.NativeText)));
            }
        }
        finally
        {
            store.Dispose();
        }
    }

    private void Beat(FaultBoard board, bool last) =>
        board.Beat(rank, new(++beats, record.Step, record.Place, record.Begun, last && !known.IsSet, options.Address));

    private void Look(FaultBoard board, Silence silence)
    {
        var watched = Enumerable.Range(1, Math.Min(Neighbours, size - 1)).Select(k => (rank + k) % size).Append(0).Concat(wanted.Keys);
        foreach (var other in watched.Distinct().Where(other => other != rank))
        {
            if (board.BeatOf(other) is { } beat)
            {
                seen[other] = beat;
                silence.Heard(other, beat);
            }
        }

        if (silence.Silent() is { Count: > 0 } silent && !known.IsSet)
        {
            Set(claimed: new(
                silent.Count == 1 ? silent[0] : null,
                $"{Named(silent)} gave no sign of life for {options.Silence.TotalSeconds:0.#} s (killed, suspended, or cut off): "
                + LastSeen(silent)),
                board);
        }
    }

    private void Set(RankFault claimed, FaultBoard board)
    {
        board.Claim(claimed);
        Set(board.Fault() ?? claimed);
    }

    // Minds that the store answers, and that this process ends when the run has failed.
    private void Mind()
    {
        var previous = uptime.Elapsed;
        TimeSpan? since = null;
        while (!stopped)
        {
            Thread.Sleep(Tick);
            var now = uptime.Elapsed;
            if (now - previous > TimeSpan.FromSeconds(2))
            {
                // This process was suspended itself: the others' silence began for it just now.
                Interlocked.Exchange(ref contact, uptime.ElapsedMilliseconds);
            }

            previous = now;
            var quiet = now - TimeSpan.FromMilliseconds(Interlocked.Read(ref contact));
            if (!known.IsSet && !stop.IsSet && quiet > options.Silence)
            {
                Set(new(
                    null,
                    $"rank {rank} has had no answer for {quiet.TotalSeconds:0.#} s from the store of the run at {place}: its host, or the network between, is gone{OutOfReach()}"));
            }

            if (known.IsSet && options.EndProcess is { } end)
            {
                since ??= now;
                if (now - since > options.Grace)
                {
                    end(Ending(record.Place).Message);
                    return;
                }
            }
        }
    }
}
