// What the machine can do at best.
using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Torch;

/// <summary>The speed of a large matrix product and of a large copy, the best of some, here and now.</summary>
/// <param name="Operations">Floating-point operations per second.</param>
/// <param name="Bytes">Bytes per second, read and written.</param>
public readonly record struct MachineCeilings(double Operations, double Bytes)
{
    private const int Tries = 4;

    /// <summary>Measures both, in some tenths of a second.</summary>
    /// <param name="device">Where.</param>
    /// <param name="type">The type of the product's matrices.</param>
    public static MachineCeilings Measure(Device device, ScalarType type) => new(OfProduct(device, type), OfCopy(device));

    /// <summary>Measures the product alone.</summary>
    /// <param name="device">Where.</param>
    /// <param name="type">The type of its matrices.</param>
    public static double OfProduct(Device device, ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        // Large enough to be past what starting costs.
        long side = device.type == DeviceType.CUDA ? 8192 : 2048;
        Tensor a = randn(side, side, type, device), b = randn(side, side, type, device);
        return 2.0 * side * side * side / Fastest(() => Ops.Linear(a, b).Dispose(), device);
    }

    private static double OfCopy(Device device)
    {
        using var scope = NewDisposeScope();
        // Past the caches of either.
        var elements = device.type == DeviceType.CUDA ? 1L << 28 : 32L << 20;
        Tensor from = zeros(elements, ScalarType.Float32, device), to = zeros(elements, ScalarType.Float32, device);
        return 2.0 * 4 * elements / Fastest(() => to.copy_(from), device);
    }

    private static double Fastest(Action act, Device device) => Enumerable.Range(0, Tries).Min(_ =>
    {
        Settle(device);
        var began = Stopwatch.GetTimestamp();
        act();
        Settle(device);
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    });

    private static void Settle(Device device)
    {
        if (device.type == DeviceType.CUDA)
            cuda.synchronize(device);
    }
}
