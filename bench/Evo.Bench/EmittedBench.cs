using System.Diagnostics;
using System.Text.Json.Nodes;
using Evo.Models;
using Evo.Parallel;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Bench;

/// <summary>
/// Forward and backward of the emitted serial Llama beside the same model written by hand, as a TorchSharp user would: a method
/// that calls one operator after the other, the same operators, over the same weights. They take turns in one run.
/// </summary>
internal static class EmittedBench
{
    public static void Print(Options options)
    {
        set_num_threads(options.Threads);
        var spec = Llama2.ModelFamily.FromHuggingFace(new JsonObject
        {
            ["vocab_size"] = 8192,
            ["hidden_size"] = 512,
            ["intermediate_size"] = 1376,
            ["num_hidden_layers"] = 8,
            ["num_attention_heads"] = 8,
        });
        // Weights lie where training keeps them: one behind the other in flat buffers.
        var optimizer = new ShardedOptimizer(ShardedParameter.Of(spec, decayAll: true), new ShardingOptions());
        var module = spec.Build(new BuildOptions { Storage = info => optimizer.Weights(info.Name), InitSeed = 1 });
        var parameters = module.Table.ToDictionary(p => p.Info.Name, p => p.Value, StringComparer.Ordinal);
        optimizer.Attach(name => parameters[name]);
        var written = new HandWritten((Llama2)spec, name => parameters[name]);
        using var ids = randint(0, spec.Size.VocabSize, [options.Batch, options.Sequence]);

        double Time(Func<Positions, Tensor> loss, out double value)
        {
            using var scope = NewDisposeScope();
            optimizer.ZeroGradient();
            var started = Stopwatch.GetTimestamp();
            using var at = Positions.Sequential(options.Batch, options.Sequence);
            var sum = loss(at);
            sum.backward();
            value = sum.ToDouble();
            return Stopwatch.GetElapsedTime(started).TotalSeconds;
        }

        var (emitted, byHand) = (new List<double>(), new List<double>());
        for (var turn = -2; turn < options.Repeats; turn++)
        {
            var a = Time(at => module.Loss(ids, ids, at).lossSum, out var x);
            var b = Time(at => written.Loss(ids, at), out var y);
            if (Math.Abs(x - y) > 1e-4 * Math.Abs(y))
                throw new InvalidOperationException($"the emitted loss is {x}, that by hand {y}");
            if (turn >= 0)
            {
                emitted.Add(a);
                byHand.Add(b);
            }
        }

        var tokens = (double)options.Batch * options.Sequence;
        Console.WriteLine($"forward and backward, Llama 8 × 512, {options.Batch} × {options.Sequence} tokens, float32, {options.Threads} threads, medians of {options.Repeats} turns");
        Console.WriteLine($"  emitted   {tokens / Median(emitted),8:f0} tokens/s");
        Console.WriteLine($"  by hand   {tokens / Median(byHand),8:f0} tokens/s");
        Console.WriteLine($"  ratio     {Median([.. byHand.Zip(emitted, (b, a) => b / a)]),8:f3}");
    }

    private static double Median(List<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private sealed class HandWritten(Llama2 config, Func<string, Tensor> weight)
    {
        private readonly RotaryTable table = new(config.HiddenSize / config.HeadCount, config.RopeTheta, null, config.MaxPositions);

        public Tensor Loss(Tensor ids, Positions at)
        {
            var x = Ops.Embedding(ids, weight("embed.weight"));
            for (var layer = 0; layer < config.LayerCount; layer++)
            {
                using var scope = NewDisposeScope();
                x = Layer(x, at, $"layers.{layer}.").MoveToOuterDisposeScope();
            }

            x = Ops.RmsNorm(x, weight("final_norm.weight"), config.NormEpsilon);
            return Ops.LinearCrossEntropy(x.flatten(0, 1), weight("head.weight"), ids.flatten()).lossSum;
        }

        private Tensor Layer(Tensor x, Positions at, string name)
        {
            long heads = config.HeadCount, size = config.HiddenSize / config.HeadCount;
            var (batch, length) = (x.shape[0], x.shape[1]);
            var h = Ops.RmsNorm(x, weight(name + "attention_norm.weight"), config.NormEpsilon);
            var q = Ops.Linear(h, weight(name + "query.weight")).view(batch, length, heads, size);
            var k = Ops.Linear(h, weight(name + "key.weight")).view(batch, length, heads, size);
            var v = Ops.Linear(h, weight(name + "value.weight")).view(batch, length, heads, size);
            var (cos, sin) = at.Rotary(table, x.dtype);
            var a = Ops.CausalAttention(Ops.Rope(q, cos, sin), Ops.Rope(k, cos, sin), v, 1 / Math.Sqrt(size));
            x = x + Ops.Linear(a.flatten(2), weight(name + "output.weight"));
            h = Ops.RmsNorm(x, weight(name + "mlp_norm.weight"), config.NormEpsilon);
            var gated = Ops.SiluMul(Ops.Linear(h, weight(name + "gate.weight")), Ops.Linear(h, weight(name + "up.weight")));
            return x + Ops.Linear(gated, weight(name + "down.weight"));
        }
    }
}
