using System.Diagnostics;
using System.Text.Json;
using Evo.Models;
using Evo.Parallel;
using Evo.Torch;
using TorchSharp;

namespace Evo.Bench;

/// <summary>
/// Trains the model of a Hugging Face folder through the parts that <c>evo train</c> is made of. Reads a number of steps a line
/// from stdin, runs them, and answers one JSON line: seconds, losses, peak memory. The batches, the rates and the answers are
/// those of bench/pytorch_train.py. The line "ceiling" is answered by the speed of the largest matrix product.
/// </summary>
internal static class TrainBench
{
    public static void Serve(string folder, Options options)
    {
        torch.set_num_threads(options.Threads);
        var spec = HuggingFaceFolder.ReadConfig(folder);
        MatrixProducts.Use(MachineProducts.Here.Take(ProductShapes.Large(spec.Plan(ParallelMode.Serial), new(options.Batch, options.Sequence))));
        using var model = RankModel.OnOneRank(spec, new RankModelOptions { DecayAll = true });
        model.Fill(module => HuggingFaceFolder.LoadWeights(module, folder));
        long step = 0;
        Answer(new
        {
            version = NativeTorch.Info.Version,
            threads = torch.get_num_threads(),
            core_type = NativeTorch.Info.CoreTypeChosen,
            flops_per_step = spec.FlopsPerStep(options.Batch, options.Sequence).TotalCausal,
        });
        while (Console.ReadLine() is { } line)
        {
            if (line == "ceiling")
            {
                Answer(new { flops = MachineCeilings.OfProduct(torch.CPU, torch.ScalarType.Float32) });
                continue;
            }

            var losses = new List<double>();
            var started = Stopwatch.GetTimestamp();
            for (var left = int.Parse(line); left > 0; left--)
            {
                var result = model.Gradients([BenchModel.Tokens(step, 0, options.Batch, options.Sequence, spec.Size.VocabSize)]);
                model.Update(BenchModel.Rates, ++step, result, clip: 1);
                losses.Add(result.Loss);
            }

            Answer(new { seconds = Stopwatch.GetElapsedTime(started).TotalSeconds, losses, peak_bytes = PeakMemory(), tensor_peak_bytes = NativeMemory.PeakBytes, tensor_extent_bytes = NativeMemory.ExtentBytes });
        }
    }

    internal static long PeakMemory()
    {
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) * 1024;
    }

    private static void Answer(object value) => Console.WriteLine(JsonSerializer.Serialize(value));
}
