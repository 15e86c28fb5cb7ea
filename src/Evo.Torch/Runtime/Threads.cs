// How many threads compute.
using Evo.Torch.Native;

namespace Evo.Torch;

/// <summary>The threads that one operation is split over, OpenMP's and the BLAS's alike.</summary>
public static class Threads
{
    /// <summary>Threads that an operation called from this thread uses.</summary>
    public static int Count => NativeMethods.evo_threads();

    /// <summary>Sets the number for the process; best before the first operation.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than one.</exception>
    public static void Set(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        NativeFailure.Check(NativeMethods.evo_set_threads(count), "set_num_threads");
    }

    /// <summary>
    /// Sets the number for operations called from this thread, and leaves all others alone. Without OpenMP it changes nothing.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than one.</exception>
    public static void SetOwn(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        NativeFailure.Check(NativeMethods.evo_set_own_threads(count), "set_num_threads");
    }
}
