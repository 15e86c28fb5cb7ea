using Evo.Core;
using Evo.Models;

namespace Evo.Parallel;

/// <summary>What of a model decides how it can be laid out over ranks: the facts that Core's rules ask for.</summary>
public static class ModelLayouts
{
    /// <summary>The facts of a model.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="rowTokens">Tokens of a row, where modes that spread tokens must deal them out evenly; 0 where they need not.</param>
    public static ModelFacts Facts(CausalLM spec, int rowTokens = 0) => new(
        spec.Size.LayerCount,
        (int)spec.Parameters.Where(p => p.Kind == ParameterKind.Expert).Select(p => p.Shape[0]).DefaultIfEmpty(0).Min(),
        rowTokens,
        (mode, degree) => spec.Plan(ModeOf(mode)).Problems(degree),
        spec.Pipelines);

    /// <summary>The mode of a model's emitted forwards for one of a configuration.</summary>
    public static ParallelMode ModeOf(TensorMode mode) => mode switch
    {
        TensorMode.Msp => ParallelMode.Msp,
        TensorMode.Fsp => ParallelMode.Fsp,
        TensorMode.Isp => ParallelMode.Isp,
        _ => ParallelMode.Mtp,
    };
}
