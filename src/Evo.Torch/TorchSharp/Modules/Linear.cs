using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>input @ weightᵀ + bias; weight [out_features, in_features], bias [out_features] or none.</summary>
public sealed class Linear : nn.Module<Tensor, Tensor>
{
    private Parameter _weight;
    private Parameter? _bias;

    internal Linear(long inputSize, long outputSize, bool hasBias, Device? device, ScalarType? dtype) : base("Linear")
    {
        (in_features, out_features) = (inputSize, outputSize);
        _weight = new Parameter(empty(outputSize, inputSize, dtype, device));
        nn.init.kaiming_uniform_(_weight, Math.Sqrt(5));
        register_parameter("weight", _weight);
        if (!hasBias) return;
        _bias = new Parameter(empty(outputSize, dtype, device));
        var bound = inputSize > 0 ? 1 / Math.Sqrt(inputSize) : 0;
        nn.init.uniform_(_bias, -bound, bound);
        register_parameter("bias", _bias);
    }

    internal Linear(Parameter weight, Parameter? bias) : base("Linear")
    {
        (in_features, out_features) = (weight.shape[1], weight.shape[0]);
        _weight = weight;
        register_parameter("weight", weight);
        _bias = bias;
        if (bias is not null) register_parameter("bias", bias);
    }

    /// <summary>[out_features, in_features].</summary>
    public Parameter weight
    {
        get => _weight;
        set => ConditionallyRegisterParameter("weight", _weight = value);
    }

    /// <summary>[out_features], or null.</summary>
    public Parameter? bias
    {
        get => _bias;
        set => ConditionallyRegisterParameter("bias", _bias = value);
    }

    /// <summary>The size of the last dimension of what comes in.</summary>
    public long in_features { get; set; }

    /// <summary>The size of the last dimension of what goes out.</summary>
    public long out_features { get; set; }

    /// <summary>[..., in_features] to [..., out_features].</summary>
    public override Tensor forward(Tensor tensor) => nn.functional.linear(tensor, _weight, _bias);

    /// <summary>Frees the parameters.</summary>
    protected override void Dispose(bool disposing) => base.Dispose(disposing);
}
