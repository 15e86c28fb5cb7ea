using Evo.Core;
using Evo.Torch;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// The weights of one fully sharded block: parameters that are views of one buffer whose memory comes and goes. They stay the
/// same tensors for the module and for graphs that saved them; only their bytes are away between uses.
/// </summary>
internal sealed class GatheredBlock : IDisposable
{
    private readonly FlatBucket bucket;
    private readonly ScalarType dtype;
    private readonly Tensor weights;
    private readonly Tensor written;
    private readonly List<(Parameter Parameter, FlatSlot Slot)> parameters = [];
    private readonly List<Tensor> gradientViews = [];
    private Tensor? gradient;
    private Tensor? sent;
    private PendingTensor? arriving;

    internal GatheredBlock(FlatBucket bucket, ScalarType dtype, Device device)
    {
        (this.bucket, this.dtype) = (bucket, dtype);
        weights = empty(bucket.Length, dtype: dtype, device: device).DetachFromDisposeScope();
        // Filling the memory again is no change of a weight: graphs that saved one find what they saw.
        written = TensorStorage.Untracked(weights).DetachFromDisposeScope();
        TensorStorage.Free(weights);
    }

    /// <summary>Whether the weights can be read.</summary>
    internal bool IsWhole { get; private set; }

    /// <summary>Bytes of the weights while they are whole.</summary>
    internal long Bytes => bucket.Length * weights.element_size();

    /// <summary>All weights of the block in one line; to be read while they are whole.</summary>
    internal Tensor Weights => weights;

    /// <summary>The memory of one parameter, in its shape; the caller owns the view.</summary>
    internal Tensor View(FlatSlot slot, IReadOnlyList<long> shape)
    {
        // libtorch makes views of memory that is there.
        if (!IsWhole)
        {
            TensorStorage.Restore(weights);
        }

        using var part = weights.narrow(0, slot.Offset - bucket.Offset, slot.Length);
        var view = part.view([.. shape]);
        if (!IsWhole)
        {
            TensorStorage.Free(weights);
        }

        return view;
    }

    internal void Attach(FlatSlot slot, Parameter parameter) => parameters.Add((parameter, slot));

    /// <summary>Begins to gather the weights, unless they are there or under way.</summary>
    /// <param name="own">This rank's part; belongs to this from here on.</param>
    /// <param name="group">The ranks that share the block.</param>
    internal void Begin(Tensor own, ProcessGroup group)
    {
        sent = own.DetachFromDisposeScope();
        arriving = group.StartAllGather(sent, 0, new(OptimizerSites.GatherBlock, false));
    }

    /// <summary>Whether the weights are there or under way.</summary>
    internal bool HasBegun => IsWhole || arriving is not null;

    /// <summary>Waits for the weights that are under way.</summary>
    internal void Fill()
    {
        using var scope = NewDisposeScope();
        var arrived = arriving!.Wait();
        TensorStorage.Restore(weights);
        written.copy_(arrived);
        IsWhole = true;
        Forget();
    }

    /// <summary>Gives the memory of the weights back, and those that are under way.</summary>
    internal void Free()
    {
        if (arriving is not null)
        {
            using var unused = arriving.Wait();
            Forget();
        }

        if (IsWhole)
        {
            TensorStorage.Free(weights);
            IsWhole = false;
        }
    }

    /// <summary>Gives every parameter a gradient of zeros to add to, unless it has one.</summary>
    internal void OpenGradient()
    {
        if (gradient is not null)
        {
            return;
        }

        gradient = zeros(bucket.Length, dtype: dtype, device: weights.device).DetachFromDisposeScope();
        foreach (var (parameter, slot) in parameters)
        {
            using var part = gradient.narrow(0, slot.Offset - bucket.Offset, slot.Length);
            var view = part.view(parameter.shape).DetachFromDisposeScope();
            parameter.grad = view;
            gradientViews.Add(view);
        }
    }

    /// <summary>Takes the gradients from the parameters: all in one line, or null where no backward pass began.</summary>
    internal Tensor? TakeGradient()
    {
        foreach (var (parameter, _) in gradient is null ? [] : parameters)
        {
            parameter.grad = null;
        }

        gradientViews.ForEach(view => view.Dispose());
        gradientViews.Clear();
        var taken = gradient;
        gradient = null;
        return taken;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        TakeGradient()?.Dispose();
        written.Dispose();
        weights.Dispose();
    }

    private void Forget()
    {
        sent?.Dispose();
        (sent, arriving) = (null, null);
    }
}
