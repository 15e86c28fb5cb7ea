using System.Diagnostics;
using Evo.Models;

namespace Evo.Parallel.Verification;

/// <summary>
/// The law of parity for one model made small: three optimizer steps at a layout, on ranks that are threads of this process, in
/// float64, give what one device gives.
/// </summary>
/// <param name="small">The model, small; its layers grow to what a layout needs.</param>
public sealed class LayoutLaw(CausalLM small) : ILayoutLaw
{
    private const int Steps = 3;
    private const int Seed = 7;

    // What one device makes of a batch: many layouts are compared with it.
    private readonly Dictionary<(LayoutCase Case, int MicroBatches), (CausalLM Spec, LayoutBatch Batch, LayoutFigures Figures)> references = [];

    /// <summary>Where the ranks are, and changes made on purpose; none unless given.</summary>
    public ParityProbe Probe { get; init; } = new();

    /// <inheritdoc/>
    public string Against => $"{Steps} steps of one device, float64";

    /// <inheritdoc/>
    public string? Refuses(Core.Layout layout) => null;

    /// <inheritdoc/>
    public LayoutVerdict Try(Core.Layout layout)
    {
        var clock = Stopwatch.StartNew();
        try
        {
            var (spec, batch, serial) = Reference(layout);
            var found = LayoutParity.Run(spec, layout, batch, Probe);
            var worst = found.Worst(serial, LayoutParity.LearningRate);
            return new(layout, worst.Error, worst.Quantity, clock.Elapsed.TotalSeconds)
            {
                First = found.First(serial, LayoutParity.LearningRate),
                Unequal = found.Unequal,
                Compared = found.Compare(serial, LayoutParity.LearningRate).Count(),
            };
        }
        catch (Exception error) when (error is LocalWorldException or InvalidOperationException)
        {
            return LayoutVerdict.Failed(layout, error, clock.Elapsed.TotalSeconds);
        }
    }

    private (CausalLM Spec, LayoutBatch Batch, LayoutFigures Figures) Reference(Core.Layout layout)
    {
        var key = (LayoutCase.Of(layout), layout.MicroBatches);
        if (!references.TryGetValue(key, out var known))
        {
            var (needs, micro) = key;
            var spec = SmallModel.With(small, SizeRole.Layers, needs.Layers);
            var batch = LayoutBatch.Random(Seed, spec.Size.VocabSize, Steps, micro, needs.Rows, needs.Length);
            var one = new Core.Layout(
                Core.Degrees.Single, Core.PipelineMode.OneForwardOneBackward, 1, micro, 0, false, Core.GradientReduction.ReduceScatter);
            references[key] = known = (spec, batch, LayoutParity.Run(spec, one, batch, new ParityProbe { Device = Probe.Device, Loss = Probe.Loss }));
        }

        return known;
    }
}
