// An operation of a group that is under way.
using Evo.Torch.Native;

namespace Evo.Torch;

/// <summary>A collective or a message that was started. It keeps its tensors alive until it is disposed.</summary>
public sealed unsafe class C10dWork : IDisposable
{
    private readonly WorkHandle handle;
    private readonly bool message;

    internal C10dWork(nint handle, bool message) => (this.handle, this.message) = (new(handle), message);

    /// <summary>Waits for the end, no longer than the limit; says whether it has come.</summary>
    /// <remarks>
    /// A message is waited for to its end whatever the limit is: a limit would break the connection for all. <see cref="Abort"/>,
    /// from another thread, ends such a wait, which then says false.
    /// </remarks>
    /// <exception cref="TorchException">The operation failed; c10d's own text.</exception>
    public bool Wait(TimeSpan limit)
    {
        int done;
        var status = message
            ? NativeMethods.evo_c10d_wait_message(handle, 0, &done)
            : NativeMethods.evo_c10d_wait(handle, Math.Max(1, (long)limit.TotalMilliseconds), &done);
        NativeFailure.Check(status, message ? "c10d message" : "c10d collective");
        return done != 0;
    }

    /// <summary>Ends the wait for a message. The group is of no use afterwards.</summary>
    public void Abort()
    {
        if (message)
            NativeFailure.Check(NativeMethods.evo_c10d_abort(handle), "c10d::Work::abort");
    }

    public void Dispose() => handle.Dispose();

    /// <summary>Leaves the operation, and the memory that it may still write, to the end of the process.</summary>
    public void Abandon() => handle.SetHandleAsInvalid();
}
