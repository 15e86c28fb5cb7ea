// Copies to a device while it computes what came before.
using Evo.Torch.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>
/// Copies beside what a device computes, into two places that are filled in turn. A place is memory of the caller's; who fills it waits
/// on the device for who took from it, and the other way round, and the host for neither.
/// </summary>
public interface ISideCopies : IDisposable
{
    /// <summary>Fills a place, once what was in it has been taken.</summary>
    /// <param name="place">0 or 1.</param>
    /// <param name="copies">Tells the copies; what they read belongs to them.</param>
    void Fill(int place, Action copies);

    /// <summary>Takes what is in a place, in the order of what is computed; of a new place nothing, so that it is filled after its memory was made.</summary>
    /// <param name="place">0 or 1.</param>
    /// <param name="read">Reads it.</param>
    void Take(int place, Action read);
}

/// <summary>The copies of a device.</summary>
public static class SideCopies
{
    /// <summary>On a stream of their own for a GPU, where the native library has such; else at once, in the order of all else.</summary>
    public static ISideCopies For(Device device) =>
        device.type == DeviceType.CUDA && CudaSideCopies.Built ? new CudaSideCopies(device) : new DirectCopies();

    // A processor does one thing after the other.
    private sealed class DirectCopies : ISideCopies
    {
        public void Fill(int place, Action copies) => copies();

        public void Take(int place, Action read) => read();

        public void Dispose()
        {
        }
    }
}

/// <summary>Copies on a CUDA stream beside the one that computes.</summary>
public sealed unsafe class CudaSideCopies : ISideCopies
{
    private nint stream;

    /// <param name="device">The GPU.</param>
    /// <exception cref="TorchException">The native library was built without.</exception>
    public CudaSideCopies(Device device)
    {
        nint opened = 0;
        NativeFailure.Check(NativeMethods.evo_copies_open(device.index, &opened), "cuda copies");
        stream = opened;
    }

    /// <summary>Whether the native library can.</summary>
    public static bool Built { get; } = NativeMethods.evo_copies_built() != 0;

    /// <inheritdoc/>
    public void Fill(int place, Action copies)
    {
        NativeFailure.Check(NativeMethods.evo_copies_fill(Open(), place), "cuda copies");
        try
        {
            copies();
        }
        finally
        {
            NativeFailure.Check(NativeMethods.evo_copies_filled(Open(), place), "cuda copies");
        }
    }

    /// <inheritdoc/>
    public void Take(int place, Action read)
    {
        NativeFailure.Check(NativeMethods.evo_copies_take(Open(), place), "cuda copies");
        try
        {
            read();
        }
        finally
        {
            NativeFailure.Check(NativeMethods.evo_copies_taken(Open(), place), "cuda copies");
        }
    }

    /// <summary>What was filled is to be taken before.</summary>
    public void Dispose()
    {
        if (stream != 0)
        {
            NativeFailure.Check(NativeMethods.evo_copies_close(stream), "cuda copies");
            stream = 0;
        }
    }

    private nint Open()
    {
        ObjectDisposedException.ThrowIf(stream == 0, this);
        return stream;
    }
}
