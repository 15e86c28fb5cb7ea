// The matrix products of linear maps in a micro-batch, from the data flow.
using Evo.Core;
using Evo.Models;
using Evo.Torch;

namespace Evo.Parallel;

/// <summary>The shapes of a model's matrix products on one rank's processor: the fastest way to multiply them is measured.</summary>
public static class ProductShapes
{
    /// <summary>Those of which it is worth to know the fastest way, each once: of at least 2²⁴ operations.</summary>
    /// <param name="plan">The data flow.</param>
    /// <param name="point">Rows, tokens of a row, and degrees.</param>
    public static IReadOnlyList<ProductShape> Large(ModePlan plan, SizePoint point) =>
        [.. Of(plan, point).Where(shape => shape.Operations >= 1L << 24).Distinct()];

    /// <summary>
    /// The products of the forward and the backward of linear maps, and of the head a chunk of its tokens. Those of experts have as many
    /// rows as tokens choose them, and are not among them.
    /// </summary>
    /// <param name="plan">The data flow.</param>
    /// <param name="point">Rows, tokens of a row, and degrees.</param>
    public static IReadOnlyList<ProductShape> Of(ModePlan plan, SizePoint point)
    {
        var tokens = point.Batch * point.Length;
        var shapes = new List<ProductShape>();
        foreach (var block in plan.Values.GroupBy(value => value.Layer))
        {
            var values = block.ToDictionary(value => value.Name);
            foreach (var value in block.Where(value => value.Operation is "Linear" or "LinearMany" or "GatherLinear" or "GatedLinear" or "ActivatedLinear"))
            {
                // Maps whose result is spread over tokens see a part of them; the input of one that gathers is spread still.
                var rows = value.Placement == "S(1)" ? tokens / point.Tensor : tokens;
                var read = values[value.From[0]].Size.At(point) * (value.Operation == "GatherLinear" ? point.Tensor : 1);
                Add(rows, to: Each(value.Size.At(point), rows), from: Each(read, rows) / (value.Operation == "GatedLinear" ? 2 : 1));
            }
        }

        if (plan.Head is { } head)
        {
            var share = HeadShare.Of(plan.Mode, tokens, head.Rows, point.Tensor, onGpu: false);
            Add(share.ChunkTokens, share.Entries, head.Width);
        }

        return shapes;

        void Add(long rows, long to, long from) => shapes.AddRange(
        [
            new(ProductForm.Forward, rows, to, from),
            new(ProductForm.OfInput, rows, from, to),
            new(ProductForm.OfWeight, to, from, rows),
        ]);
    }

    private static long Each(double numbers, long rows) => (long)Math.Round(numbers / Math.Max(1, rows));
}
