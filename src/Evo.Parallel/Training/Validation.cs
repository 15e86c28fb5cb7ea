using System.Diagnostics;
using Evo.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>Mean loss over held-out rows, without gradients and without dropout.</summary>
public static class Validation
{
    /// <summary>Mean over all labels of <paramref name="rows"/>, in nats per token, the number of labels, and the time it took.</summary>
    /// <param name="model">The model; back in its former mode (training or not) afterwards.</param>
    /// <param name="rows">The held-out rows.</param>
    /// <param name="device">Where the model is.</param>
    /// <param name="stop">Ends the validation early with an exception.</param>
    public static (double Loss, long Tokens, double Seconds) Run(
        CausalLMModule model, IEnumerable<MicroBatch> rows, Device device, CancellationToken stop = default)
    {
        var began = Stopwatch.GetTimestamp();
        var training = model.training;
        model.train(false);
        try
        {
            using var noGrad = no_grad();
            double sum = 0;
            long count = 0;
            foreach (var row in rows)
            {
                stop.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                using var held = new DeviceRow(row, device);
                sum += held.LossSum(model, 0).ToDouble();
                count += row.Targets;
            }

            return (sum / Math.Max(1, count), count, Stopwatch.GetElapsedTime(began).TotalSeconds);
        }
        finally
        {
            model.train(training);
        }
    }
}
