// What the driver says of a GPU without a context on it: libtorch's own question takes memory of the device.
using System.Runtime.InteropServices;

namespace Evo.Torch;

/// <summary>CUDA's driver.</summary>
public static unsafe class CudaDriver
{
    /// <summary>Bytes of memory that a GPU has; null where there is no driver or no such GPU.</summary>
    /// <param name="device">Its number among those that this process may see.</param>
    public static long? TotalMemory(int device)
    {
        if (!NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", out var driver)
            || !NativeLibrary.TryGetExport(driver, "cuInit", out var init)
            || !NativeLibrary.TryGetExport(driver, "cuDeviceGet", out var get)
            || !NativeLibrary.TryGetExport(driver, "cuDeviceTotalMem_v2", out var total))
            return null;
        int handle;
        nuint bytes;
        return ((delegate* unmanaged<uint, int>)init)(0) == 0
            && ((delegate* unmanaged<int*, int, int>)get)(&handle, device) == 0
            && ((delegate* unmanaged<nuint*, int, int>)total)(&bytes, handle) == 0
            ? (long)bytes
            : null;
    }
}
