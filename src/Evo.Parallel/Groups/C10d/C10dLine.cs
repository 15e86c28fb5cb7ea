using System.Diagnostics;
using Evo.Torch;

namespace Evo.Parallel;

/// <summary>
/// The connections of one group, for calls that follow one another. They are made in a thread of their own, as all ranks of the
/// group must come, and come in any order. No wait is without an end: faults that become known end it, and so does the limit.
/// </summary>
internal sealed class C10dLine
{
    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LookAfter = TimeSpan.FromSeconds(3);
    private readonly ProcessGroup group;
    private readonly RankFaults faults;
    private readonly TimeSpan limit;
    private readonly TaskCompletionSource<C10dEngine> connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HashSet<C10dWork> messages = [];
    private bool broken;

    /// <param name="group">The group whose line it is.</param>
    /// <param name="connect">Waits for all ranks.</param>
    /// <param name="faults">What is known of faults.</param>
    /// <param name="limit">The longest wait in one call.</param>
    public C10dLine(ProcessGroup group, Func<C10dEngine> connect, RankFaults faults, TimeSpan limit)
    {
        (this.group, this.faults, this.limit) = (group, faults, limit);
        faults.Raised += AbortMessages;
        new Thread(() => Connect(connect)) { IsBackground = true, Name = $"connects {group.Axis}" }.Start();
    }

    /// <summary>Begins an operation when all ranks are connected; a connection that is gone may end it at once.</summary>
    public C10dWork Begin(GroupCall call, Func<C10dEngine, C10dWork> operation)
    {
        var engine = Engine(call);
        try
        {
            return operation(engine);
        }
        catch (TorchException failure)
        {
            throw Failed(call, failure);
        }
    }

    /// <summary>Waits for the end of a collective.</summary>
    public void Finish(C10dWork work, GroupCall call)
    {
        var clock = Stopwatch.StartNew();
        try
        {
            while (!work.Wait(Slice))
            {
                End(call, clock);
            }
        }
        catch (TorchException failure)
        {
            work.Abandon();
            throw Failed(call, failure);
        }
        catch (RankFaultException)
        {
            // The engine's thread may still write into its tensors.
            work.Abandon();
            throw;
        }

        work.Dispose();
    }

    /// <summary>Waits for a message.</summary>
    public void FinishMessage(C10dWork work, GroupCall call)
    {
        lock (messages)
        {
            messages.Add(work);
        }

        var clock = Stopwatch.StartNew();
        // Such a wait cannot look by itself: a sender that has left is a fault, which aborts it.
        using var look = new Timer(_ => faults.Overdue(group, call), null, LookAfter, LookAfter);
        try
        {
            // A fault that became known before the work was in the list has not aborted it.
            if (faults.Known(call) is { } known)
            {
                throw known;
            }

            if (!work.Wait(limit))
            {
                throw faults.Known(call) ?? new RankFaultException($"the wait for a message was ended; rank {Me} was in {call}", null);
            }
        }
        catch (TorchException failure)
        {
            broken = true;
            throw clock.Elapsed < limit ? Failed(call, failure) : faults.Late(group, call, limit);
        }
        catch (RankFaultException)
        {
            broken = true;
            throw;
        }
        finally
        {
            lock (messages)
            {
                messages.Remove(work);
            }

            if (broken)
            {
                work.Abandon();
            }

            work.Dispose();
        }
    }

    /// <summary>Closes the connections; those of a group that failed are left to the end of the process.</summary>
    /// <param name="abandon">Leave them in any case: a message was never taken.</param>
    public void Close(bool abandon)
    {
        faults.Raised -= AbortMessages;
        if (!connected.Task.IsCompletedSuccessfully)
        {
            return;
        }

        if (broken || abandon)
        {
            connected.Task.Result.Abandon();
        }

        connected.Task.Result.Dispose();
    }

    private int Me => group.Ranks[group.Rank];

    private static bool Ended(Task task)
    {
        try
        {
            return task.Wait(Slice);
        }
        catch (AggregateException)
        {
            return true;
        }
    }

    private void Connect(Func<C10dEngine> connect)
    {
        try
        {
            connected.SetResult(connect());
        }
        catch (Exception exception)
        {
            // The rim of a thread: whoever needs the connection hears of it.
            connected.SetException(exception);
        }
    }

    private C10dEngine Engine(GroupCall call)
    {
        var clock = Stopwatch.StartNew();
        while (!Ended(connected.Task))
        {
            End(call, clock);
        }

        return connected.Task.IsFaulted ? throw Failed(call, connected.Task.Exception!.InnerException!) : connected.Task.Result;
    }

    private void End(GroupCall call, Stopwatch clock)
    {
        var fault = faults.Known(call)
            ?? (clock.Elapsed > limit ? faults.Late(group, call, limit) : clock.Elapsed > LookAfter ? faults.Overdue(group, call) : null);
        if (fault is not null)
        {
            broken = true;
            throw fault;
        }
    }

    private RankFaultException Failed(GroupCall call, Exception failure)
    {
        broken = true;
        return faults.Lost(group, call, failure);
    }

    private void AbortMessages()
    {
        lock (messages)
        {
            foreach (var work in messages)
            {
                work.Abort();
            }
        }
    }
}
