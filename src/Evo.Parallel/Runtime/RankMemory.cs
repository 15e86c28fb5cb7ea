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
        return new(plan.Parameters, plan.Gradients, plan.OptimizerState, plan.Master, gathered, Kept(model, rows, length));
    }

    /// <summary>What one rank needs for the whole model, before any of it is made: without the padding of flat buffers.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="options">How it would be made.</param>
    /// <param name="rows">Rows of a micro-batch.</param>
    /// <param name="length">Tokens of a row.</param>
    /// <param name="recompute">Share of the layers that are computed again in the backward pass.</param>
    public static RankMemory OfOneRank(CausalLM spec, RankModelOptions options, long rows, long length, double recompute)
    {
        var dtype = Dtypes.Of(options.Dtype);
        long count = spec.ParameterCount, compute = FlatMemory.SizeOf(dtype), state = FlatMemory.SizeOf(FlatMemory.StateType(dtype));
        var mixed = state != compute;
        var gradient = !mixed ? state : options.NarrowSums ? compute : state + compute;
        var kept = ActivationMemory.Of(spec.Plan(ParallelMode.Serial));
        var point = new SizePoint(rows, length, 1, 1);
        var (perPass, again) = Kept(
            kept, point, options.Dtype, new(0, spec.Size.LayerCount), recompute, Residual(spec, rows, length, options.Dtype));
        var activations = (long)Math.Round(perPass + again + Kept(kept, point, options.Dtype, null));
        return new(count * compute, count * gradient, 2 * count * state, mixed ? count * state : 0, 0, activations);
    }

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

    // Of each chunk, what a micro-batch's pass keeps, as often as the schedule has passes alive at one time.
    private static long Kept(RankModel model, long rows, long length)
    {
        var (spec, layout) = (model.Spec, model.Layout);
        var degrees = layout.Degrees;
        var kept = ActivationMemory.Of(spec.Plan(new ModeDegrees(model.Chunks[0].Module.Ranks.Mode, degrees.Tensor, degrees.Weight)));
        var point = new SizePoint(rows, length, degrees.Tensor, degrees.Weight);
        var alive = ScheduleFormulas.peakActivations(model.Schedule.Shape, model.Groups.Pipeline.Rank);
        var spread = degrees.Mode == TensorMode.Mtp ? 1 : degrees.Tensor;
        var residual = Residual(spec, rows, length, model.Options.Dtype) / spread;
        var chunks = model.Chunks.Select(chunk => Kept(kept, point, model.Options.Dtype, chunk.Module.Stage, layout.Recompute, residual)).ToList();
        var own = model.Chunks.Count(chunk => chunk.Module.HoldsExit) * Kept(kept, point, model.Options.Dtype, null);
        return (long)Math.Round((chunks.Sum(chunk => chunk.PerPass) / chunks.Count * alive) + own + chunks.Max(chunk => chunk.Again));
    }

    // Of a range of layers: what a pass keeps, and what a recomputed layer keeps in addition while its backward pass runs.
    private static (double PerPass, double Again) Kept(
        ActivationMemory kept, SizePoint point, ScalarType dtype, StageRange stage, double recompute, double residual)
    {
        var layers = Enumerable.Range(stage.First, stage.Count).Select(layer => Kept(kept, point, dtype, layer)).ToList();
        var recomputed = (int)(stage.Count * recompute);
        return ((recomputed * residual) + layers.Skip(recomputed).Sum(), layers.Take(recomputed).DefaultIfEmpty(0).Max());
    }

    private static double Kept(ActivationMemory kept, SizePoint point, ScalarType dtype, int? layer) =>
        kept.Tensors.Where(t => t.Layer == layer).Sum(t => (t.Count * ActivationMemory.SizeOf(t.Type, dtype)).At(point));

    private static double Residual(CausalLM spec, long rows, long length, ScalarType dtype) =>
        (double)rows * length * spec.Size.HiddenSize * ActivationMemory.SizeOf(NumberType.Compute, dtype);
}
