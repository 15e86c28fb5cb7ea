using System.Collections.Concurrent;
using Evo.Torch;

namespace Evo.Parallel;

/// <summary>Messages that were sent and not yet taken: their memory is kept, in a thread of its own, until they are.</summary>
internal sealed class C10dOutbox(RankFaults faults) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private readonly BlockingCollection<C10dWork> works = [];
    private Thread? thread;
    private C10dWork? current;

    public void Add(C10dWork work)
    {
        works.Add(work);
        if (thread is null)
        {
            faults.Raised += Abort;
            thread = new Thread(Serve) { IsBackground = true, Name = "sends" };
            thread.Start();
        }
    }

    /// <summary>Waits for the messages under way; says whether all were taken.</summary>
    public bool Close()
    {
        works.CompleteAdding();
        return thread is null || thread.Join(Patience);
    }

    public void Dispose() => faults.Raised -= Abort;

    private void Serve()
    {
        foreach (var work in works.GetConsumingEnumerable())
        {
            Volatile.Write(ref current, work);
            try
            {
                work.Wait(Timeout.InfiniteTimeSpan);
                work.Dispose();
            }
            catch (TorchException)
            {
                // The receiver is gone: whoever waits for it says so. What is left stays in memory to the end of the process.
                work.Abandon();
            }
        }
    }

    private void Abort()
    {
        if (Volatile.Read(ref current) is { } work)
        {
            try
            {
                work.Abort();
            }
            catch (ObjectDisposedException)
            {
                // It was taken at the last moment.
            }
        }
    }
}
