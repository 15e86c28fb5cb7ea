// The end of this process while other threads of it compute.
using System.Runtime.InteropServices;

namespace Evo.Torch;

/// <summary>How a process ends whose threads cannot be waited for.</summary>
public static partial class ProcessEnd
{
    /// <summary>
    /// Ends the process now, as a signal would. <see cref="Environment.Exit"/> takes libtorch apart first: a thread that still computes
    /// fails in it, or breaks the heap, after the last word was said and with another exit code.
    /// </summary>
    public static void AtOnce(int code) => _exit(code);

    [LibraryImport("libc")]
    private static partial void _exit(int code);
}
