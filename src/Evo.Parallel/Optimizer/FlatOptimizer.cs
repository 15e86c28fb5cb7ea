using Evo.Torch;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// AdamW over flat buffers. The compute weights are views of one buffer in the model's dtype, their gradients views of
/// another, and master weights and both moments are one buffer each in float32 (float64 for a float64 model), so that an
/// update, a norm or a checkpoint is one pass over contiguous memory. For a float32 or float64 model the master weights are
/// the compute weights.
/// </summary>
/// <remarks>
/// Made before the model, which is then built over <see cref="Weights"/> (see <c>BuildOptions.Storage</c>); then
/// <see cref="Attach"/> gives each parameter its gradient.
/// </remarks>
public sealed class FlatOptimizer : IDisposable
{
    private readonly Tensor? lowGradient;
    private readonly Dictionary<string, FlatSlot> slots;
    private readonly List<(Parameter Parameter, Tensor Gradient)> attached = [];
    private Tensor? master;

    /// <summary>Makes the buffers, all zero.</summary>
    /// <param name="layout">Where each parameter stands; tied weights are one parameter.</param>
    /// <param name="dtype">Dtype of the model: float32, bfloat16 or float64.</param>
    /// <param name="device">Where the buffers are; null is the processor.</param>
    /// <exception cref="ArgumentException">The layout is empty, or another dtype.</exception>
    public FlatOptimizer(FlatLayout layout, ScalarType dtype, Device? device = null)
    {
        if (layout.Slots.Count == 0)
        {
            throw new ArgumentException("an optimizer needs at least one parameter", nameof(layout));
        }

        if (dtype is not (ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float64))
        {
            throw new ArgumentException($"a model trains in float32, bfloat16 or float64, not in {dtype}", nameof(dtype));
        }

        (Layout, Dtype, Device) = (layout, dtype, device ?? CPU);
        var stateDtype = dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        Tensor Buffer(ScalarType type) => zeros(layout.Length, dtype: type, device: Device).DetachFromDisposeScope();
        Compute = Buffer(dtype);
        Gradient = Buffer(stateDtype);
        ExpAvg = Buffer(stateDtype);
        ExpAvgSq = Buffer(stateDtype);
        lowGradient = dtype == stateDtype ? null : Buffer(dtype);
        master = dtype == stateDtype ? null : Buffer(stateDtype);
        slots = layout.Slots.ToDictionary(slot => slot.Name, StringComparer.Ordinal);
    }

    /// <summary>Where each parameter stands.</summary>
    public FlatLayout Layout { get; }

    /// <summary>Dtype of the compute weights.</summary>
    public ScalarType Dtype { get; }

    /// <summary>Device of all buffers.</summary>
    public Device Device { get; }

    /// <summary>The weights that the model computes with, in <see cref="Dtype"/>.</summary>
    public Tensor Compute { get; }

    /// <summary>The weights that the update is applied to: float32 or float64; the same tensor as <see cref="Compute"/> where the dtypes agree.</summary>
    public Tensor Master => master ?? Compute;

    /// <summary>Sum of the gradients of the micro-batches since <see cref="ZeroGradient"/>: float32 or float64.</summary>
    public Tensor Gradient { get; }

    /// <summary>AdamW's running mean of gradients.</summary>
    public Tensor ExpAvg { get; }

    /// <summary>AdamW's running mean of squared gradients.</summary>
    public Tensor ExpAvgSq { get; }

    /// <summary>Whether master weights are kept beside the compute weights.</summary>
    public bool HasMaster => master is not null;

    /// <summary>The memory of one parameter, as a new view of <see cref="Compute"/> in the parameter's shape; the caller owns the view.</summary>
    /// <exception cref="KeyNotFoundException">The layout has no such parameter.</exception>
    public Tensor Weights(string name) => View(Compute, slots[name]);

    /// <summary>Gives every parameter of a model built over <see cref="Weights"/> its gradient, a view of the flat one.</summary>
    /// <param name="find">The parameter of a name.</param>
    /// <exception cref="ArgumentException">A parameter has another shape or dtype, or its numbers lie elsewhere.</exception>
    public void Attach(Func<string, Parameter> find)
    {
        foreach (var slot in Layout.Slots)
        {
            var parameter = find(slot.Name);
            if (parameter.dtype != Dtype || !parameter.shape.SequenceEqual(slot.Shape))
            {
                throw new ArgumentException(
                    $"{slot.Name} is {parameter.dtype} [{string.Join(", ", parameter.shape)}], the buffer holds {Dtype} [{string.Join(", ", slot.Shape)}]",
                    nameof(find));
            }

            var gradient = View(lowGradient ?? Gradient, slot).DetachFromDisposeScope();
            parameter.grad = gradient;
            attached.Add((parameter, gradient));
        }

        CastToMaster();
    }

    /// <summary>The part of a flat buffer that belongs to one parameter, in its shape; shares memory.</summary>
    public static Tensor View(Tensor flat, FlatSlot slot) => flat.narrow(0, slot.Offset, slot.Length).view([.. slot.Shape]);

    /// <summary>Begins a step.</summary>
    public void ZeroGradient()
    {
        Gradient.zero_();
        lowGradient?.zero_();
    }

    /// <summary>To be called after the backward pass of each micro-batch: adds a low-precision gradient into the float32 one.</summary>
    public void Accumulate()
    {
        if (lowGradient is not null)
        {
            using var noGrad = no_grad();
            Gradient.add_(lowGradient);
            lowGradient.zero_();
        }
    }

    /// <summary>The L2 norm over all gradients together; every element counts once, tied weights too.</summary>
    public double GradientNorm()
    {
        using var noGrad = no_grad();
        using var squared = Ops.GlobalNormSquared(Gradient);
        return Math.Sqrt(squared.ToDouble());
    }

    /// <summary>PyTorch's <c>clip_grad_norm_</c>: the factor that brings a gradient of norm <paramref name="norm"/> to at most <paramref name="limit"/>; a limit of 0 clips nothing.</summary>
    public static double ClipFactor(double norm, double limit) => limit > 0 ? Math.Min(1, limit / (norm + 1e-6)) : 1;

    /// <summary>The first parameter in data flow order whose gradient holds a value that is not finite, and that value's kind; null if all are finite.</summary>
    public (string Parameter, string Found)? FirstNonFinite()
    {
        using var noGrad = no_grad();
        foreach (var slot in Layout.Slots)
        {
            using var scope = NewDisposeScope();
            var gradient = Gradient.narrow(0, slot.Offset, slot.Length);
            if (gradient.isnan().any().ToBoolean())
            {
                return (slot.Name, "nan");
            }

            if (gradient.isinf().any().ToBoolean())
            {
                return (slot.Name, "inf");
            }
        }

        return null;
    }

    /// <summary>One AdamW update of all parameters in PyTorch's arithmetic.</summary>
    /// <param name="rates">Learning rate, betas, epsilon and decay of this update.</param>
    /// <param name="update">Number of this update, from 1, for the bias correction.</param>
    /// <param name="gradientScale">Factor on the gradient, normally <see cref="ClipFactor"/>.</param>
    public void Update(AdamRates rates, long update, double gradientScale)
    {
        using var noGrad = no_grad();
        UpdateRange(0, Layout.DecayLength, rates, rates.WeightDecay, update, gradientScale);
        UpdateRange(Layout.DecayLength, Layout.Length, rates, 0, update, gradientScale);
    }

    /// <summary>Makes the compute weights the rounded master weights; to be called after master weights were loaded.</summary>
    public void CastFromMaster()
    {
        if (master is not null)
        {
            using var noGrad = no_grad();
            Compute.copy_(master);
        }
    }

    /// <summary>Makes the master weights those of the model; to be called after the model was initialized or loaded.</summary>
    public void CastToMaster()
    {
        if (master is not null)
        {
            using var noGrad = no_grad();
            master.copy_(Compute);
        }
    }

    /// <summary>Takes the gradients from the parameters and frees the buffers; the weights live on in the model.</summary>
    public void Dispose()
    {
        foreach (var (parameter, gradient) in attached)
        {
            parameter.grad = null;
            gradient.Dispose();
        }

        foreach (var buffer in (Tensor?[])[master, lowGradient, Compute, Gradient, ExpAvg, ExpAvgSq])
        {
            buffer?.Dispose();
        }
    }

    private void UpdateRange(long begin, long end, AdamRates rates, double decay, long update, double gradientScale)
    {
        if (begin == end)
        {
            return;
        }

        using var scope = NewDisposeScope();
        Tensor Range(Tensor flat) => flat.narrow(0, begin, end - begin);
        Ops.AdamW(
            Range(Master), Range(Gradient), Range(ExpAvg), Range(ExpAvgSq),
            rates.LearningRate, rates.Beta1, rates.Beta2, rates.Epsilon, decay, update, gradientScale,
            HasMaster ? Range(Compute) : null);
    }
}
