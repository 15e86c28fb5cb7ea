// Owners of what c10d/*.cpp hands out.
using System.Runtime.InteropServices;

namespace Evo.Torch.Native;

internal sealed class StoreHandle : SafeHandle
{
    public StoreHandle(nint handle)
        : base(0, true) => SetHandle(handle);

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        NativeMethods.evo_store_free(handle);
        return true;
    }
}

/// <summary>Freeing it waits for operations under way: an engine whose partners are gone is left, never freed.</summary>
internal sealed class EngineHandle : SafeHandle
{
    public EngineHandle(nint handle)
        : base(0, true) => SetHandle(handle);

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        NativeMethods.evo_c10d_free(handle);
        return true;
    }
}

internal sealed class WorkHandle : SafeHandle
{
    public WorkHandle(nint handle)
        : base(0, true) => SetHandle(handle);

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        NativeMethods.evo_c10d_work_free(handle);
        return true;
    }
}
