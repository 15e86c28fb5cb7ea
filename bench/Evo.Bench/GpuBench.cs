using System.Diagnostics;
using System.Text.Json;
using Evo.Core;
using Evo.Models;
using Evo.Parallel;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Bench;

/// <summary>
/// Evo's side of bench/gpu. Says what a case needs before anything is made, or trains it: reads a number of steps a line from stdin,
/// runs them, and answers one JSON line; to <c>issue</c>, what issuing a step costs the host; to <c>profile</c>, what a step spends its time on. Weights, batches, rates and answers are
/// those of bench/gpu_torch.py. A device that has no room is an answer, too.
/// </summary>
internal static class GpuBench
{
    /// <summary>Prints what one step is and what memory it needs by the formulas.</summary>
    public static void Predict(string folder, GpuOptions options)
    {
        var spec = HuggingFaceFolder.ReadConfig(folder);
        var memory = RankMemory.OfOneRank(spec, ModelOptions(options), options.Batch, options.Sequence, options.Recompute);
        var size = spec.Size;
        var megatron = new MegatronFlops(
            size.LayerCount, size.HiddenSize, size.VocabSize, (size.GatedMlp ? 1.0 : 2.0 / 3.0) * size.IntermediateSize / size.HiddenSize,
            recompute: options.Recompute > 0);
        Answer(new
        {
            parameters = spec.ParameterCount,
            model_flops = spec.FlopsPerStep(options.Batch, options.Sequence).TotalCausal,
            megatron_flops = megatron.Step(options.Batch, options.Sequence),
            bytes = memory.Total,
            kinds = memory.Kinds.ToDictionary(kind => kind.Kind, kind => kind.Bytes),
        });
    }

    /// <summary>Answers steps until stdin ends; the first line, <c>begin</c>, has none.</summary>
    /// <returns>The exit code: 0, or 1 after the answer that there is no room.</returns>
    public static int Serve(string folder, GpuOptions options)
    {
        try
        {
            Train(folder, options);
            return 0;
        }
        catch (TorchException error) when (error.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase))
        {
            Answer(new { error = "out of memory" });
            return 1;
        }
    }

    /// <summary>The largest matrix product of a device, in operations per second.</summary>
    public static void Ceiling(GpuOptions options) => Answer(new { flops = MachineCeilings.OfProduct(options.Device, options.Dtype) });

    private static void Train(string folder, GpuOptions options)
    {
        // Until then nothing of the device is taken.
        if (Console.ReadLine() is null)
            return;
        var spec = HuggingFaceFolder.ReadConfig(folder);
        using var model = RankModel.OnOneRank(spec, ModelOptions(options), options.Recompute);
        model.Fill(GpuWeights.Fill);
        Answer(new { version = NativeTorch.Info.Version, cuda = NativeTorch.Info.CudaParts });
        long step = 0;
        while (Console.ReadLine() is { } line)
        {
            if (line == "issue")
            {
                // On full rows the host waits where the driver's launch queue is full, which is no cost of its own; on a short one it does not.
                var length = Math.Min(64, options.Sequence);
                Run(Drawn(2, 1, length));
                Answer(new { issue_seconds = Run(Drawn(4, 1, length)).Issued / 4 });
                continue;
            }

            if (line == "profile")
            {
                var batch = Drawn(1, options.Batch, options.Sequence);
                Answer(StepTable.Of(options, () => Run(batch)));
                continue;
            }

            var (seconds, issued, losses) = Run(Drawn(int.Parse(line), options.Batch, options.Sequence));
            Answer(new { seconds, issue_seconds = issued, losses, peak_bytes = Peak(options.Device) });
        }

        // The rows of the next steps.
        List<MicroBatch> Drawn(int count, int rows, int length) =>
            [.. Enumerable.Range(0, count).Select(ahead => BenchModel.Tokens(step + ahead, 0, rows, length, spec.Size.VocabSize))];

        (double Seconds, double Issued, List<double> Losses) Run(List<MicroBatch> batches)
        {
            var losses = new List<double>();
            var waited = 0.0;
            Settle(options.Device);
            var started = Stopwatch.GetTimestamp();
            foreach (var batch in batches)
            {
                var result = model.Gradients([batch]);
                model.Update(BenchModel.Rates, ++step, result, clip: 1);
                losses.Add(result.Loss);
                waited += result.ReadSeconds;
            }

            // All work of a step is issued when its figures are asked for, which waits for the device.
            var issued = Stopwatch.GetElapsedTime(started).TotalSeconds - waited;
            Settle(options.Device);
            return (Stopwatch.GetElapsedTime(started).TotalSeconds, issued, losses);
        }
    }

    // One pass a step: its gradients lose nothing in the model's dtype. No bit of a master weight is lost in halves.
    private static RankModelOptions ModelOptions(GpuOptions options) => new()
    {
        DecayAll = true,
        Device = options.Device,
        Dtype = options.Dtype,
        Dropout = false,
        NarrowSums = true,
        SplitMaster = options.Dtype == ScalarType.BFloat16,
    };

    // On a processor that of the whole process, as PyTorch tells its own.
    private static long Peak(Device device) => device.type == DeviceType.CUDA ? RankMemory.Peak(device) : TrainBench.PeakMemory();

    private static void Settle(Device device)
    {
        if (device.type == DeviceType.CUDA)
            cuda.synchronize(device);
    }

    private static void Answer(object value) => Console.WriteLine(JsonSerializer.Serialize(value));
}
