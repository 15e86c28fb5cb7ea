using System.Diagnostics;
using Evo.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>What the forward and backward passes of one step gave.</summary>
/// <param name="Loss">Mean loss in nats over all labels of the step that count.</param>
/// <param name="Targets">The number of those labels.</param>
/// <param name="Seconds">Time of all passes together.</param>
/// <param name="BackwardSeconds">Time of the backward passes.</param>
public readonly record struct GradientResult(double Loss, long Targets, double Seconds, double BackwardSeconds);

/// <summary>
/// Forward and backward of one step. The loss is the mean over the labels of the whole step, so each micro-batch's sum is
/// divided by the number of labels of all of them before its backward pass: how a batch is cut into micro-batches changes
/// nothing but the order of summation.
/// </summary>
/// <param name="model">The model; its parameters are those of <paramref name="optimizer"/>.</param>
/// <param name="optimizer">Receives the gradient.</param>
/// <param name="labelSmoothing">Part of the target probability spread over the vocabulary.</param>
public sealed class GradientStep(CausalLMModule model, FlatOptimizer optimizer, double labelSmoothing)
{
    /// <summary>Replaces the optimizer's gradient by that of the mean loss over <paramref name="batch"/>. Leaves no tensor behind.</summary>
    public GradientResult Run(IReadOnlyList<MicroBatch> batch)
    {
        var began = Stopwatch.GetTimestamp();
        var targets = batch.Sum(micro => micro.Targets);
        var lossSum = 0.0;
        var backward = 0.0;
        optimizer.ZeroGradient();
        foreach (var micro in batch)
        {
            using var scope = NewDisposeScope();
            using var row = new DeviceRow(micro, optimizer.Device);
            var sum = row.LossSum(model, labelSmoothing);
            lossSum += sum.ToDouble();
            var turned = Stopwatch.GetTimestamp();
            (sum / (double)Math.Max(1, targets)).backward();
            optimizer.Accumulate();
            backward += Stopwatch.GetElapsedTime(turned).TotalSeconds;
        }

        return new(lossSum / Math.Max(1, targets), targets, Stopwatch.GetElapsedTime(began).TotalSeconds, backward);
    }
}
