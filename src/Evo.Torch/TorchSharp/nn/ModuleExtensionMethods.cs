using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>Moving a module to a device or dtype; each gives the module back under its own class.</summary>
public static class ModuleExtensionMethods
{
    /// <summary>Moves parameters and buffers to a device.</summary>
    public static T to<T>(this T module, DeviceType deviceType, int deviceIndex = -1, bool non_blocking = false) where T : nn.Module =>
        Moved(module, null, new Device(deviceType, deviceIndex), non_blocking);

    /// <summary>Moves parameters and buffers to a device given as "cpu" or "cuda:1".</summary>
    public static T to<T>(this T module, string device, bool non_blocking = false) where T : nn.Module => Moved(module, null, new Device(device), non_blocking);

    /// <summary>Moves parameters and buffers to a device.</summary>
    public static T to<T>(this T module, Device device, bool non_blocking = false) where T : nn.Module => Moved(module, null, device, non_blocking);

    /// <summary>Moves parameters and buffers to a device, those of floating point also to a dtype.</summary>
    public static T to<T>(this T module, Device device, ScalarType type, bool non_blocking = false) where T : nn.Module => Moved(module, type, device, non_blocking);

    /// <summary>Converts parameters and buffers of floating point to a dtype.</summary>
    public static T to<T>(this T module, ScalarType type, bool non_blocking = false) where T : nn.Module => Moved(module, type, null, non_blocking);

    /// <summary>Moves parameters and buffers to the dtype and device of a tensor.</summary>
    public static T to<T>(this T module, Tensor other, bool non_blocking = false) where T : nn.Module => Moved(module, other.dtype, other.device, non_blocking);

    /// <summary>Moves to main memory.</summary>
    public static T cpu<T>(this T module, bool non_blocking = false) where T : nn.Module => module.to(DeviceType.CPU, non_blocking: non_blocking);

    /// <summary>Moves to a CUDA device, by default the current one.</summary>
    public static T cuda<T>(this T module, int deviceIndex = -1, bool non_blocking = false) where T : nn.Module => module.to(DeviceType.CUDA, deviceIndex, non_blocking);

    /// <summary>To float16.</summary>
    public static T half<T>(this T module, bool non_blocking = false) where T : nn.Module => module.to(ScalarType.Float16, non_blocking);

    /// <summary>To bfloat16.</summary>
    public static T bfloat16<T>(this T module, bool non_blocking = false) where T : nn.Module => module.to(ScalarType.BFloat16, non_blocking);

    /// <summary>To float32.</summary>
    public static T @float<T>(this T module, bool non_blocking = false) where T : nn.Module => module.to(ScalarType.Float32, non_blocking);

    /// <summary>To float64.</summary>
    public static T @double<T>(this T module, bool non_blocking = false) where T : nn.Module => module.to(ScalarType.Float64, non_blocking);

    /// <summary>To complex64.</summary>
    public static T cfloat<T>(this T module, bool non_blocking = false) where T : nn.Module => module.to(ScalarType.ComplexFloat32, non_blocking);

    /// <summary>To complex128.</summary>
    public static T cdouble<T>(this T module, bool non_blocking = false) where T : nn.Module => module.to(ScalarType.ComplexFloat64, non_blocking);

    private static T Moved<T>(T module, ScalarType? type, Device? device, bool nonBlocking) where T : nn.Module
    {
        module.Convert(type, device, nonBlocking);
        return module;
    }
}
