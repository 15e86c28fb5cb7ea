using Evo.Torch.Native;
using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>One row of weight for each index.</summary>
public sealed class Embedding : nn.Module<Tensor, Tensor>
{
    private readonly long _padding;
    private readonly double? _maxNorm;
    private readonly double _normType;
    private readonly bool _scaleByFrequency;
    private readonly bool _sparse;
    private Parameter _weight;

    internal Embedding(Parameter weight, long? padding_idx, double? max_norm, double norm_type, bool scale_grad_by_freq, bool sparse) : base("Embedding")
    {
        _weight = weight;
        _padding = padding_idx is { } row ? (row < 0 ? row + weight.shape[0] : row) : -1;
        (_maxNorm, _normType, _scaleByFrequency, _sparse) = (max_norm, norm_type, scale_grad_by_freq, sparse);
        register_parameter("weight", weight);
    }

    /// <summary>[number of embeddings, their size].</summary>
    public Parameter weight
    {
        get => _weight;
        set => ConditionallyRegisterParameter("weight", _weight = value);
    }

    /// <summary>Indices [...] to rows [..., size].</summary>
    public override Tensor forward(Tensor input)
    {
        if (_maxNorm is { } limit)
        {
            using var frozen = no_grad();
            Aten.embedding_renorm_(_weight, input, limit, _normType);
        }
        return Aten.embedding(_weight, input, _padding, _scaleByFrequency, _sparse);
    }
}
