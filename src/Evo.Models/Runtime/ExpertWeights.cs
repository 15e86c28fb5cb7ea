using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Models;

/// <summary>The weights of all experts of one part, each map stacked along a first axis.</summary>
public sealed class ExpertWeights : nn.Module
{
    /// <summary>Registers the maps under <c>gate</c>, <c>up</c> and <c>down</c>.</summary>
    internal ExpertWeights(string name, Weights? gate, Weights up, Weights down) : base(name)
    {
        (Gate, Up, Down) = (gate, up, down);
        if (gate is not null)
            register_module("gate", gate);
        register_module("up", up);
        register_module("down", down);
    }

    /// <inheritdoc/>
    /// <remarks>The constructor registered all.</remarks>
    protected override void RegisterComponents()
    {
    }

    /// <summary>[E, F, C], or null for experts without a gate.</summary>
    public Weights? Gate { get; }

    /// <summary>[E, F, C].</summary>
    public Weights Up { get; }

    /// <summary>[E, C, F].</summary>
    public Weights Down { get; }
}
