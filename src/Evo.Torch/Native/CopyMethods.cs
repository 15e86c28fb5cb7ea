// The functions of libevo_torch.so that copy to a GPU beside what it computes (copies.cpp).
using System.Runtime.InteropServices;

namespace Evo.Torch.Native;

internal static unsafe partial class NativeMethods
{
    [LibraryImport(Library)]
    internal static partial int evo_copies_built();

    [LibraryImport(Library)]
    internal static partial int evo_copies_open(int device, nint* copies);

    [LibraryImport(Library)]
    internal static partial int evo_copies_close(nint copies);

    [LibraryImport(Library)]
    internal static partial int evo_copies_fill(nint copies, int place);

    [LibraryImport(Library)]
    internal static partial int evo_copies_filled(nint copies, int place);

    [LibraryImport(Library)]
    internal static partial int evo_copies_take(nint copies, int place);

    [LibraryImport(Library)]
    internal static partial int evo_copies_taken(nint copies, int place);

    [LibraryImport(Library)]
    internal static partial int evo_moment(int device, nint* moment);

    [LibraryImport(Library)]
    internal static partial int evo_moment_wait(nint moment);

    [LibraryImport(Library)]
    internal static partial int evo_moment_free(nint moment);
}
