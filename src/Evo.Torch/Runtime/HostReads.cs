// How often the host asks for values of tensors.
namespace Evo.Torch;

/// <summary>
/// Readings of values by .NET code: each <c>item</c>, <c>ToScalar</c> and <c>cpu</c>, and each copy from a device to main memory. On a
/// GPU each one waits until the device has done all that it was given; on the processor they cost next to nothing, and are counted
/// all the same, so that tests see what a GPU would wait for.
/// </summary>
public static class HostReads
{
    [ThreadStatic]
    private static long count;

    /// <summary>Readings by this thread since it began. A step's are a difference of two.</summary>
    public static long OfThisThread => count;

    internal static void Add() => count++;
}
