using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// Where the ranks of a local world meet. One lock guards everything; each rank sleeps on a signal of its own, so that only
/// those are woken whom it concerns. A rank that arrives last computes all results outside of the lock and wakes the others:
/// the tensors of those who wait cannot change meanwhile.
/// </summary>
internal sealed partial class LocalMeetings : IDisposable
{
    private readonly Lock gate = new();
    private readonly TimeSpan limit;
    private readonly RankState[] ranks;
    private readonly Dictionary<string, (LocalMeeting Meeting, LocalRounds Rounds)> meetings = new(StringComparer.Ordinal);
    private LocalWorldException? failure;
    private DateTime? failedAt;

    public LocalMeetings(int size, TimeSpan limit)
    {
        this.limit = limit;
        ranks = [.. Enumerable.Range(0, size).Select(_ => new RankState())];
    }

    /// <summary>Whether a failure is older than the time limit: ranks that still run do not call any more.</summary>
    public bool GivenUp
    {
        get
        {
            lock (gate)
            {
                return failedAt is { } at && DateTime.UtcNow - at > limit;
            }
        }
    }

    public (LocalMeeting Meeting, LocalRounds Rounds) MeetingOf(string axis, IReadOnlyList<int> members)
    {
        lock (gate)
        {
            var key = $"{axis} [{string.Join(", ", members)}]";
            return meetings.TryGetValue(key, out var found) ? found : meetings[key] = (new(key, members), new(key, members));
        }
    }

    /// <summary>Waits for all members; gives this member's result, in its current scope.</summary>
    public Tensor? Meet(
        LocalMeeting meeting, int place, GroupCall call, Tensor? x, Func<IReadOnlyList<Tensor>, IReadOnlyList<GroupCall>, Tensor[]?> compute)
    {
        var rank = meeting.Members[place];
        bool last;
        lock (gate)
        {
            Begin(rank, call);
            Agree(meeting, place, call);
            (meeting.Calls[place], meeting.Tensors[place]) = (call, x);
            last = ++meeting.Arrived == meeting.Members.Count;
            if (!last)
            {
                StartWaiting(rank, new(call, meeting, null));
            }
        }

        var served = last ? Compute(meeting, compute) : Wait(rank);
        lock (gate)
        {
            // What was completed is given even when another rank has failed since: its next call says so.
            if (!served)
            {
                ThrowFreed(rank, call);
            }

            var result = meeting.Results[place];
            meeting.Results[place] = null;
            return result?.MoveToOtherDisposeScope(CurrentDisposeScope);
        }
    }

    public void Send(LocalMeeting meeting, int place, GroupCall call, Tensor x)
    {
        int from = meeting.Members[place], to = meeting.Members[call.Peer!.Value];
        lock (gate)
        {
            Begin(from, call);
        }

        var copy = LocalMeaning.Copy(x);
        lock (gate)
        {
            // Where the world has failed meanwhile the message is disposed with the meeting.
            meeting.Mail(place, call.Peer.Value).Enqueue((call, copy));
            if (ranks[to].Waiting is { } waiting && waiting.Meeting == meeting && waiting.From == place)
            {
                Wake(to, served: true);
            }
        }
    }

    public Tensor Receive(LocalMeeting meeting, int place, GroupCall call)
    {
        int rank = meeting.Members[place], sender = call.Peer!.Value;
        Queue<(GroupCall Call, Tensor Tensor)> mail;
        bool there;
        lock (gate)
        {
            Begin(rank, call);
            mail = meeting.Mail(sender, place);
            there = mail.Count > 0;
            if (!there)
            {
                StartWaiting(rank, new(call, meeting, sender));
            }
        }

        var served = there || Wait(rank);
        lock (gate)
        {
            if (!served)
            {
                ThrowFreed(rank, call);
            }

            var (sent, tensor) = mail.Dequeue();
            if (sent.Dtype != call.Dtype || !sent.Shape.SequenceEqual(call.Shape))
            {
                tensor.Dispose();
                Fail(rank, $"rank {rank} calls {call}, and rank {meeting.Members[sender]} had called {sent}", null);
                ThrowFreed(rank, call);
            }

            return tensor.MoveToOtherDisposeScope(CurrentDisposeScope);
        }
    }

    /// <summary>A rank's body has ended.</summary>
    public void Leave(int rank)
    {
        lock (gate)
        {
            ranks[rank].Left = true;
            LookForStandstill();
        }
    }

    /// <summary>A rank's body has thrown.</summary>
    public void Threw(int rank, Exception exception)
    {
        lock (gate)
        {
            ranks[rank].Left = true;
            if (failure is null)
            {
                var last = ranks[rank].Last is { } call ? $" (its last operation: {call})" : "";
                Fail(rank, $"rank {rank} failed: {exception.GetType().Name}: {exception.Message}{last}", exception);
            }
        }
    }

    /// <summary>After all ranks have ended: what went wrong first, or null.</summary>
    public LocalWorldException? Failure()
    {
        lock (gate)
        {
            var still = Enumerable.Range(0, ranks.Length).Where(r => !ranks[r].Left).ToArray();
            if (failure is null && meetings.Values.Select(m => m.Meeting.Unreceived).FirstOrDefault(m => m is not null) is { } sent)
            {
                Fail(null, $"nobody received what a rank had sent: {sent}", null);
            }

            return failure is null || still.Length == 0
                ? failure
                : new($"{failure.Message}; given up, still running: rank {string.Join(", ", still)}", failure.Rank, failure.InnerException);
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            foreach (var (meeting, rounds) in meetings.Values)
            {
                meeting.Dispose();
                rounds.Dispose();
            }
        }
    }

    private void Begin(int rank, GroupCall call)
    {
        ThrowFreed(rank, call);
        ranks[rank].Last = call;
    }

    private void Agree(LocalMeeting meeting, int place, GroupCall call)
    {
        var agreement = call.Agreement();
        if (meeting.Arrived == 0)
        {
            (meeting.FirstPlace, meeting.Agreement) = (place, agreement);
        }
        else if (meeting.Agreement != agreement)
        {
            int first = meeting.Members[meeting.FirstPlace], rank = meeting.Members[place];
            Fail(null, $"ranks of {meeting.Key} call different things: rank {first} calls {meeting.Calls[meeting.FirstPlace]}; rank {rank} calls {call}", null);
            ThrowFreed(rank, call);
        }
    }

    private bool Compute(LocalMeeting meeting, Func<IReadOnlyList<Tensor>, IReadOnlyList<GroupCall>, Tensor[]?> compute)
    {
        Tensor[]? results = null;
        Exception? wrong = null;
        try
        {
            results = compute(meeting.Tensors!, meeting.Calls!);
        }
        catch (Exception exception)
        {
            // It is the exception of all of them: the others must not wait for a result.
            wrong = exception;
        }

        lock (gate)
        {
            if (wrong is not null)
            {
                Fail(null, $"{meeting.Calls[0]} of {meeting.Key}: {wrong.Message}", wrong);
                return false;
            }

            meeting.End(results);
            foreach (var member in meeting.Members.Where(member => ranks[member].Waiting?.Meeting == meeting))
            {
                Wake(member, served: true);
            }

            return true;
        }
    }

    private void StartWaiting(int rank, Waiting waiting)
    {
        ranks[rank].Waiting = waiting;
        LookForStandstill();
    }

    // Nobody can come any more: a rank waits for one that has left, or all that are left wait.
    private void LookForStandstill()
    {
        if (failure is not null)
        {
            return;
        }

        for (var rank = 0; rank < ranks.Length; rank++)
        {
            if (ranks[rank].Waiting is { } waiting && waiting.Missing().Where(r => ranks[r].Left).ToArray() is { Length: > 0 } gone)
            {
                Fail(gone[0], $"rank {gone[0]} left while rank {rank} waits for it in {waiting.Call}{Last(gone[0])}", null);
                return;
            }
        }

        if (ranks.Any(r => r.Waiting is not null) && ranks.All(r => r.Left || r.Waiting is not null))
        {
            Fail(null, $"all ranks wait for one another: {Whereabouts()}", null);
        }
    }

    // Whether what the rank waited for is there; otherwise the world has failed.
    private bool Wait(int rank)
    {
        if (ranks[rank].Signal.Wait(limit))
        {
            return ranks[rank].Served;
        }

        lock (gate)
        {
            if (ranks[rank].Waiting is not null && failure is null)
            {
                Fail(null, $"rank {rank} has waited for {limit.TotalSeconds:0.#} s: {Whereabouts()}", null);
            }
        }

        // Woken by the failure just now, or by a partner who came at the last moment.
        ranks[rank].Signal.Wait();
        return ranks[rank].Served;
    }

    private void Wake(int rank, bool served)
    {
        if (ranks[rank].Waiting is not null)
        {
            ranks[rank].Waiting = null;
            ranks[rank].Served = served;
            ranks[rank].Signal.Release();
        }
    }

    private void Fail(int? rank, string message, Exception? inner)
    {
        if (failure is not null)
        {
            return;
        }

        failure = new(message, rank, inner);
        failedAt = DateTime.UtcNow;
        for (var other = 0; other < ranks.Length; other++)
        {
            Wake(other, served: false);
        }
    }

    private void ThrowFreed(int rank, GroupCall call)
    {
        if (failure is not null)
        {
            throw new LocalWorldException($"{failure.Message}; rank {rank} was in {call}", failure.Rank, failure.InnerException);
        }
    }

    private string Whereabouts() => string.Join("; ", ranks.Select((state, rank) => state switch
    {
        { Left: true } => $"rank {rank} has left",
        { Waiting: { } waiting } => $"rank {rank} waits in {waiting.Call} for rank {string.Join(", ", waiting.Missing())}",
        _ => $"rank {rank} computes{Last(rank)}",
    }));

    private string Last(int rank) => ranks[rank].Last is { } call ? $" (its last operation: {call})" : " (it has called nothing yet)";

    private sealed class RankState
    {
        public SemaphoreSlim Signal { get; } = new(0);

        public Waiting? Waiting { get; set; }

        public GroupCall? Last { get; set; }

        /// <summary>Whether the last wait ended because what was waited for is there.</summary>
        public bool Served { get; set; }

        public bool Left { get; set; }
    }

    /// <summary>What a rank waits for: the others of a meeting, or a message of one member.</summary>
    private sealed record Waiting(GroupCall Call, LocalMeeting Meeting, int? From)
    {
        public IEnumerable<int> Missing() => From is { } place
            ? [Meeting.Members[place]]
            : Meeting.Members.Where((_, place) => Meeting.Calls[place] is null);
    }
}
