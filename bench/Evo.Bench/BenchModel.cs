using System.Text.Json.Nodes;
using Evo.Core;
using Evo.Models;
using Evo.Parallel;

namespace Evo.Bench;

/// <summary>The model that ranks are measured with, Llama 8 × 512, its batches and its layouts.</summary>
internal static class BenchModel
{
    public static CausalLM Llama { get; } = Llama2.ModelFamily.FromHuggingFace(new JsonObject
    {
        ["vocab_size"] = 8192,
        ["hidden_size"] = 512,
        ["intermediate_size"] = 1376,
        ["num_hidden_layers"] = 8,
        ["num_attention_heads"] = 8,
    });

    public static AdamRates Rates { get; } = new(LearningRate: 3e-4, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8, WeightDecay: 0.1);

    /// <summary>Replicas that share the optimizer's state, or stages of a pipeline.</summary>
    public static Core.Layout Layout(int data, int stages = 1, PipelineMode schedule = PipelineMode.OneForwardOneBackward, int chunks = 1, int microBatches = 1) => new(
        new Core.Degrees(data * stages, TensorMode.Mtp, 1, 1, stages, -1, 1, false, 1), schedule, chunks, microBatches, 0, false, GradientReduction.ReduceScatter);

    /// <summary>Rows of one step, packed behind one another; the walk of tokens_of in bench/pytorch_train.py.</summary>
    public static MicroBatch Tokens(long step, int firstRow, int rows, int length, int vocabulary)
    {
        long Id(long b, long t) => (t * (2 * b + 3) + t * t % 61 + 31 * step) % vocabulary;
        var places = Enumerable.Range(0, rows * length).Select(i => (B: firstRow + i / length, T: i % length)).ToArray();
        return new(
            [.. places.Select(p => Id(p.B, p.T))],
            [.. places.Select(p => Id(p.B, p.T + 1))],
            [.. places.Select(p => (long)p.T)],
            [.. Enumerable.Range(0, rows + 1).Select(b => b * length)]);
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
