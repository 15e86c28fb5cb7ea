using Evo.Core;
using Evo.Models;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>Bytes of one rank's tensors by kind, as they were counted or as formulas predict them.</summary>
/// <param name="Parameters">Weights in the model's dtype.</param>
/// <param name="Gradients">Gradients, in both dtypes where there are two.</param>
/// <param name="OptimizerState">Both moments.</param>
/// <param name="Master">Weights in the optimizer's dtype, where the model's is another.</param>
/// <param name="Buffers">The most that whole blocks of sharded weights take at one time.</param>
/// <param name="Activations">
/// The most that passes keep: predicted, what backward passes read; counted, all that is alive at the peak of a step beside the other kinds.
/// </param>
public sealed record RankMemory(long Parameters, long Gradients, long OptimizerState, long Master, long Buffers, long Activations)
{
    /// <summary>All of it.</summary>
    public long Total => Parameters + Gradients + OptimizerState + Master + Buffers + Activations;

    /// <summary>Kinds by name.</summary>
    public IReadOnlyList<(string Kind, long Bytes)> Kinds =>
    [
        ("parameters", Parameters), ("gradients", Gradients), ("optimizer state", OptimizerState), ("master weights", Master),
        ("gathered weights", Buffers), ("activations", Activations),
    ];

    /// <summary>What a rank holds, counted from its tensors.</summary>
    /// <param name="model">The rank's model.</param>
    /// <param name="peak">The most bytes of tensors that were alive at one time in the step.</param>
    public static RankMemory Counted(RankModel model, long peak)
    {
        var held = model.Optimizer.Bytes;
        var gathered = held.PeakGathered + model.GatheredBytes.Sum(chunk => chunk.Peak);
        return new(held.Parameters, held.Gradients, held.OptimizerState, held.Master, gathered, Math.Max(0, peak - held.Kept - gathered));
    }

    /// <summary>What a rank needs, by formulas alone: those of the flat plans, and those of what the emitted forward keeps.</summary>
    /// <param name="model">The rank's model.</param>
    /// <param name="rows">Rows of a micro-batch.</param>
    /// <param name="length">Tokens of a row.</param>
    public static RankMemory Predicted(RankModel model, long rows, long length)
    {
        var plan = model.Optimizer.PlannedBytes;
        var gathered = model.Layout.Degrees.Fsdp > 1
            ? model.Optimizer.Plans.Sum(p => p.GatheredBytes(Dtypes.Of(model.Options.Dtype), model.Options.GatherAhead))
            : model.GatheredBytes.Sum(chunk => Neighbours(chunk.Blocks, 1 + (model.Options.Weights?.Ahead ?? 0)));
        return new(plan.Parameters, plan.Gradients, plan.OptimizerState, plan.Master, gathered, new PassMemory(model.Plan, rows, length).Peak(working: false, onGpu: false));
    }

    /// <summary>What a rank needs, by formulas alone and before any of it is made.</summary>
    internal static RankMemory OnPaper(RankPlan plan, long rows, long length)
    {
        var dtype = Dtypes.Of(plan.Options.Dtype);
        var fsdp = plan.Layout.Degrees.Fsdp > 1;
        var flat = plan.Flat();
        var held = flat.Select(p => p.Bytes(dtype, fsdp, plan.Options.NarrowSums, plan.Options.SplitMaster)).Aggregate((a, b) => a + b);
        var gathered = fsdp ? flat.Sum(p => p.GatheredBytes(dtype, plan.Options.GatherAhead)) : plan.GatheredBlocks().Sum(
            blocks => Neighbours(blocks, 1 + (plan.Options.Weights?.Ahead ?? 0)));
        return new(held.Parameters, held.Gradients, held.OptimizerState, held.Master, gathered, new PassMemory(plan, rows, length).Peak(working: false, onGpu: false));
    }

    /// <summary>What one rank needs for the whole model, before any of it is made.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="options">How it would be made.</param>
    /// <param name="rows">Rows of a micro-batch.</param>
    /// <param name="length">Tokens of a row.</param>
    /// <param name="recompute">Share of the layers that are computed again in the backward pass.</param>
    public static RankMemory OfOneRank(CausalLM spec, RankModelOptions options, long rows, long length, double recompute) =>
        OnPaper(new(spec, RankPlan.OneRank(recompute), new(new Topology(Core.Degrees.Single), new SoleRank()), options), rows, length);

    /// <summary>The most bytes of tensors on a device at one time since the last <see cref="ResetPeak"/>.</summary>
    public static long Peak(Device device) => device.type == DeviceType.CUDA
        ? NativeMemory.OfCuda(Math.Max(0, device.index))?.Peak ?? 0
        : NativeMemory.PeakBytes;

    /// <summary>Bytes of tensors on a device now.</summary>
    public static long Alive(Device device) => device.type == DeviceType.CUDA
        ? NativeMemory.OfCuda(Math.Max(0, device.index))?.Allocated ?? 0
        : NativeMemory.BytesAllocated;

    /// <summary>Begins a new measurement of <see cref="Peak"/>.</summary>
    public static void ResetPeak(Device device)
    {
        if (device.type == DeviceType.CUDA)
        {
            NativeMemory.ResetPeakOfCuda(Math.Max(0, device.index));
        }
        else
        {
            NativeMemory.ResetPeak();
        }
    }

    /// <summary>The same kinds of all ranks, the largest of each; all ranks call this together.</summary>
    public RankMemory Largest(RankModel model)
    {
        if (model.Groups.Everyone.Size == 1)
        {
            return this;
        }

        long[] own = [Parameters, Gradients, OptimizerState, Master, Buffers, Activations];
        using var numbers = tensor(own, device: model.Options.Device).unsqueeze(0);
        using var all = model.Groups.Everyone.AllGather(numbers, 0, new(RuntimeSites.Memory, false));
        using var largest = all.amax(0).cpu();
        long[] n = [.. largest.data<long>()];
        return new(n[0], n[1], n[2], n[3], n[4], n[5]);
    }

    // The most that so many blocks in a row take together.
    private static long Neighbours(IReadOnlyList<long> blocks, int together) =>
        Enumerable.Range(0, blocks.Count).Select(first => blocks.Skip(first).Take(together).Sum()).DefaultIfEmpty(0).Max();
}
