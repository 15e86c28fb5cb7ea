using System.Diagnostics;
using System.Text.Json;
using Evo.Core;
using Evo.Models;
using Evo.Parallel;
using Evo.Torch;
using TorchSharp;

namespace Evo.Bench;

/// <summary>
/// One of two processes that train together over Gloo, as torchrun's variables say. Reads lines "alone N" (its own rows only, nothing
/// is sent) and "together N" (gradients are summed in buckets while the backward goes on), and answers as bench/pytorch_train.py.
/// </summary>
internal static class GlooBench
{
    public static void Serve(string folder, Options options)
    {
        torch.set_num_threads(options.Threads);
        using var world = RankLaunch.Connect(new C10dOptions());
        var spec = HuggingFaceFolder.ReadConfig(folder);
        var layout = BenchModel.Layout(world.Size);
        var made = new RankModelOptions { DecayAll = true, BucketElements = 4 << 20 };
        using var alone = RankModel.OnOneRank(spec, made);
        using var together = RankModel.Build(spec, layout, new RankGroups(new Topology(layout.Degrees), world), made);
        alone.Fill(module => HuggingFaceFolder.LoadWeights(module, folder));
        together.Fill(module => HuggingFaceFolder.LoadWeights(module, folder));
        var updates = new Dictionary<RankModel, long> { [alone] = 0, [together] = 0 };
        Answer(new { version = NativeTorch.Info.Version, threads = torch.get_num_threads(), core_type = NativeTorch.Info.CoreTypeChosen });
        while (Console.ReadLine()?.Split(' ') is [var which, var count])
        {
            var model = which == "alone" ? alone : together;
            var losses = new List<double>();
            var started = Stopwatch.GetTimestamp();
            for (var left = int.Parse(count); left > 0; left--)
            {
                var step = updates[model]++;
                var figures = model.Gradients([BenchModel.Tokens(step, world.Rank * options.Batch, options.Batch, options.Sequence, spec.Size.VocabSize)]);
                model.Update(BenchModel.Rates, step + 1, figures, clip: 1);
                losses.Add(figures.Loss);
            }

            Answer(new { seconds = Stopwatch.GetElapsedTime(started).TotalSeconds, losses, peak_bytes = 0 });
        }
    }

    private static void Answer(object value) => Console.WriteLine(JsonSerializer.Serialize(value));
}
