using System.Collections.Concurrent;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// The thread in which a group does what was begun, one after the other, over connections that the synchronous calls do not use.
/// </summary>
internal sealed class C10dLane : IDisposable
{
    private readonly BlockingCollection<Begun> queue = [];
    private readonly Thread thread;

    public C10dLane(string name)
    {
        thread = new Thread(Serve) { IsBackground = true, Name = name };
        thread.Start();
    }

    /// <summary>Begins an operation on a tensor, which may be disposed meanwhile.</summary>
    public PendingTensor Begin(Tensor x, Func<Tensor, Tensor> operation)
    {
        var begun = new Begun(x.alias().DetachFromDisposeScope(), operation);
        queue.Add(begun);
        return begun;
    }

    public void Dispose()
    {
        queue.CompleteAdding();
        thread.Join(TimeSpan.FromSeconds(5));
    }

    private void Serve()
    {
        // Beside the rank's own computing: its additions are in one thread.
        Threads.SetOwn(1);
        foreach (var begun in queue.GetConsumingEnumerable())
        {
            begun.Do();
        }
    }

    private sealed class Begun(Tensor x, Func<Tensor, Tensor> operation) : PendingTensor
    {
        private readonly TaskCompletionSource<Tensor> done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override bool IsDone => done.Task.IsCompleted;

        public void Do()
        {
            try
            {
                done.SetResult(operation(x));
            }
            catch (Exception exception)
            {
                // The rim of a thread: who waits for the result hears of it.
                done.SetException(exception);
            }
            finally
            {
                x.Dispose();
            }
        }

        // Its end is certain: the operation ends at a fault and at the limit.
        public override Tensor Wait() => done.Task.GetAwaiter().GetResult().MoveToOtherDisposeScope(CurrentDisposeScope);
    }
}
