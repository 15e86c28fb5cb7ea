using System.Collections.Concurrent;
using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// A thread on which ranks run, one after the other, in the state of a new thread. Threads are kept: libtorch spends 20 ms of
/// processor time on every thread that first computes, and a test of a layout takes less than that.
/// </summary>
internal sealed class RankThread
{
    private static readonly ConcurrentBag<RankThread> Idle = [];
    private readonly SemaphoreSlim go = new(0);
    private int threads;
    private Action work = () => { };
    private Action ended = () => { };

    private RankThread() => new Thread(Serve) { IsBackground = true, Name = "rank" }.Start();

    /// <summary>Runs <paramref name="work"/>, which does not throw, on an idle thread; then calls <paramref name="ended"/> there.</summary>
    public static void Run(int threads, Action work, Action ended)
    {
        var thread = Idle.TryTake(out var idle) ? idle : new();
        (thread.threads, thread.work, thread.ended) = (threads, work, ended);
        thread.go.Release();
    }

    private void Serve()
    {
        // Inference mode cannot be left but by him who entered it: such a thread serves no more.
        while (!is_inference_mode_enabled())
        {
            go.Wait();
            set_grad_enabled(true);
            Threads.SetOwn(threads);
            work();
            while (CurrentDisposeScope is { } open)
            {
                open.Dispose();
            }

            var signal = ended;
            (work, ended) = (() => { }, () => { });
            if (!is_inference_mode_enabled())
            {
                Idle.Add(this);
            }

            signal();
        }
    }
}
