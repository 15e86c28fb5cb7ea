using Evo.Torch;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>A parameter of the model as the optimizer takes it.</summary>
/// <param name="Name">Logical name; distinct.</param>
/// <param name="Value">The parameter; tied weights are one parameter and stand here once.</param>
/// <param name="Decays">Whether weight decay applies to it.</param>
public sealed record FlatParameter(string Name, Parameter Value, bool Decays);

/// <summary>
/// AdamW over flat buffers. The compute weights become views of one buffer in the model's dtype, their gradients views of
/// another, and master weights and both moments are one buffer each in float32 (float64 for a float64 model), so that an
/// update, a norm or a checkpoint is one pass over contiguous memory. For a float32 or float64 model the master weights are
/// the compute weights.
/// </summary>
public sealed class FlatOptimizer : IDisposable
{
    private readonly Tensor? lowGradient;
    private readonly Tensor[] gradients;
    private readonly IReadOnlyList<FlatParameter> parameters;

    /// <summary>Moves the parameters into flat buffers, keeping their values and identity, and gives each a zero gradient.</summary>
    /// <param name="parameters">All trained parameters in data flow order, of one dtype and on one device.</param>
    /// <exception cref="ArgumentException">No parameters, a repeated one, or several dtypes or devices.</exception>
    public FlatOptimizer(IReadOnlyList<FlatParameter> parameters)
    {
        Check(parameters);
        this.parameters = parameters;
        Dtype = parameters[0].Value.dtype;
        Device = parameters[0].Value.device;
        Layout = new(parameters.Select(p => (p.Name, (IReadOnlyList<long>)p.Value.shape, p.Decays)));

        var stateDtype = Dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Compute = zeros(Layout.Length, dtype: Dtype, device: Device);
        Gradient = zeros(Layout.Length, dtype: stateDtype, device: Device);
        ExpAvg = zeros(Layout.Length, dtype: stateDtype, device: Device);
        ExpAvgSq = zeros(Layout.Length, dtype: stateDtype, device: Device);
        lowGradient = Dtype == stateDtype ? null : zeros(Layout.Length, dtype: Dtype, device: Device);

        gradients = new Tensor[parameters.Count];
        for (var i = 0; i < gradients.Length; i++)
        {
            var value = parameters[i].Value;
            var view = View(Compute, Layout.Slots[i]);
            view.copy_(value);
            TensorStorage.Rebase(value, view);
            gradients[i] = View(lowGradient ?? Gradient, Layout.Slots[i]);
            value.grad = gradients[i];
        }

        Master = Dtype == stateDtype ? Compute : Compute.to(stateDtype);
        scope.Detach([Compute, Gradient, ExpAvg, ExpAvgSq, .. gradients]);
        if (lowGradient is not null)
        {
            scope.Detach(lowGradient);
            scope.Detach(Master);
        }
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
    public Tensor Master { get; }

    /// <summary>Sum of the gradients of the micro-batches since <see cref="ZeroGradient"/>: float32 or float64.</summary>
    public Tensor Gradient { get; }

    /// <summary>AdamW's running mean of gradients.</summary>
    public Tensor ExpAvg { get; }

    /// <summary>AdamW's running mean of squared gradients.</summary>
    public Tensor ExpAvgSq { get; }

    /// <summary>Whether master weights are kept beside the compute weights.</summary>
    public bool HasMaster => lowGradient is not null;

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
    public void CastMaster()
    {
        if (HasMaster)
        {
            using var noGrad = no_grad();
            Compute.copy_(Master);
        }
    }

    /// <summary>Frees the buffers. The parameters keep their memory alive as long as the model does; their gradients are detached.</summary>
    public void Dispose()
    {
        foreach (var parameter in parameters)
        {
            parameter.Value.grad = null;
        }

        foreach (var gradient in gradients)
        {
            gradient.Dispose();
        }

        if (HasMaster)
        {
            Master.Dispose();
        }

        lowGradient?.Dispose();
        Compute.Dispose();
        Gradient.Dispose();
        ExpAvg.Dispose();
        ExpAvgSq.Dispose();
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

    private static void Check(IReadOnlyList<FlatParameter> parameters)
    {
        if (parameters.Count == 0)
        {
            throw new ArgumentException("an optimizer needs at least one parameter", nameof(parameters));
        }

        HashSet<string> names = [];
        HashSet<Parameter> values = new(ReferenceEqualityComparer.Instance);
        foreach (var (name, value, _) in parameters)
        {
            if (!names.Add(name) || !values.Add(value))
            {
                throw new ArgumentException($"parameter {name} is given twice; tied weights are one parameter", nameof(parameters));
            }

            if (value.dtype != parameters[0].Value.dtype)
            {
                throw new ArgumentException(
                    $"parameter {name} is {value.dtype} and {parameters[0].Name} is {parameters[0].Value.dtype}: one flat buffer has one dtype",
                    nameof(parameters));
            }
        }
    }
}
