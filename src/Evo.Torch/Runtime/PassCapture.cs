// Passes that are recorded once and then told to the device as a whole.
using Evo.Torch.Native;
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>
/// Records what a device is told in a pass. A pass reads and writes tensors that are there before it and stay: what it makes itself is
/// the recording's, and the host's part of it (conditions, counters, numbers as arguments) is that of the time when it was recorded.
/// </summary>
public interface IPassCapture : IDisposable
{
    /// <summary>Runs a pass where recordings are made, so that what is made once is made now.</summary>
    void Warm(Action pass);

    /// <summary>Records a pass; nothing is computed. What it throws is thrown, and nothing is recorded then.</summary>
    /// <returns>The recording, to be replayed and disposed of.</returns>
    IRecordedPass Capture(Action pass);
}

/// <summary>A recorded pass.</summary>
public interface IRecordedPass : IDisposable
{
    /// <summary>Computes it, from what its tensors hold now.</summary>
    void Replay();
}

/// <summary>Recordings as CUDA graphs, on a stream of their own and in one pool of memory, since only one runs at a time.</summary>
public sealed unsafe class CudaPassCapture : IPassCapture
{
    private nint recorder;

    /// <param name="device">The GPU.</param>
    /// <exception cref="TorchException">The native library was built without.</exception>
    public CudaPassCapture(Device device)
    {
        nint opened = 0;
        NativeFailure.Check(NativeMethods.evo_graph_open(device.index, &opened), "cuda graph");
        recorder = opened;
    }

    /// <summary>Whether the native library can.</summary>
    public static bool Built { get; } = NativeMethods.evo_graphs_built() != 0;

    /// <inheritdoc/>
    public void Warm(Action pass)
    {
        ObjectDisposedException.ThrowIf(recorder == 0, this);
        NativeFailure.Check(NativeMethods.evo_graph_enter(recorder), "cuda graph");
        try
        {
            pass();
        }
        finally
        {
            NativeFailure.Check(NativeMethods.evo_graph_leave(recorder), "cuda graph");
        }
    }

    /// <inheritdoc/>
    public IRecordedPass Capture(Action pass)
    {
        ObjectDisposedException.ThrowIf(recorder == 0, this);
        // Tensors that nobody holds are freed now, by their finalizers, and not into a recording.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        nint graph = 0;
        NativeFailure.Check(NativeMethods.evo_graph_begin(recorder, &graph), "cuda graph");
        try
        {
            pass();
            NativeFailure.Check(NativeMethods.evo_graph_end(recorder, graph), "cuda graph");
            return new Recorded(this, graph);
        }
        catch
        {
            NativeFailure.Check(NativeMethods.evo_graph_abandon(recorder, graph), "cuda graph");
            throw;
        }
    }

    /// <summary>Recordings are to be disposed of before.</summary>
    public void Dispose()
    {
        if (recorder != 0)
        {
            NativeFailure.Check(NativeMethods.evo_graph_close(recorder), "cuda graph");
            recorder = 0;
        }
    }

    private sealed class Recorded(CudaPassCapture owner, nint graph) : IRecordedPass
    {
        private nint graph = graph;

        public void Replay()
        {
            ObjectDisposedException.ThrowIf(graph == 0 || owner.recorder == 0, this);
            NativeFailure.Check(NativeMethods.evo_graph_replay(owner.recorder, graph), "cuda graph");
        }

        public void Dispose()
        {
            if (graph != 0)
            {
                NativeFailure.Check(NativeMethods.evo_graph_free(graph), "cuda graph");
                graph = 0;
            }
        }
    }
}
