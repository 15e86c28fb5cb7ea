// The functions of libevo_torch.so that record what a GPU is told (graph.cpp).
using System.Runtime.InteropServices;

namespace Evo.Torch.Native;

internal static unsafe partial class NativeMethods
{
    [LibraryImport(Library)]
    internal static partial int evo_graphs_built();

    [LibraryImport(Library)]
    internal static partial int evo_graph_open(int device, nint* recorder);

    [LibraryImport(Library)]
    internal static partial int evo_graph_close(nint recorder);

    [LibraryImport(Library)]
    internal static partial int evo_graph_enter(nint recorder);

    [LibraryImport(Library)]
    internal static partial int evo_graph_leave(nint recorder);

    [LibraryImport(Library)]
    internal static partial int evo_graph_begin(nint recorder, nint* graph);

    [LibraryImport(Library)]
    internal static partial int evo_graph_end(nint recorder, nint graph);

    [LibraryImport(Library)]
    internal static partial int evo_graph_abandon(nint recorder, nint graph);

    [LibraryImport(Library)]
    internal static partial int evo_graph_replay(nint recorder, nint graph);

    [LibraryImport(Library)]
    internal static partial int evo_graph_free(nint graph);
}
