// What moves the tensors of one group between processes: c10d's Gloo or NCCL.
using Evo.Torch.Native;
using TorchSharp;

namespace Evo.Torch;

/// <summary>
/// One group's connections. Operations are started and waited for; all ranks start the same ones in the same order. Tensors are
/// contiguous, and are kept alive until the work is disposed. What only moves data moves bytes of any dtype.
/// </summary>
public sealed unsafe class C10dEngine : IDisposable
{
    private readonly EngineHandle handle;

    private C10dEngine(nint handle, bool device) => (this.handle, OnDevice) = (new(handle), device);

    /// <summary>Whether this libtorch has Gloo, between processors.</summary>
    public static bool HasGloo => (NativeMethods.evo_c10d_engines() & 1) != 0;

    /// <summary>Whether this libtorch has NCCL, between GPUs.</summary>
    public static bool HasNccl => (NativeMethods.evo_c10d_engines() & 2) != 0;

    /// <summary>Whether tensors are on a GPU; then a wait only makes the present stream wait.</summary>
    public bool OnDevice { get; }

    /// <summary>Connects the ranks of a group through Gloo; returns when all are connected.</summary>
    /// <param name="store">A connection that nobody else uses.</param>
    /// <param name="rank">This rank's place.</param>
    /// <param name="size">Ranks in the group.</param>
    /// <param name="networkInterface">The network interface to use, "eth0"; null: see <paramref name="address"/>.</param>
    /// <param name="address">A name or address of this host that others reach; null: what its name stands for.</param>
    /// <param name="limit">The longest that an operation may take.</param>
    public static C10dEngine Gloo(C10dStore store, int rank, int size, string? networkInterface, string? address, TimeSpan limit)
    {
        nint engine;
        NativeFailure.Check(
            NativeMethods.evo_c10d_gloo(
                store.Handle, rank, size, networkInterface ?? "", address ?? "", (long)limit.TotalMilliseconds, &engine),
            "c10d::ProcessGroupGloo");
        return new(engine, false);
    }

    /// <summary>The ranks of a group on GPUs; they connect at the first operation, on the device that is current then.</summary>
    public static C10dEngine Nccl(C10dStore store, int rank, int size, TimeSpan limit)
    {
        nint engine;
        NativeFailure.Check(
            NativeMethods.evo_c10d_nccl(store.Handle, rank, size, (long)limit.TotalMilliseconds, &engine), "c10d::ProcessGroupNCCL");
        return new(engine, true);
    }

    /// <summary>The bytes of all ranks, as many each, one after the other.</summary>
    public C10dWork Gather(torch.Tensor input, torch.Tensor output)
    {
        nint work;
        NativeFailure.Check(NativeMethods.evo_c10d_gather(handle, input.Handle, output.Handle, &work), "c10d::allgather");
        return Started(work, false, input, output);
    }

    /// <summary>The first <c>sent[0]</c> bytes to rank 0, the next to rank 1 …; so it is with what is received.</summary>
    public C10dWork Exchange(torch.Tensor input, ReadOnlySpan<long> sent, torch.Tensor output, ReadOnlySpan<long> received)
    {
        nint work;
        fixed (long* outgoing = sent, incoming = received)
        {
            NativeFailure.Check(
                NativeMethods.evo_c10d_exchange(handle, input.Handle, outgoing, output.Handle, incoming, &work), "c10d::alltoall_base");
        }

        return Started(work, false, input, output);
    }

    /// <summary>The bytes of one rank, into the same tensor of the others.</summary>
    public C10dWork Broadcast(torch.Tensor tensor, int root)
    {
        nint work;
        NativeFailure.Check(NativeMethods.evo_c10d_broadcast(handle, tensor.Handle, root, &work), "c10d::broadcast");
        return Started(work, false, tensor);
    }

    /// <summary>All tensors become one, in place; the engine chooses the order of the additions.</summary>
    public C10dWork Reduce(torch.Tensor tensor, ReduceOperation operation)
    {
        nint work;
        NativeFailure.Check(NativeMethods.evo_c10d_reduce(handle, tensor.Handle, (int)operation, &work), "c10d::allreduce");
        return Started(work, false, tensor);
    }

    /// <summary>All tensors become one, of which each rank gets an equal part of dimension 0; the engine chooses the order.</summary>
    public C10dWork ReduceScatter(torch.Tensor input, torch.Tensor output, ReduceOperation operation)
    {
        nint work;
        NativeFailure.Check(
            NativeMethods.evo_c10d_reduce_scatter(handle, input.Handle, output.Handle, (int)operation, &work), "c10d::reduce_scatter");
        return Started(work, false, input, output);
    }

    /// <summary>To another rank; done when the bytes are taken.</summary>
    public C10dWork Send(torch.Tensor tensor, int to, int tag)
    {
        nint work;
        NativeFailure.Check(NativeMethods.evo_c10d_send(handle, tensor.Handle, to, tag, &work), "c10d::send");
        return Started(work, true, tensor);
    }

    /// <summary>From another rank, what it sends with the same tag; in order.</summary>
    public C10dWork Receive(torch.Tensor tensor, int from, int tag)
    {
        nint work;
        NativeFailure.Check(NativeMethods.evo_c10d_receive(handle, tensor.Handle, from, tag, &work), "c10d::recv");
        return Started(work, true, tensor);
    }

    /// <summary>Waits for operations under way. Where partners are gone it would wait for ever: then <see cref="Abandon"/>.</summary>
    public void Dispose() => handle.Dispose();

    /// <summary>Leaves the connections to the end of the process.</summary>
    public void Abandon() => handle.SetHandleAsInvalid();

    private static C10dWork Started(nint work, bool message, torch.Tensor first, torch.Tensor? second = null)
    {
        GC.KeepAlive(first);
        GC.KeepAlive(second);
        return new(work, message);
    }
}
