// In which way float32 matrices of which shape are multiplied.
using System.Runtime.InteropServices;
using Evo.Core;
using Evo.Torch.Native;

namespace Evo.Torch;

/// <summary>
/// The choice between libtorch's BLAS and oneDNN for products of float32 on the processor, and of who divides them over the threads.
/// Without a table oneDNN is taken where it is there, and divides. Nothing is measured but by <see cref="Measure"/>, so that the bits of a step depend on the table in use only.
/// </summary>
public static unsafe class MatrixProducts
{
    /// <summary>Whether there are two libraries to choose from: not without an x86 oneDNN, nor with <c>EVO_MATMUL=blas</c>.</summary>
    public static bool HaveChoice => NativeMethods.evo_products_have_choice() != 0;

    /// <summary>The table in use; null where oneDNN is taken for all shapes. Process wide.</summary>
    public static ProductTable? InUse { get; private set; }

    /// <summary>What timings depend on: the processor, how many of its cores compute, the libraries. One line.</summary>
    public static string Machine
    {
        get
        {
            var info = NativeTorch.Info;
            var oneDnn = Marshal.PtrToStringUTF8((nint)NativeMethods.evo_onednn_version());
            string[] parts =
            [
                ProcessorSetup.Processor, $"{info.Threads} threads of {info.Processors} processors", $"libtorch {info.Version}",
                info.Blas, info.CoreType, $"oneDNN {oneDnn}",
            ];
            return string.Join("; ", parts.Select(part => part.ReplaceLineEndings(" ").Trim()).Where(part => part.Length > 0));
        }
    }

    /// <summary>Takes a table, or null for none; products that are under way end as they began.</summary>
    public static void Use(ProductTable? table)
    {
        long[] known = table is null ? [] : [.. table.KnownWays.SelectMany(k => (long[])[(long)k.Key.Form, k.Key.Rows, k.Key.Columns, k.Key.Inner, (long)k.Value])];
        fixed (byte* choices = table?.Choices)
        fixed (long* shapes = known)
            NativeFailure.Check(NativeMethods.evo_products_choose(choices, shapes, known.Length / 5), "matrix products");
        InUse = table;
    }

    /// <summary>What a product of a shape takes in each way, the least of some turns, in seconds.</summary>
    /// <exception cref="TorchException">There is no choice.</exception>
    public static double[] Time(ProductShape shape)
    {
        var seconds = new double[ProductTiming.Ways.Length];
        fixed (double* times = seconds)
            NativeFailure.Check(
                NativeMethods.evo_product_times((int)shape.Form, shape.Rows, shape.Columns, shape.Inner, times, seconds.Length),
                "matrix products");
        return seconds;
    }

    /// <summary>
    /// Measures shapes with this thread's number of threads, and then all once more: for the grid some seconds, more on a busy machine.
    /// Of a product of more than 2³⁴ operations, 36 ms at 480 GFLOP/s, fewer tokens are measured, though not fewer than 256.
    /// </summary>
    /// <exception cref="TorchException">There is no choice.</exception>
    public static IReadOnlyList<ProductTiming> Measure(IReadOnlyList<ProductShape> shapes)
    {
        var measured = shapes.Select(shape => shape.AtMost(1L << 34, 256)).ToArray();
        var first = measured.Select(Time).ToArray();
        var again = measured.Select(Time).ToArray();
        return [.. shapes.Select((shape, i) => new ProductTiming(shape, first[i], again[i]))];
    }
}
