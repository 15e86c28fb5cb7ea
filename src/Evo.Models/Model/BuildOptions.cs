using Evo.Core;
using TorchSharp;

namespace Evo.Models;

/// <summary>How a module is made from a spec.</summary>
public sealed record BuildOptions
{
    /// <summary>Type of parameters and activations.</summary>
    public torch.ScalarType Dtype { get; init; } = torch.ScalarType.Float32;

    /// <summary>Where parameters live; null is the processor.</summary>
    public torch.Device? Device { get; init; }

    /// <summary>
    /// The first <c>int(layers × fraction)</c> layers keep only their input and are computed again in the backward pass: of the
    /// layers of the stage, so that every stage saves the same share.
    /// </summary>
    public double RecomputeFraction { get; init; }

    /// <summary>Whether layers that are computed again keep what their attention gave, and compute only the rest again.</summary>
    public bool KeepAttention { get; init; }

    /// <summary>What each layer of the stage keeps; null leaves it to <see cref="RecomputeFraction"/> and <see cref="KeepAttention"/>.</summary>
    public IReadOnlyList<LayerKeeps>? Keeps { get; init; }

    /// <summary>What each of so many layers keeps.</summary>
    public IReadOnlyList<LayerKeeps> KeepsOf(int layers) => Keeps ?? KeepsOf(layers, RecomputeFraction, KeepAttention);

    /// <summary>What each of so many layers keeps where the first ones are computed again.</summary>
    /// <param name="layers">Layers of the stage.</param>
    /// <param name="fraction">Share of them that is computed again, rounded down to layers.</param>
    /// <param name="keepAttention">Whether these keep what their attention gave.</param>
    public static IReadOnlyList<LayerKeeps> KeepsOf(int layers, double fraction, bool keepAttention) =>
    [
        .. Enumerable.Range(0, layers).Select(i =>
            i >= (int)(layers * fraction) ? LayerKeeps.Everything : keepAttention ? LayerKeeps.Attention : LayerKeeps.Input),
    ];

    /// <summary>Where not null, parameters start by <see cref="CausalLMModule.Initialize"/> with this seed; else they are uninitialised.</summary>
    public ulong? InitSeed { get; init; }

    /// <summary>Whether dropout drops in training, and gates choose at random; false trains as if every share were 0.</summary>
    public bool Dropout { get; init; } = true;

    /// <summary>The mode and this rank's groups; one device unless given.</summary>
    public RankContext Ranks { get; init; } = RankContext.Single;

    /// <summary>The layers that are built, with what stands before the first and behind the last; null for all.</summary>
    public StageRange? Stage { get; init; }

    /// <summary>Told when each block of the module begins and ends its forward and backward; null for nobody.</summary>
    public BlockEvents? Blocks { get; init; }

    /// <summary>
    /// Gives the tensor that a parameter's numbers lie in (say, a view of a flat buffer): its shape and type must be those of
    /// the rank's share of the parameter. Null makes a tensor of its own for each.
    /// </summary>
    public Func<ParameterInfo, torch.Tensor>? Storage { get; init; }
}
