// The functions of libevo_torch.so that join processes (c10d/*.cpp).
using System.Runtime.InteropServices;

namespace Evo.Torch.Native;

internal static unsafe partial class NativeMethods
{
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int evo_store_tcp(string host, int port, int server, long limit, nint* store, int* bound);

    [LibraryImport(Library)]
    internal static partial int evo_store_hash(nint* store);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int evo_store_prefix(StoreHandle store, string prefix, nint* result);

    [LibraryImport(Library)]
    internal static partial void evo_store_free(nint store);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int evo_store_set(StoreHandle store, string key, byte* data, long count);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int evo_store_check(StoreHandle store, string key, int* there);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int evo_store_get(StoreHandle store, string key, void** data, long* count);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int evo_store_add(StoreHandle store, string key, long delta, long* sum);

    [LibraryImport(Library)]
    internal static partial int evo_c10d_engines();

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int evo_c10d_gloo(StoreHandle store, int rank, int size, string face, string address, long limit, nint* engine);

    [LibraryImport(Library)]
    internal static partial int evo_c10d_nccl(StoreHandle store, int rank, int size, long limit, nint* engine);

    [LibraryImport(Library)]
    internal static partial void evo_c10d_free(nint engine);

    [LibraryImport(Library)]
    internal static partial int evo_c10d_gather(EngineHandle engine, nint input, nint output, nint* work);

    [LibraryImport(Library)]
    internal static partial int evo_c10d_exchange(EngineHandle engine, nint input, long* sent, nint output, long* received, nint* work);

    [LibraryImport(Library)]
    internal static partial int evo_c10d_broadcast(EngineHandle engine, nint tensor, int root, nint* work);

    [LibraryImport(Library)]
    internal static partial int evo_c10d_reduce(EngineHandle engine, nint tensor, int operation, nint* work);

    [LibraryImport(Library)]
    internal static partial int evo_c10d_reduce_scatter(EngineHandle engine, nint input, nint output, int operation, nint* work);

    [LibraryImport(Library)]
    internal static partial int evo_c10d_send(EngineHandle engine, nint tensor, int to, int tag, nint* work);

    [LibraryImport(Library)]
    internal static partial int evo_c10d_receive(EngineHandle engine, nint tensor, int from, int tag, nint* work);

    [LibraryImport(Library)]
    internal static partial int evo_c10d_wait(WorkHandle work, long limit, int* done);

    [LibraryImport(Library)]
    internal static partial int evo_c10d_wait_message(WorkHandle work, long limit, int* done);

    [LibraryImport(Library)]
    internal static partial int evo_c10d_abort(WorkHandle work);

    [LibraryImport(Library)]
    internal static partial void evo_c10d_work_free(nint work);
}
