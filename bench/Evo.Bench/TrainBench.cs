using System.Diagnostics;
using System.Text.Json;
using Evo.Models;
using Evo.Parallel;
using Evo.Torch;
using TorchSharp;

namespace Evo.Bench;

/// <summary>
/// Trains the Llama of a Hugging Face folder through the parts that <c>evo train</c> is made of. Reads a number of steps a line
/// from stdin, runs them, and answers one JSON line: seconds, losses, peak memory. The batches, the rates and the answers are
/// those of bench/pytorch_llama.py.
/// </summary>
internal static class TrainBench
{
    public static void Serve(string folder, Options options)
    {
        torch.set_num_threads(options.Threads);
        var spec = HuggingFaceFolder.ReadConfig(folder);
        using var model = RankModel.OnOneRank(spec, new RankModelOptions { DecayAll = true });
        model.Fill(module => HuggingFaceFolder.LoadWeights(module, folder));
        var rates = new AdamRates(LearningRate: 3e-4, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8, WeightDecay: 0.1);
        long step = 0;
        Answer(new { version = NativeTorch.Info.Version, threads = torch.get_num_threads(), core_type = NativeTorch.Info.CoreTypeChosen });
        while (Console.ReadLine() is { } line)
        {
            var losses = new List<double>();
            var started = Stopwatch.GetTimestamp();
            for (var left = int.Parse(line); left > 0; left--)
            {
                var result = model.Gradients([Tokens(step, options, spec.Size.VocabSize)]);
                model.Update(rates, ++step, result.Norm, clip: 1);
                losses.Add(result.Loss);
            }

            Answer(new { seconds = Stopwatch.GetElapsedTime(started).TotalSeconds, losses, peak_bytes = PeakMemory() });
        }
    }

    /// <summary>The ids of one step, its rows packed behind one another; the walk of tokens_of in bench/pytorch_llama.py.</summary>
    private static MicroBatch Tokens(long step, Options options, int vocabulary)
    {
        long Id(long b, long t) => (t * (2 * b + 3) + t * t % 61 + 31 * step) % vocabulary;
        var places = Enumerable.Range(0, options.Batch * options.Sequence).Select(i => (B: i / options.Sequence, T: i % options.Sequence)).ToArray();
        return new(
            [.. places.Select(p => Id(p.B, p.T))],
            [.. places.Select(p => Id(p.B, p.T + 1))],
            [.. places.Select(p => (long)p.T)],
            [.. Enumerable.Range(0, options.Batch + 1).Select(b => b * options.Sequence)]);
    }

    private static long PeakMemory()
    {
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) * 1024;
    }

    private static void Answer(object value) => Console.WriteLine(JsonSerializer.Serialize(value));
}
