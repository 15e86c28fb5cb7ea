using System.Globalization;
using Evo.Core;
using Evo.Models;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>What the layers of a run keep where <c>model.checkpoint</c> is <c>auto</c>.</summary>
public static class RunRecompute
{
    private const double Gibibyte = 1L << 30;

    // The rest is the context's, the libraries' workspaces, and pieces that libtorch's cache cannot use.
    private const double PartOfGpu = 0.9;

    /// <summary>Bytes that the configuration lets each rank take; null where it leaves that to the device.</summary>
    public static long? BudgetOf(RunConfig config) => config.Train.MemoryBudget is { } gibibytes ? (long)(gibibytes * Gibibyte) : null;

    /// <summary>Whether the ranks of a run compute on GPUs, as far as its configuration and this machine say.</summary>
    public static bool OnGpu(RunConfig config) =>
        config.Train.Device == "cuda" || (config.Train.Device == "auto" && config.Train.Backend != "gloo" && cuda.is_available());

    /// <summary>What the layers of a run keep on a number of ranks, of which none has to be there.</summary>
    /// <param name="config">The run.</param>
    /// <param name="spec">Its model.</param>
    /// <param name="layout">A legal layout of it.</param>
    /// <param name="onGpu">Whether its ranks compute on GPUs.</param>
    /// <param name="budget">Bytes that each rank may take, to choose what fits; null says what the configuration has chosen.</param>
    public static RecomputePlan Plan(RunConfig config, CausalLM spec, Core.Layout layout, bool onGpu, long? budget) => RecomputePlan.Of(
        spec, layout, OptionsOf(config, null), (config.Data.MicroBsz, config.Data.SeqLen), packed: true, native: config.Kernels == "native", onGpu, budget);

    /// <summary>What stands against a choice, with what is missing on the stage that misses most; null where every rank fits.</summary>
    public static string? Problem(RunConfig config, RecomputePlan plan)
    {
        if (plan.Fits)
        {
            return null;
        }

        var worst = plan.Stages.MaxBy(stage => stage.Missing)!;
        var kinds = string.Join(", ", worst.Chosen.Kinds.Where(kind => kind.Bytes > 0).Select(kind => $"{kind.Kind} {Gib(kind.Bytes)}"));
        var place = plan.Stages.Count == 1 ? "a rank" : $"a rank of stage {worst.Stage}";
        var given = config.Train.MemoryBudget is { } gibibytes ? $"train.memory_budget = {gibibytes.ToString(CultureInfo.InvariantCulture)}" : "model.checkpoint = \"auto\"";
        return $"{given}: {Gib(plan.Budget ?? 0)} are {Gib(worst.Missing)} too few for {place}, even where its layers are computed again: "
            + $"{kinds}, and {Gib(worst.Working)} for what comes and goes, are {Gib(worst.Needed)}; "
            + "allow more, make micro-batches smaller (data.micro_bsz, data.seq_len), or spread the model over more ranks (parallel)";
    }

    /// <summary>How each rank's model is made, but for what its layers keep.</summary>
    internal static RankModelOptions OptionsOf(RunConfig config, Device? device)
    {
        var dtype = Dtypes.TorchOf(config.Model.ElementType);
        var zero = config.HybridZeroOptimizer;
        return new()
        {
            Dtype = dtype,
            Device = device,
            DecayAll = config.Adam.DecayNormsAndBiases,
            BucketElements = zero.ReduceBucketSize,
            ReduceDtype = config.ReduceElementType() is { } sent ? Dtypes.TorchOf(sent) : null,
            NarrowSums = zero.NarrowSums,
            SplitMaster = zero.SplitMaster,
            OverlapReduction = zero.OverlapSyncGrad,
            OverlapGather = zero.OverlapSyncParam,
            OverlapTensor = config.Parallel.Tensor.Overlap,
            GatherAhead = config.Parallel.Fsdp.Prefetch,
            Weights = new(config.Parallel.Weight.Overlap, config.Parallel.Weight.Prefetch),
            LossScaler = dtype == ScalarType.Float16 ? LossScaler.Start(config.LossScaleRules()) : null,
        };
    }

    /// <summary>The choice of a run on its ranks, the same on each of them; null where the configuration says how many layers are computed again.</summary>
    /// <exception cref="TrainingException">A rank does not fit, or nobody says how much memory there is.</exception>
    internal static RecomputePlan? Of(RunConfig config, CausalLM spec, Core.Layout layout, RankGroups groups, Device device)
    {
        if (!config.Model.Checkpoint.IsAuto)
        {
            return null;
        }

        var onGpu = device.type == DeviceType.CUDA;
        var budget = BudgetOf(config) ?? Smallest(groups, device, onGpu ? (long)(PartOfGpu * (CudaDriver.TotalMemory(Math.Max(0, device.index)) ?? 0)) : 0);
        if (budget == 0)
        {
            throw new TrainingException(
                $"train.memory_budget must be given: model.checkpoint = \"auto\" chooses what fits it, and {(onGpu ? "the driver of this GPU" : "a CPU")} does not say how much memory a rank may take");
        }

        var plan = Plan(config, spec, layout, onGpu, budget);
        return Problem(config, plan) is { } problem ? throw new TrainingException(problem) : plan;
    }

    // All ranks choose for the one that has the least.
    private static long Smallest(RankGroups groups, Device device, long own)
    {
        using var mine = tensor([own], device: device);
        using var all = groups.Everyone.AllReduce(mine, ReduceOperation.Min, new(RuntimeSites.Memory, false));
        using var here = all.cpu();
        return here.item<long>();
    }

    private static string Gib(long bytes) => (bytes / Gibibyte).ToString("0.0###", CultureInfo.InvariantCulture) + " GiB";
}
