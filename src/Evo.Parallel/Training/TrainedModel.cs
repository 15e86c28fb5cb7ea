using Evo.Core;
using Evo.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>A model in flat buffers with its optimizer: what training changes and a checkpoint keeps.</summary>
internal sealed class TrainedModel : IDisposable
{
    private TrainedModel(CausalLMModule module, ShardedOptimizer optimizer) => (Module, Optimizer) = (module, optimizer);

    /// <summary>The model; its weights are views of the optimizer's buffers.</summary>
    internal CausalLMModule Module { get; }

    /// <summary>The optimizer.</summary>
    internal ShardedOptimizer Optimizer { get; }

    /// <summary>Builds the model over flat buffers; its weights are zero until <see cref="CausalLMModule.Initialize"/> or a loader fills them.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="dtype">Dtype of its weights and activations.</param>
    /// <param name="device">Where it is.</param>
    /// <param name="recompute">Fraction of the layers whose activations are computed again in the backward pass.</param>
    /// <param name="decayAll">Whether norms and biases decay too.</param>
    internal static TrainedModel Build(CausalLM spec, ScalarType dtype, Device device, double recompute, bool decayAll)
    {
        var optimizer = new ShardedOptimizer(ShardedParameter.Of(spec, decayAll), new ShardingOptions { Dtype = dtype, Device = device });
        try
        {
            var module = spec.Build(new BuildOptions
            {
                Dtype = dtype,
                Device = device,
                RecomputeFraction = recompute,
                Storage = info => optimizer.Weights(info.Name),
            });
            var byName = module.Table.ToDictionary(p => p.Info.Name, p => p.Value, StringComparer.Ordinal);
            optimizer.Attach(name => byName[name]);
            return new(module, optimizer);
        }
        catch
        {
            optimizer.Dispose();
            throw;
        }
    }

    /// <summary>The dtype of libtorch for one of the configuration.</summary>
    internal static ScalarType ScalarTypeOf(DType dtype) => dtype switch
    {
        DType.BF16 => ScalarType.BFloat16,
        DType.F16 => ScalarType.Float16,
        DType.F64 => ScalarType.Float64,
        _ => ScalarType.Float32,
    };

    /// <summary>The inverse of <see cref="ScalarTypeOf"/>.</summary>
    internal static DType DTypeOf(ScalarType dtype) => dtype switch
    {
        ScalarType.BFloat16 => DType.BF16,
        ScalarType.Float16 => DType.F16,
        ScalarType.Float64 => DType.F64,
        _ => DType.F32,
    };

    /// <inheritdoc/>
    public void Dispose()
    {
        Optimizer.Dispose();
        Module.Dispose();
    }
}
