using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Evo.Models;

/// <summary>The learned tensors of one part: a weight, and a bias where the spec has one.</summary>
public sealed class Weights : nn.Module
{
    /// <summary>Registers the tensors under <c>weight</c> and <c>bias</c>.</summary>
    internal Weights(string name, Parameter weight, Parameter? bias) : base(name)
    {
        (Weight, Bias) = (weight, bias);
        register_parameter("weight", weight);
        if (bias is not null)
            register_parameter("bias", bias);
    }

    /// <inheritdoc/>
    /// <remarks>The constructor registered both.</remarks>
    protected override void RegisterComponents()
    {
    }

    /// <summary>The weight.</summary>
    public Parameter Weight { get; }

    /// <summary>The bias, or null.</summary>
    public Parameter? Bias { get; }
}
