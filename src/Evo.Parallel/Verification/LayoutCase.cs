using Evo.Core;

namespace Evo.Parallel.Verification;

/// <summary>How large a small model and its batch are made for a layout: as large as the layout needs, and no larger.</summary>
/// <param name="Layers">One for each piece of the pipeline, and more where a part of a piece is recomputed.</param>
/// <param name="Rows">Of a micro-batch, over all data replicas.</param>
/// <param name="Length">Tokens of a row.</param>
public sealed record LayoutCase(int Layers, int Rows, int Length)
{
    private const int LeastLayers = 4;
    private const int LeastLength = 8;

    /// <summary>The most pieces that the layouts of a world are cut into: three chunks on each of its ranks, two layers in each.</summary>
    public static int MostLayers(int world) => 3 * world * 2;

    /// <summary>What a layout needs.</summary>
    public static LayoutCase Of(Core.Layout layout)
    {
        var degrees = layout.Degrees;

        // The recomputed part of a piece is rounded down to layers, and none is no test.
        var each = layout.Recompute is > 0 and < 1 ? (int)Math.Ceiling(1 / layout.Recompute) : 1;
        var spread = degrees.Mode == TensorMode.Mtp ? 1 : degrees.Tensor;
        return new(
            Math.Max(LeastLayers, layout.VirtualStages * each),
            // An odd number of rows where nothing asks for another.
            degrees.Data == 1 ? 3 : 2 * degrees.Data,
            (LeastLength + spread - 1) / spread * spread);
    }
}
