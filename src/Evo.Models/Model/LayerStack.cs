using static TorchSharp.torch;

namespace Evo.Models;

/// <summary>The layers of a stage, registered under their numbers in the whole model.</summary>
public sealed class LayerStack : nn.Module
{
    /// <summary>Registers the layers as "<paramref name="first"/>", …</summary>
    public LayerStack(IReadOnlyList<LayerModule> layers, int first) : base(nameof(LayerStack))
    {
        for (int i = 0; i < layers.Count; i++)
            register_module((first + i).ToString(System.Globalization.CultureInfo.InvariantCulture), layers[i]);
    }

    /// <inheritdoc/>
    /// <remarks>The constructor registered all.</remarks>
    protected override void RegisterComponents()
    {
    }
}
