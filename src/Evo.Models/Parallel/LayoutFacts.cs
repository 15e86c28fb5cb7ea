using System.Collections.Concurrent;
using Evo.Core;

namespace Evo.Models;

/// <summary>What of a model decides on which ranks it can run, for <see cref="Legality"/>.</summary>
public static class LayoutFacts
{
    /// <summary>The facts of a model; plans are made once for each mode that is asked about.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="rowTokens">Tokens of one row, which modes that spread the sequence deal out; 0 where they will suit.</param>
    public static ModelFacts Of(CausalLM spec, int rowTokens = 0)
    {
        var plans = new ConcurrentDictionary<TensorMode, ModePlan>();
        return new ModelFacts(
            layers: spec.Size.LayerCount,
            experts: (int)spec.Parameters.Where(p => p.Kind == ParameterKind.Expert).Select(p => p.Shape[0]).DefaultIfEmpty(0).Max(),
            rowTokens,
            tensorProblems: (mode, degree) => plans.GetOrAdd(mode, m => spec.Plan(ModeOf(m))).Problems(degree),
            notPipelined: null);
    }

    /// <summary>The emitted mode of a tensor mode.</summary>
    public static ParallelMode ModeOf(TensorMode mode) => mode switch
    {
        TensorMode.Mtp => ParallelMode.Mtp,
        TensorMode.Msp => ParallelMode.Msp,
        TensorMode.Fsp => ParallelMode.Fsp,
        TensorMode.Isp => ParallelMode.Isp,
        _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, "no mode of the tensor axis"),
    };
}
