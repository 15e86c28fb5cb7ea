using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>(x - mean) / √(variance + eps) over the last dimensions, times weight, plus bias.</summary>
public sealed class LayerNorm : nn.Module<Tensor, Tensor>
{
    private Parameter? _weight;
    private Parameter? _bias;

    internal LayerNorm(long[] normalized_shape, double eps, bool elementwise_affine, bool bias, Device? device, ScalarType? dtype) : base("LayerNorm")
    {
        this.normalized_shape = normalized_shape;
        this.eps = eps;
        this.elementwise_affine = elementwise_affine;
        if (!elementwise_affine) return;
        register_parameter("weight", _weight = new Parameter(empty(normalized_shape, dtype, device)));
        if (bias) register_parameter("bias", _bias = new Parameter(empty(normalized_shape, dtype, device)));
        reset_parameters();
    }

    /// <summary>Of the normalized shape, or null.</summary>
    public Parameter? weight
    {
        get => _weight;
        set => ConditionallyRegisterParameter("weight", _weight = value);
    }

    /// <summary>Of the normalized shape, or null.</summary>
    public Parameter? bias
    {
        get => _bias;
        set => ConditionallyRegisterParameter("bias", _bias = value);
    }

    /// <summary>The sizes of the last dimensions.</summary>
    public long[] normalized_shape { get; set; }

    /// <summary>Added to the variance.</summary>
    public double eps { get; set; }

    /// <summary>Whether there are weight and bias.</summary>
    public bool elementwise_affine { get; set; }

    /// <summary>Weight to one, bias to zero.</summary>
    public void reset_parameters()
    {
        if (_weight is not null) nn.init.ones_(_weight);
        if (_bias is not null) nn.init.zeros_(_bias);
    }

    /// <summary>The same shape.</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.layer_norm(tensor, normalized_shape, _weight, _bias, eps);

    /// <summary>Frees the parameters.</summary>
    protected override void Dispose(bool disposing) => base.Dispose(disposing);
}
