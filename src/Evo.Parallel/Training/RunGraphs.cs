using Evo.Core;
using Evo.Models;
using Evo.Torch;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>Whether a run records its passes, by its configuration and its place.</summary>
internal static class RunGraphs
{
    // Most rows of a run have one shape, those of packed documents a few: as many sequences as fit 8, 16, 32, 64 places.
    private const int Most = 4;

    // The first makes what is made once: tables, handles, workspaces. The second runs as all others will.
    private const int WarmPasses = 2;

    /// <summary>How; null where it does not, which <paramref name="warn"/> is told the reasons of where graphs were asked for.</summary>
    /// <exception cref="TrainingException">They are required, and something stands against them.</exception>
    public static GraphOptions? Of(RunConfig config, CausalLM spec, Core.Layout layout, RankWorld world, Device device, Action<string> warn)
    {
        var choice = GraphChoice.Parse(config.Train.CudaGraph);
        if (choice.IsNever)
        {
            return null;
        }

        var degrees = layout.Degrees;
        var refusals = new GraphFacts(
            onGpu: device.type == TorchSharp.DeviceType.CUDA,
            built: CudaPassCapture.Built,
            kernels: config.Kernels == "native",
            experts: LayoutFacts.Of(spec).Experts > 0,
            stages: degrees.Pipeline,
            tensor: degrees.Tensor,
            weight: degrees.Weight,
            fsdp: degrees.Fsdp,
            gloo: world.Size > 1 && config.Train.Backend == "gloo",
            announced: C10dEngine.HasGloo).Refusals;
        if (refusals.IsEmpty)
        {
            return new(
                config.Data.SeqLen, PassGraphs.Start(Most, WarmPasses, spec.CacheLimit), gpu => new CudaPassCapture(gpu),
                why => warn($"train.cuda_graph: some rows are computed without a graph: {why}"))
            {
                Flight = world.Flight,
            };
        }

        var text = string.Join("; ", refusals);
        if (choice.IsRequired)
        {
            throw new TrainingException($"train.cuda_graph = true: passes of this run cannot be graphs. {text}. Use auto or false.");
        }

        warn($"train.cuda_graph = auto: passes of this run are no graphs. {text}.");
        return null;
    }
}
